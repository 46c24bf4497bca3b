// The choice of a mechanism and what guards it: RFC 4178 section 5, with the tests' own NTLM client inside.
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
import { createContext, fromHex, NtlmClient } from "./exchange-rig.ts";

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

/** Both sides up to the client's AUTHENTICATE, with Kerberos preferred and its ticket in vain. */
function begin(client: NtlmClient, list = KERBEROS_FIRST) {
  const authenticator = createAuthenticator(createContext());
  const step = (token: Uint8Array): AuthStep => authenticator.step(token) as AuthStep;
  const first = answer(step(encodeInit(list, new Uint8Array(200).fill(0x6e))));
  const second = answer(step(respond({ responseToken: client.negotiate })));
  const authenticate = client.authenticate(second.responseToken ?? new Uint8Array(0));
  return { step, first, second, authenticate };
}

describe("NTLM as the client's second choice", () => {
  test("the optimistic token is passed over and the MIC asked for", () => {
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

  test("with the client's MIC beside AUTHENTICATE the log-on ends, with ours", () => {
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

  test("without it the log-on waits for a token with the MIC alone", () => {
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

  test("a list changed on the way is noticed, at once and afterwards", () => {
    for (const isLate of [false, true]) {
      const client = new NtlmClient();
      const { step, authenticate } = begin(client);
      // The client had offered a stronger mechanism, which somebody took out.
      const mechListMic = sign(client.sessionKey, "client", [Oid.NEGOEX, ...KERBEROS_FIRST]);
      if (isLate) expect(step(respond({ responseToken: authenticate })).kind).toBe("continue");
      const last = step(respond(isLate ? { mechListMic } : { responseToken: authenticate, mechListMic }));
      expect(last).toMatchObject({ kind: "refused", status: Status.ACCESS_DENIED });
    }
  });

  test("a late token without the MIC, or a MIC of another size, is refused", () => {
    for (const mechListMic of [undefined, new Uint8Array(0), new Uint8Array(15), new Uint8Array(64)]) {
      const { step, authenticate } = begin(new NtlmClient());
      step(respond({ responseToken: authenticate }));
      expect(step(respond({ mechListMic }))).toMatchObject({ status: Status.ACCESS_DENIED });
    }
  });

  test("a wrong password is refused before any MIC", () => {
    const { step, authenticate } = begin(new NtlmClient({ ntHash: "11".repeat(16) }));
    expect(step(respond({ responseToken: authenticate }))).toMatchObject({ status: Status.LOGON_FAILURE });
  });
});

describe("NTLM as the first choice", () => {
  test("no MIC from the client, none from us", () => {
    const client = new NtlmClient();
    const authenticator = createAuthenticator(createContext());
    const first = answer(authenticator.step(encodeInit([Oid.NTLMSSP], client.negotiate)) as AuthStep);
    expect(first.supportedMech).toBe(Oid.NTLMSSP);
    const responseToken = client.authenticate(first.responseToken ?? new Uint8Array(0));
    const last = authenticator.step(respond({ responseToken })) as AuthStep;
    expect(last.kind).toBe("done");
    expect(answer(last)).toMatchObject({ state: NegState.ACCEPT_COMPLETED, mechListMic: undefined });
  });

  test("an init without a token gets the choice alone, and the exchange goes on", () => {
    const client = new NtlmClient();
    const authenticator = createAuthenticator(createContext());
    const first = answer(authenticator.step(encodeInit([Oid.NTLMSSP], undefined)) as AuthStep);
    expect(first).toMatchObject({ state: NegState.ACCEPT_INCOMPLETE, responseToken: undefined });
    const second = answer(authenticator.step(respond({ responseToken: client.negotiate })) as AuthStep);
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
  test("a client that rejects", () => {
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
  test("a MIC where the client asked for no session security", () => {
    // Neither extended session security nor key exchange: UNICODE, NTLM, TARGET_INFO alone.
    const client = new NtlmClient({ flags: 0x0080_0201, encryptedKey: new Uint8Array(0), mic: "none" });
    for (const mechListMic of [undefined, new Uint8Array(16)]) {
      const authenticator = createAuthenticator(createContext());
      const first = answer(authenticator.step(encodeInit([Oid.NTLMSSP], client.negotiate)) as AuthStep);
      const responseToken = client.authenticate(first.responseToken ?? new Uint8Array(0));
      const last = authenticator.step(respond({ responseToken, mechListMic }));
      if (mechListMic) expect(last).toMatchObject(invalid);
      else expect(last).toMatchObject({ kind: "done" });
    }
  });
});

test("fuzz: no exchange throws, and none succeeds by chance", () => {
  const exchange = samba.exchanges[0];
  if (!exchange) throw new Error("nothing captured");
  const openings = [fromHex(exchange.negotiate), new NtlmClient().negotiate];
  const samples = [...openings, fromHex(exchange.authenticate)];
  let refused = 0;
  for (const input of createInputs(samples, 8_000, 31)) {
    for (const opening of openings) {
      const authenticator = createAuthenticator(createContext());
      authenticator.step(opening);
      const step = authenticator.step(input) as AuthStep;
      if (step.kind === "refused") refused++;
      else expect(step).toMatchObject({ kind: "done", identity: { isAnonymous: true } });
    }
  }
  expect(refused).toBeGreaterThan(16_000);
});
