// SPNEGO: choice of a mechanism, and its protection by mechListMIC; RFC 4178 section 5. Uses the NTLM client
// of the rig.
import { describe, expect, test } from "bun:test";
import { messageSignature, sealKey, signKey } from "../../../src/crypto/ntowf.ts";
import { pureProvider as provider } from "../../../src/crypto/pure.ts";
import { type AuthStep, createAuthenticator } from "../../../src/engine/logon/authenticator.ts";
import {
  decodeSpnego,
  encodeInit,
  encodeMechTypes,
  encodeResp,
  NegState,
  type NegTokenResp,
  Oid,
} from "../../../src/wire/auth/spnego.ts";
import { Status } from "../../../src/wire/status.ts";
import { createInputs } from "../../fuzz/bytes.ts";
import samba from "../../vectors/ntlmssp-samba.json";
import { createContext, fromHex, NtlmClient, stepNow } from "./exchange-rig.ts";

const KERBEROS_FIRST = [Oid.MS_KERBEROS, Oid.KERBEROS, Oid.NTLMSSP];

function answer(step: AuthStep): NegTokenResp {
  if (step.kind === "refused" || !step.token) throw new Error(JSON.stringify(step));
  const token = decodeSpnego(step.token);
  if (token.kind !== "resp") throw new Error("not a response");
  return token;
}

function respond(fields: Partial<NegTokenResp>): Uint8Array {
  const none = {
    state: undefined,
    supportedMech: undefined,
    responseToken: undefined,
    mechListMic: undefined,
  };
  return encodeResp({ ...none, ...fields });
}

function sign(key: Uint8Array, side: "client" | "server", list: readonly string[]): Uint8Array {
  const seal = provider.rc4(sealKey(provider, key, side, 128));
  return messageSignature(provider, signKey(provider, key, side), seal, 0, encodeMechTypes(list));
}

/** Runs an exchange up to the client's AUTHENTICATE; the client prefers Kerberos and sends a token for it. */
function begin(client: NtlmClient, list = KERBEROS_FIRST) {
  const authenticator = createAuthenticator(createContext());
  const step = (token: Uint8Array): AuthStep => stepNow(authenticator, token);
  const first = answer(step(encodeInit(list, new Uint8Array(200).fill(0x6e))));
  const second = answer(step(respond({ responseToken: client.negotiate })));
  const authenticate = client.authenticate(second.responseToken ?? new Uint8Array(0));
  return { step, first, second, authenticate };
}

describe("NTLM as the client's second choice", () => {
  test("the server ignores the optimistic token and requests a MIC", () => {
    const { first, second } = begin(new NtlmClient());
    expect(first).toEqual({
      kind: "resp",
      state: NegState.REQUEST_MIC,
      supportedMech: Oid.NTLMSSP,
      responseToken: undefined,
      mechListMic: undefined,
    });
    expect(second.state).toBe(NegState.ACCEPT_INCOMPLETE);
    expect(second.supportedMech).toBeUndefined();
  });

  test("a MIC sent with AUTHENTICATE completes the log-on, and the server answers with its MIC", () => {
    const client = new NtlmClient();
    const { step, authenticate } = begin(client);
    const mechListMic = sign(client.sessionKey, "client", KERBEROS_FIRST);
    const last = step(respond({ responseToken: authenticate, mechListMic }));
    expect(last.kind).toBe("done");
    expect(answer(last)).toMatchObject({
      state: NegState.ACCEPT_COMPLETED,
      mechListMic: sign(client.sessionKey, "server", KERBEROS_FIRST),
    });
  });

  test("without a MIC in AUTHENTICATE the server expects one in a further token", () => {
    const client = new NtlmClient();
    const { step, authenticate } = begin(client);
    const waiting = step(respond({ responseToken: authenticate }));
    expect(waiting.kind).toBe("continue");
    expect(answer(waiting)).toMatchObject({
      state: NegState.ACCEPT_INCOMPLETE,
      mechListMic: sign(client.sessionKey, "server", KERBEROS_FIRST),
    });
    const last = step(respond({ mechListMic: sign(client.sessionKey, "client", KERBEROS_FIRST) }));
    expect(last).toMatchObject({ kind: "done", sessionKey: client.sessionKey });
    expect(answer(last)).toMatchObject({ state: NegState.ACCEPT_COMPLETED, mechListMic: undefined });
  });

  test("a changed mechanism list is refused, with the MIC in AUTHENTICATE and in a further token", () => {
    for (const isLate of [false, true]) {
      const client = new NtlmClient();
      const { step, authenticate } = begin(client);
      // The client offered a stronger mechanism, which an attacker removed.
      const mechListMic = sign(client.sessionKey, "client", [Oid.NEGOEX, ...KERBEROS_FIRST]);
      if (isLate) expect(step(respond({ responseToken: authenticate })).kind).toBe("continue");
      const last = step(respond(isLate ? { mechListMic } : { responseToken: authenticate, mechListMic }));
      expect(last).toMatchObject({ kind: "refused", status: Status.ACCESS_DENIED });
    }
  });

  test("a further token without a MIC, or with one of another size, is refused", () => {
    for (const mechListMic of [undefined, new Uint8Array(0), new Uint8Array(15), new Uint8Array(64)]) {
      const { step, authenticate } = begin(new NtlmClient());
      step(respond({ responseToken: authenticate }));
      expect(step(respond({ mechListMic }))).toMatchObject({ status: Status.ACCESS_DENIED });
    }
  });

  test("a wrong password is refused without a MIC", () => {
    const { step, authenticate } = begin(new NtlmClient({ ntHash: "11".repeat(16) }));
    expect(step(respond({ responseToken: authenticate }))).toMatchObject({ status: Status.LOGON_FAILURE });
  });
});

describe("NTLM as the first choice", () => {
  test("a client that sends no MIC gets none", () => {
    const client = new NtlmClient();
    const authenticator = createAuthenticator(createContext());
    const first = answer(stepNow(authenticator, encodeInit([Oid.NTLMSSP], client.negotiate)));
    expect(first.supportedMech).toBe(Oid.NTLMSSP);
    const responseToken = client.authenticate(first.responseToken ?? new Uint8Array(0));
    const last = stepNow(authenticator, respond({ responseToken }));
    expect(last.kind).toBe("done");
    expect(answer(last)).toMatchObject({ state: NegState.ACCEPT_COMPLETED, mechListMic: undefined });
  });

  test("NegTokenInit without a token gets the chosen mechanism, and the exchange continues", () => {
    const client = new NtlmClient();
    const authenticator = createAuthenticator(createContext());
    const first = answer(stepNow(authenticator, encodeInit([Oid.NTLMSSP], undefined)));
    expect(first).toMatchObject({ state: NegState.ACCEPT_INCOMPLETE, responseToken: undefined });
    const second = answer(stepNow(authenticator, respond({ responseToken: client.negotiate })));
    expect(second.responseToken).toBeDefined();
  });
});

describe("refused", () => {
  const invalid = { kind: "refused", status: Status.INVALID_PARAMETER };
  test("no mechanism in common", () => {
    const step = createAuthenticator(createContext()).step(encodeInit([Oid.KERBEROS], undefined));
    expect(step).toMatchObject(invalid);
  });
  test("tokens out of order", () => {
    const { negotiate } = new NtlmClient();
    const init = encodeInit([Oid.NTLMSSP], negotiate);
    for (const order of [
      [respond({ responseToken: negotiate })],
      [respond({})],
      [init, init],
      [init, respond({})],
      [init, respond({ responseToken: negotiate })],
      [init, respond({ mechListMic: new Uint8Array(16) })],
      [init, negotiate],
      [negotiate, init],
    ]) {
      const authenticator = createAuthenticator(createContext());
      expect(order.map((token) => authenticator.step(token)).at(-1)).toMatchObject(invalid);
      expect(authenticator.step(init)).toMatchObject(invalid);
    }
  });
  test("a client that rejects the mechanism", () => {
    const authenticator = createAuthenticator(createContext());
    authenticator.step(encodeInit([Oid.NTLMSSP], new NtlmClient().negotiate));
    const step = authenticator.step(respond({ state: NegState.REJECT }));
    expect(step).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });
  test("SPNEGO inside SPNEGO", () => {
    const inner = encodeInit([Oid.NTLMSSP], new NtlmClient().negotiate);
    expect(createAuthenticator(createContext()).step(encodeInit([Oid.NTLMSSP], inner))).toMatchObject(
      invalid,
    );
  });
  test("a MIC of a client that negotiated no session security", () => {
    // UNICODE, NTLM and TARGET_INFO: neither extended session security nor key exchange.
    const client = new NtlmClient({ flags: 0x0080_0201, encryptedKey: new Uint8Array(0), mic: "none" });
    for (const mechListMic of [undefined, new Uint8Array(16)]) {
      const authenticator = createAuthenticator(createContext());
      const first = answer(stepNow(authenticator, encodeInit([Oid.NTLMSSP], client.negotiate)));
      const responseToken = client.authenticate(first.responseToken ?? new Uint8Array(0));
      const last = authenticator.step(respond({ responseToken, mechListMic }));
      if (mechListMic) expect(last).toMatchObject(invalid);
      else expect(last).toMatchObject({ kind: "done" });
    }
  });
});

test("fuzz: no input makes a step throw or authenticates a user", () => {
  const exchange = samba.exchanges[0];
  if (!exchange) throw new Error("nothing captured");
  const openings = [fromHex(exchange.negotiate), new NtlmClient().negotiate];
  const samples = [...openings, fromHex(exchange.authenticate)];
  let refused = 0;
  for (const input of createInputs(samples, 8_000, 31)) {
    for (const opening of openings) {
      const authenticator = createAuthenticator(createContext());
      authenticator.step(opening);
      const step = stepNow(authenticator, input);
      if (step.kind === "refused") refused++;
      else expect(step).toMatchObject({ kind: "done", identity: { isAnonymous: true } });
    }
  }
  expect(refused).toBeGreaterThan(16_000);
});
