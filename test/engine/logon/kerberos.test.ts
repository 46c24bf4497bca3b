// Kerberos under SPNEGO: the list of mechanisms is signed and verified with the context's key. The signatures of the
// client are impacket 0.10.0's (krb5/crypto.py, krb5/gssapi.py), with the flags of RFC 4121 4.2.2.
import { describe, expect, test } from "bun:test";
import { createAuthenticator } from "../../../src/engine/logon/authenticator.ts";
import { createKerberosAcceptor } from "../../../src/engine/logon/kerberos.ts";
import type { MechanismStep } from "../../../src/engine/logon/mechanism.ts";
import { encodeInit, Oid } from "../../../src/wire/auth/spnego.ts";
import { Status } from "../../../src/wire/status.ts";
import { createContext } from "./exchange-rig.ts";

const keyOf = (length: number) => Uint8Array.from({ length }, (_, i) => i + 1);
const LIST = new TextEncoder().encode("mechanisms--");
const TOKEN = Uint8Array.of(1);

function contextFor(user: string, etype: number, length: number) {
  return createContext({
    kerberos: true,
    acceptTicket: () => ({
      kind: "accepted",
      user,
      realm: "HOME.TEST",
      etype,
      key: keyOf(length),
      isServerKey: false,
      sequence: 7,
      clientSequence: 3,
      token: undefined,
      confirm: undefined,
      expiresMs: 5000,
    }),
  });
}

function logOn(user: string, etype: number, length: number): MechanismStep {
  const step = createKerberosAcceptor(contextFor(user, etype, length)).step(TOKEN);
  if (step instanceof Promise) throw new Error("the step is asynchronous");
  return step;
}

test.each([
  [
    17,
    16,
    "040400ffffffffff0000000000000007812c8df566005ffae634d379",
    "040401ffffffffff0000000000000007acdf6f4b0944d15e7ee2a770",
  ],
  [
    18,
    32,
    "040400ffffffffff00000000000000077b5c42b1cf23e3376b55ba1b",
    "040401ffffffffff0000000000000007ce57bc96a7c7f2caf11b6ba2",
  ],
  [
    23,
    16,
    "602306092a864886f71201020201011100ffffffff0766366c4556eefd75976aa94385baca",
    "602306092a864886f71201020201011100ffffffff0766366cbaa9110275976aa94385baca",
  ],
])("type %i verifies the client's signature and makes the server's", (etype, length, ofClient, ofServer) => {
  const step = logOn("user", etype, length);
  if (step.kind !== "done" || step.integrity === undefined) throw new Error(step.kind);
  const { integrity } = step;
  expect(integrity.verify(LIST, Uint8Array.fromHex(ofClient))).toBe(true);
  expect(integrity.verify(LIST.subarray(1), Uint8Array.fromHex(ofClient))).toBe(false);
  // The server's own signature, sent back.
  expect(integrity.verify(LIST, Uint8Array.fromHex(ofServer))).toBe(false);
  expect(integrity.sign(LIST).toHex()).toBe(ofServer);
  for (let i = 0; i < ofClient.length / 2; i++) {
    const changed = Uint8Array.fromHex(ofClient);
    changed[i] = (changed[i] ?? 0) ^ 0x40;
    let isAccepted = false;
    try {
      isAccepted = integrity.verify(LIST, changed);
    } catch {
      // Does not decode.
    }
    // RC4's checksum does not cover the number of the message.
    expect(isAccepted && !(etype === 23 && i >= 21 && i < 25)).toBe(false);
  }
});

test("a user of the password file logs on with its spelling there and 16 bytes of the key", () => {
  expect(logOn("uSER", 18, 32)).toMatchObject({
    kind: "done",
    sessionKey: keyOf(16),
    identity: { user: "User", domain: "HOME.TEST", isGuest: false, accountVersion: 1 },
    expiresMs: 5000,
  });
});

test("a valid ticket of a user whom the server does not know is refused, also where unknown users are guests", () => {
  const context = { ...contextFor("stranger", 18, 32), mapToGuest: "bad-user" } as const;
  expect(createKerberosAcceptor(context).step(TOKEN)).toMatchObject({
    kind: "refused",
    status: Status.LOGON_FAILURE,
    user: "stranger",
  });
});

test("Kerberos is not accepted where it is off", () => {
  const step = createAuthenticator({ ...contextFor("user", 18, 32), kerberos: false }).step(
    encodeInit([Oid.KERBEROS], TOKEN),
  );
  expect(step).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
});

describe("the exchange of DCE", () => {
  const begin = () => {
    const context = createContext({
      kerberos: true,
      acceptTicket: () => ({
        kind: "accepted",
        user: "user",
        realm: "HOME.TEST",
        etype: 18,
        key: keyOf(32),
        isServerKey: true,
        sequence: 7,
        clientSequence: 3,
        token: Uint8Array.of(2),
        confirm: (token) => token[0] === 3,
        expiresMs: 5000,
      }),
    });
    const mechanism = createKerberosAcceptor(context);
    expect(mechanism.step(TOKEN)).toEqual({ kind: "continue", token: Uint8Array.of(2) });
    return mechanism;
  };

  test("ends with the client's second message, without which nobody is logged on", () => {
    expect(begin().step(Uint8Array.of(3))).toMatchObject({ kind: "done", token: undefined });
  });

  test("is refused with a wrong second message", () => {
    expect(begin().step(Uint8Array.of(4))).toMatchObject({ kind: "refused" });
  });
});
