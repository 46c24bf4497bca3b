// Attacks on the log-on: malformed tokens, messages out of order, sessions that are not logged on, tricks
// with names. [MS-SMB2] 3.3.5.5; [MS-NLMP] 3.2.5.1.2; RFC 4178.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { nativeProvider } from "../../../src/crypto/native.ts";
import { HeaderOffset } from "../../../src/wire/header.ts";
import {
  encodeNtlmAuthenticate,
  encodeNtlmNegotiate,
  type NtlmAuthenticate,
} from "../../../src/wire/auth/ntlmssp.ts";
import { decodeSessionSetupResponse } from "../../../src/wire/command/session-setup.ts";
import { encodeInit, encodeResp, Oid } from "../../../src/wire/auth/spnego.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { type Call, sessionSetupCall } from "../client/raw-calls.ts";
import { RawClient, StatusError } from "../client/raw-client.ts";
import { NtlmExchange } from "../client/raw-ntlm.ts";
import {
  expectOutcome,
  expectServing,
  freshAddress,
  type Outcome,
  outcomeOf,
  startVictim,
  tryLogOn,
} from "../client/attack-rig.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "logon failure delay": "50" } });
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

const FAILED: readonly Outcome[] = [Status.LOGON_FAILURE, Status.INVALID_PARAMETER, "closed"];

async function negotiated(): Promise<RawClient> {
  const client = await RawClient.connect(server, freshAddress());
  await client.negotiate();
  return client;
}

/** The outcome of a first SESSION_SETUP with this token. */
async function setUp(token: Uint8Array, change: Partial<Call> = {}): Promise<Outcome> {
  const client = await negotiated();
  const outcome = await client.outcome({ ...sessionSetupCall({}, token, 0), ...change });
  client.close();
  return outcome;
}

/** The outcome of a log-on whose AUTHENTICATE message was changed on the way. */
async function authenticateWith(changeMessage: (message: Uint8Array) => Uint8Array): Promise<Outcome> {
  return tryLogOn(server, { ...TESTER, changeMessage });
}

/** Positions of the length and offset of AUTHENTICATE's fields; [MS-NLMP] 2.2.1.3. */
const FIELDS = { lmResponse: 12, ntResponse: 20, domain: 28, user: 36, workstation: 44, sessionKey: 52 };

describe("SESSION_SETUP fails with", () => {
  test("a security buffer outside the message", async () => {
    const good = encodeInit([Oid.NTLMSSP], encodeNtlmNegotiate(0xe208_8297));
    for (const [offset, length] of [
      [0xffff, 16],
      [0, good.length],
      [64, good.length],
      [88, 0xffff],
      [88, good.length + 1],
    ] as const) {
      const edit = (_bytes: Uint8Array, view: DataView): void => {
        view.setUint16(76, offset, true);
        view.setUint16(78, length, true);
      };
      expectOutcome(await setUp(good, { edit }), ...FAILED);
    }
  });

  test("an empty token, or one of random bytes", async () => {
    expectOutcome(await setUp(new Uint8Array(0)), ...FAILED);
    for (const first of [0x00, 0x60, 0xa0, 0xa1, 0x4e, 0xff]) {
      expectOutcome(await setUp(new Uint8Array(64).fill(first)), ...FAILED);
    }
  });

  test("SPNEGO nested 10,000 deep", async () => {
    const depth = 10_000;
    const token = new Uint8Array(depth * 4);
    for (let i = 0; i < depth; i++) {
      const rest = (depth - i - 1) * 4;
      token.set([i === 0 ? 0x60 : 0xa0, 0x82, rest >> 8, rest & 0xff], i * 4);
    }
    expectOutcome(await setUp(token), ...FAILED);
  });

  test("ASN.1 lengths of 2^31 and more", async () => {
    for (const tag of [0x60, 0xa0, 0xa1]) {
      for (const octets of [
        [0x84, 0x80, 0, 0, 0],
        [0x84, 0xff, 0xff, 0xff, 0xff],
        [0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        [0xff],
        [0x80],
      ]) {
        expectOutcome(await setUp(Uint8Array.of(tag, ...octets, 0x06, 0x01, 0x00)), ...FAILED);
      }
    }
  });

  test("no known mechanism, none at all, or a hundred", async () => {
    expectOutcome(await setUp(encodeInit(["1.2.3.4"], new Uint8Array(4))), ...FAILED);
    expectOutcome(await setUp(encodeInit([], undefined)), ...FAILED);
    expectOutcome(await setUp(encodeInit(new Array(100).fill(Oid.KERBEROS), undefined)), ...FAILED);
  });

  test("NTLMSSP fields that point outside the message", async () => {
    for (const at of Object.values(FIELDS)) {
      for (const [length, offset] of [
        [0xffff, 64],
        [16, 0xffff_fff0],
        [16, 0x7fff_ffff],
        [0x8000, 0x8000],
      ] as const) {
        const outcome = await authenticateWith((message) => {
          const view = new DataView(message.buffer);
          view.setUint16(at, length, true);
          view.setUint32(at + 4, offset, true);
          return message;
        });
        expectOutcome(outcome, ...FAILED);
      }
    }
  }, 20_000);

  test("an AUTHENTICATE message cut off at any length", async () => {
    for (let length = 0; length < 120; length += 7) {
      expectOutcome(await authenticateWith((message) => message.slice(0, length)), ...FAILED);
    }
  }, 20_000);

  test.each([0, 1, 15, 16, 17, 43, 44])("an NTLMv2 response of %d bytes", async (length) => {
    const changeFields = (fields: NtlmAuthenticate): NtlmAuthenticate => ({
      ...fields,
      ntResponse: fields.ntResponse.slice(0, length),
    });
    expectOutcome(await tryLogOn(server, { ...TESTER, changeFields }), ...FAILED);
  });

  test.each([0, 1, 8, 15, 17, 255])("a session key of %d bytes", async (length) => {
    const changeFields = (fields: NtlmAuthenticate): NtlmAuthenticate => ({
      ...fields,
      encryptedSessionKey: new Uint8Array(length).fill(9),
    });
    expectOutcome(await tryLogOn(server, { ...TESTER, changeFields }), ...FAILED);
  });

  test("NTLMSSP messages out of order", async () => {
    const nothing = new Uint8Array(0);
    const authenticate = encodeNtlmAuthenticate({
      flags: 0xe208_8297,
      lmResponse: nothing,
      ntResponse: nothing,
      domain: "",
      user: TESTER.user,
      workstation: "",
      encryptedSessionKey: nothing,
      mic: undefined,
    });
    const wrapped = (responseToken: Uint8Array): Uint8Array =>
      encodeResp({ state: undefined, supportedMech: undefined, responseToken, mechListMic: undefined });
    expectOutcome(await setUp(encodeInit([Oid.NTLMSSP], authenticate)), ...FAILED);
    expectOutcome(await setUp(wrapped(authenticate)), ...FAILED);
    expectOutcome(await setUp(authenticate), ...FAILED);
    // NEGOTIATE where AUTHENTICATE is expected.
    const client = await negotiated();
    const exchange = new NtlmExchange(nativeProvider, TESTER);
    const first = await client.request(sessionSetupCall({}, exchange.first(), 0));
    expect(first.status).toBe(Status.MORE_PROCESSING_REQUIRED);
    const again = sessionSetupCall({}, wrapped(exchange.negotiateMessage), first.header.sessionId);
    expectOutcome(await client.outcome(again), ...FAILED);
    client.close();
  });

  test("another command in the session of an unfinished log-on", async () => {
    const client = await negotiated();
    const exchange = new NtlmExchange(nativeProvider, TESTER);
    const first = await client.request(sessionSetupCall({}, exchange.first(), 0));
    decodeSessionSetupResponse(first.message);
    const { sessionId } = first.header;
    const call: Call = { command: 0x03, sessionId, body: (writer) => writer.raw(new Uint8Array(40).fill(9)) };
    expectOutcome(await client.outcome(call), Status.USER_SESSION_DELETED, ...FAILED);
    client.close();
  });

  test("an unknown session id", async () => {
    const exchange = new NtlmExchange(nativeProvider, TESTER);
    const edit = (_bytes: Uint8Array, view: DataView): void =>
      view.setBigUint64(HeaderOffset.SESSION_ID, 0xdead_beef_dead_beefn, true);
    expectOutcome(await setUp(exchange.first(), { edit }), Status.USER_SESSION_DELETED, "closed");
  });
});

describe("user names", () => {
  test("a known name with NUL, a space, a domain or a realm added is refused", async () => {
    for (const user of [
      `${TESTER.user}\0`,
      `\0${TESTER.user}`,
      `${TESTER.user} `,
      `x\\${TESTER.user}`,
      `${TESTER.user}@x`,
    ]) {
      expectOutcome(
        await tryLogOn(server, { ...TESTER, user }),
        Status.LOGON_FAILURE,
        Status.INVALID_PARAMETER,
      );
    }
  }, 40_000);

  test("a log-on ignores the case of the name, not that of the password", async () => {
    expectOutcome(await tryLogOn(server, { ...TESTER, user: TESTER.user.toUpperCase() }), Status.SUCCESS);
    const password = TESTER.password.toUpperCase();
    expectOutcome(await tryLogOn(server, { ...TESTER, password }), Status.LOGON_FAILURE);
  }, 20_000);

  test("an empty name with an NTLM response is refused, not made anonymous", async () => {
    expectOutcome(await tryLogOn(server, { user: "", password: "" }), Status.LOGON_FAILURE);
    expectOutcome(await tryLogOn(server, { user: "", password: TESTER.password }), Status.LOGON_FAILURE);
  }, 20_000);

  test("an anonymous client gets STATUS_ACCESS_DENIED for a disk share", async () => {
    const client = await negotiated();
    const session = await client.logOn({ user: "", password: "", isAnonymous: true });
    const outcome = await outcomeOf(client.connectTree(session, "test"));
    expectOutcome(outcome, Status.ACCESS_DENIED);
    client.close();
  });

  test("a guest by `map to guest` gets only shares with `guest ok`", async () => {
    const open = await startVictim({
      parameters: { "map to guest": "bad user" },
      shares: [{ name: "test" }, { name: "public", parameters: { "guest ok": "yes" } }],
    });
    try {
      const client = await RawClient.connect(open);
      await client.negotiate();
      const session = await client.logOn({ user: "stranger", password: "any", withoutMechListMic: true });
      expect(session.flags & 0x1).toBe(0x1);
      expectOutcome(await outcomeOf(client.connectTree(session, "test")), Status.ACCESS_DENIED);
      expectOutcome(await outcomeOf(client.connectTree(session, "public")), Status.SUCCESS);
      client.close();
      // A known name with a wrong password is refused, not made a guest.
      expectOutcome(await tryLogOn(open, { ...TESTER, password: "wrong" }), Status.LOGON_FAILURE);
    } finally {
      await open.stop();
    }
  });
});

test("a client can log on over a connection whose first log-on failed", async () => {
  const client = await negotiated();
  await expect(client.logOn({ ...TESTER, password: "wrong" })).rejects.toBeInstanceOf(StatusError);
  const session = await client.logOn(TESTER);
  expect(await client.connectTree(session, "test")).toBeGreaterThan(0);
  client.close();
}, 20_000);
