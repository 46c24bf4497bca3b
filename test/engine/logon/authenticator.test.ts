// Whole exchanges: what smbclient said to smbd, said again to us; [MS-NLMP] 4.2.4; impacket as a live client.
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type AuthStep, createAuthenticator, initialToken } from "../../../src/engine/logon/authenticator.ts";
import {
  decodeAvPairs,
  decodeAvTimestamp,
  decodeNtlmChallenge,
  findAv,
} from "../../../src/wire/auth/ntlmssp.ts";
import { encodeNtlmNegotiate } from "../../../src/wire/auth/ntlmssp.ts";
import { decodeSpnego } from "../../../src/wire/auth/spnego.ts";
import { Status } from "../../../src/wire/status.ts";
import samba from "../../vectors/ntlmssp-samba.json";
import { createContext, fromHex, NtlmClient, SERVER_CHALLENGE, toHex } from "./exchange-rig.ts";

type Captured = (typeof samba.exchanges)[number];

function captured(name: string): Captured {
  const found = samba.exchanges.find((exchange) => exchange.name === name);
  if (!found) throw new Error(`no exchange ${name}`);
  return found;
}

/** Our answers to a captured client, with smbd's challenge and time in the place of our own. */
function replay(exchange: Captured, mapToGuest: "never" | "bad-user" = "never"): [AuthStep, AuthStep] {
  const resp = decodeSpnego(fromHex(exchange.challenge));
  if (resp.kind !== "resp" || !resp.responseToken) throw new Error("not a challenge");
  const challenge = decodeNtlmChallenge(resp.responseToken);
  const stamp = findAv(decodeAvPairs(challenge.targetInfo), 7);
  const time = stamp && decodeAvTimestamp(stamp);
  if (!time) throw new Error("no time stamp");
  const account = { name: samba.user, ntHash: samba.ntHash, isGuest: false };
  const authenticator = createAuthenticator(
    createContext({
      serverName: samba.serverName,
      dnsName: samba.dnsName,
      mapToGuest,
      now: () => time,
      random: (length) => (length === 8 ? challenge.serverChallenge : new Uint8Array(length).fill(7)),
      findAccount: ({ user }) => {
        if (user === "") return { name: "guest", ntHash: "", isGuest: true };
        return user === samba.user ? account : null;
      },
    }),
  );
  const first = authenticator.step(fromHex(exchange.negotiate)) as AuthStep;
  return [first, authenticator.step(fromHex(exchange.authenticate)) as AuthStep];
}

describe("smbclient's tokens", () => {
  test("the NegTokenInit2 is smbd's", () => {
    expect(toHex(initialToken())).toBe(samba.negTokenInit2);
  });

  for (const name of ["user", "user asking for SEAL"]) {
    test(`${name}: our tokens and the key are smbd's`, () => {
      const exchange = captured(name);
      const [first, last] = replay(exchange);
      expect(first.kind === "continue" && toHex(first.token)).toBe(exchange.challenge);
      if (last.kind !== "done") throw new Error(JSON.stringify(last));
      expect(last.token && toHex(last.token)).toBe(exchange.accept as string);
      expect(toHex(last.sessionKey)).toBe(exchange.sessionKey as string);
      expect(last.identity).toEqual({
        user: "smbtester",
        domain: "WORKGROUP",
        workstation: "RIGHOST",
        isGuest: false,
        isAnonymous: false,
      });
    });
  }

  test("anonymous is accepted as such, with smbd's token", () => {
    const exchange = captured("anonymous");
    const [, last] = replay(exchange);
    if (last.kind !== "done") throw new Error(JSON.stringify(last));
    expect(last.token && toHex(last.token)).toBe(exchange.accept as string);
    expect(last.identity.isAnonymous).toBe(true);
    expect(last.identity.isGuest).toBe(false);
    expect(last.identity.user).toBe("");
  });

  test("a name without a password becomes the guest where configured, and nobody where not", () => {
    const exchange = captured("name without a password");
    const [, guest] = replay(exchange, "bad-user");
    if (guest.kind !== "done") throw new Error(JSON.stringify(guest));
    expect(guest.token && toHex(guest.token)).toBe(exchange.accept as string);
    expect(guest.identity).toMatchObject({ isGuest: true, isAnonymous: false });
    const [, refused] = replay(exchange);
    expect(refused).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });

  test("an unknown user becomes the guest where configured, and nobody where not", () => {
    const exchange = captured("unknown user");
    const [, guest] = replay(exchange, "bad-user");
    if (guest.kind !== "done") throw new Error(JSON.stringify(guest));
    expect(guest.token && toHex(guest.token)).toBe(exchange.accept as string);
    expect(guest.identity.isGuest).toBe(true);
    expect(guest.identity.user).toBe("guest");
    expect(guest.sessionKey).toEqual(new Uint8Array(16));
    const [, refused] = replay(exchange);
    expect(refused).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });

  test("a wrong password is refused, and never becomes the guest", () => {
    for (const mapToGuest of ["never", "bad-user"] as const) {
      const [, last] = replay(captured("wrong password"), mapToGuest);
      expect(last).toMatchObject({
        kind: "refused",
        status: Status.LOGON_FAILURE,
        user: "smbtester",
        reason: "wrong password",
      });
    }
  });

  test("a response of NTLM2 session kind is refused", () => {
    const [, last] = replay(captured("NTLM2 session response"), "bad-user");
    expect(last).toMatchObject({
      kind: "refused",
      status: Status.LOGON_FAILURE,
      reason: "no NTLMv2 response",
    });
  });

  test("one changed bit anywhere after the head of AUTHENTICATE is noticed", () => {
    const exchange = captured("user");
    const whole = fromHex(exchange.authenticate);
    let refused = 0;
    // The MIC covers NTLMSSP's message; the mechListMIC stands behind it.
    for (let at = 24; at < whole.length; at++) {
      const broken = whole.slice();
      broken[at] = (broken[at] ?? 0) ^ 1;
      const [, last] = replay({ ...exchange, authenticate: toHex(broken) });
      if (last.kind === "refused") refused++;
      else expect(last.kind).toBe("done");
    }
    // What may change unnoticed is DER around the MIC: its tag, read as an unknown field to skip.
    expect(whole.length - 24 - refused).toBeLessThanOrEqual(1);
  });
});

test("[MS-NLMP] 4.2.4.3: the AUTHENTICATE message gives the exported session key", () => {
  const authenticate =
    "4e544c4d53535000030000001800180" +
    "06c00000054005400840000000c000c00480000000800080054000000100010005c00000010001000d8000000358288e2" +
    "0501280a0000000f44006f006d00610069006e00550073006500720043004f004d00500055005400450052" +
    "0086c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c" +
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e00" +
    "01000c0053006500720076006500720000000000" +
    "00000000c5dad2544fc9799094ce1ce90bc9d03e";
  const authenticator = createAuthenticator(createContext());
  const first = authenticator.step(encodeNtlmNegotiate(0xe2888235)) as AuthStep;
  if (first.kind !== "continue") throw new Error(JSON.stringify(first));
  expect(decodeNtlmChallenge(first.token).serverChallenge).toEqual(SERVER_CHALLENGE);
  const last = authenticator.step(fromHex(authenticate)) as AuthStep;
  if (last.kind !== "done") throw new Error(JSON.stringify(last));
  expect(toHex(last.sessionKey)).toBe("55".repeat(16));
  expect(last.identity.user).toBe("User");
  expect(last.identity.workstation).toBe("COMPUTER");
  expect(last.token).toBeUndefined();
});

// impacket's client computes its AUTHENTICATE from our live CHALLENGE and prints the key it holds.
const IMPACKET = `
import sys
from impacket import ntlm
user, password, domain, signing = sys.argv[1:5]
t1 = ntlm.getNTLMSSPType1('', '', signing == '1', True)
print(t1.getData().hex(), flush=True)
t2 = bytes.fromhex(sys.stdin.readline().strip())
t3, key = ntlm.getNTLMSSPType3(t1, t2, user, password, domain, '', '', True)
print(t3.getData().hex(), flush=True)
print(key.hex() if isinstance(key, bytes) else key.encode('latin1').hex(), flush=True)
`;
const PYTHON = "/usr/bin/python3";
const hasImpacket =
  existsSync(PYTHON) && Bun.spawnSync([PYTHON, "-c", "import impacket.ntlm"]).exitCode === 0;

async function talk(user: string, password: string, signing: boolean): Promise<[AuthStep, string]> {
  const child = Bun.spawn([PYTHON, "-c", IMPACKET, user, password, "Domain", signing ? "1" : "0"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  const reader = child.stdout.getReader();
  let text = "";
  const line = async (): Promise<string> => {
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("impacket ended early");
      text += new TextDecoder().decode(value);
    }
    const end = text.indexOf("\n");
    const out = text.slice(0, end);
    text = text.slice(end + 1);
    return out;
  };
  const authenticator = createAuthenticator(
    createContext({
      findAccount: ({ user: name }) => ({
        name,
        ntHash: "a4f49c406510bdcab6824ee7c30fd852",
        isGuest: false,
      }),
    }),
  );
  const first = await authenticator.step(fromHex(await line()));
  if (first.kind !== "continue") throw new Error(JSON.stringify(first));
  child.stdin.write(`${toHex(first.token)}\n`);
  child.stdin.flush();
  const last = await authenticator.step(fromHex(await line()));
  const key = await line();
  child.stdin.end();
  await child.exited;
  return [last, key];
}

describe.skipIf(!hasImpacket)("impacket as the client", () => {
  for (const signing of [true, false]) {
    test(`the keys agree ${signing ? "with" : "without"} key exchange`, async () => {
      const [last, key] = await talk("User", "Password", signing);
      if (last.kind !== "done") throw new Error(JSON.stringify(last));
      expect(toHex(last.sessionKey)).toBe(key);
    });
  }
  test("a name outside ASCII is put into upper case alike", async () => {
    const [last, key] = await talk("jürgen.ñandú.жук", "Password", true);
    if (last.kind !== "done") throw new Error(JSON.stringify(last));
    expect(toHex(last.sessionKey)).toBe(key);
  });
  test("a wrong password is refused", async () => {
    const [last] = await talk("User", "password", true);
    expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });
});

describe("the client of these tests, without SPNEGO", () => {
  const run = (client: NtlmClient, changes = {}): AuthStep => {
    const authenticator = createAuthenticator(createContext(changes));
    const first = authenticator.step(client.negotiate) as AuthStep;
    if (first.kind !== "continue") return first;
    return authenticator.step(client.authenticate(first.token)) as AuthStep;
  };

  test("logs on by a name in other case, answered with the account's own", () => {
    const client = new NtlmClient({ user: "uSER" });
    const last = run(client);
    if (last.kind !== "done") throw new Error(JSON.stringify(last));
    expect(last.identity.user).toBe("User");
    expect(last.sessionKey).toEqual(client.sessionKey);
  });
  for (const mic of ["wrong", "missing"] as const) {
    test(`a MIC that is ${mic} is refused`, () => {
      expect(run(new NtlmClient({ mic }))).toMatchObject({
        kind: "refused",
        status: Status.INVALID_PARAMETER,
      });
    });
  }
  test("no MIC is needed where the AV flags announce none", () => {
    expect(run(new NtlmClient({ mic: "none" })).kind).toBe("done");
  });
  test("a session key of another size than 16 bytes is refused", () => {
    for (const length of [0, 1, 8, 15, 17, 64]) {
      const last = run(new NtlmClient({ encryptedKey: new Uint8Array(length) }));
      expect(last).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
    }
  });
  test("names with NUL, of no length or too long belong to nobody", () => {
    for (const user of ["User\0", "\0", "U\0ser", "", "u".repeat(257)]) {
      const last = run(new NtlmClient({ user }), { mapToGuest: "bad-user" });
      expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
    }
  });
  test("no user is anonymous only without any response", () => {
    const empty = { user: "", mic: "none", ntResponse: new Uint8Array(0) } as const;
    const lm = (bytes: number[]): AuthStep =>
      run(new NtlmClient({ ...empty, lmResponse: Uint8Array.from(bytes) }));
    expect(lm([])).toMatchObject({ kind: "done", identity: { isAnonymous: true } });
    expect(lm([0])).toMatchObject({ kind: "done", identity: { isAnonymous: true } });
    expect(lm([1]).kind).toBe("refused");
    expect(lm([0, 0]).kind).toBe("refused");
    expect(run(new NtlmClient({ user: "", ntResponse: new Uint8Array(44) })).kind).toBe("refused");
  });
  test("an LM response alone, or NTLMv1's length, is refused", () => {
    for (const length of [0, 1, 16, 24]) {
      const last = run(new NtlmClient({ ntResponse: new Uint8Array(length) }), { mapToGuest: "bad-user" });
      expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
    }
  });
  test("a blob shorter than its fixed part is refused", () => {
    for (let length = 25; length < 44; length++) {
      const last = run(new NtlmClient({ ntResponse: new Uint8Array(length).fill(1) }));
      expect(last).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
    }
  });
  test("a client without Unicode is refused", () => {
    expect(run(new NtlmClient({ flags: 0x202 }))).toMatchObject({ status: Status.INVALID_PARAMETER });
  });
  test("messages out of order are refused, and end the exchange", () => {
    const client = new NtlmClient();
    const challenge = createAuthenticator(createContext()).step(client.negotiate) as AuthStep;
    if (challenge.kind !== "continue") throw new Error("no challenge");
    const authenticate = client.authenticate(challenge.token);
    for (const order of [
      [authenticate],
      [challenge.token],
      [client.negotiate, client.negotiate],
      [client.negotiate, challenge.token],
      [client.negotiate, authenticate, authenticate],
      [client.negotiate, authenticate, client.negotiate],
    ]) {
      const authenticator = createAuthenticator(createContext());
      const steps = order.map((token) => authenticator.step(token) as AuthStep);
      expect(steps.at(-1)).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
      expect(authenticator.step(client.negotiate)).toMatchObject({ kind: "refused" });
    }
  });
  test("an account without a usable hash lets nobody in", () => {
    const changes = { findAccount: () => ({ name: "User", ntHash: "", isGuest: false }) };
    expect(run(new NtlmClient(), changes)).toMatchObject({ status: Status.LOGON_FAILURE });
    expect(run(new NtlmClient(), { ...changes, mapToGuest: "bad-user" })).toMatchObject({
      status: Status.LOGON_FAILURE,
    });
  });
  test("bad-user without a guest account refuses", () => {
    const last = run(new NtlmClient({ user: "stranger" }), {
      mapToGuest: "bad-user",
      findAccount: () => null,
    });
    expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });
  test("a promised account is waited for, and the request's buffer is not kept", async () => {
    const client = new NtlmClient();
    let answer: (account: null) => void = () => {};
    const promised = new Promise<null>((resolve) => {
      answer = resolve;
    });
    const { findAccount } = createContext();
    const authenticator = createAuthenticator(
      createContext({ findAccount: (query) => promised.then(() => findAccount(query)) }),
    );
    const negotiate = client.negotiate.slice();
    const first = authenticator.step(negotiate) as AuthStep;
    negotiate.fill(0);
    if (first.kind !== "continue") throw new Error("no challenge");
    const token = client.authenticate(first.token);
    const step = authenticator.step(token);
    token.fill(0);
    expect(authenticator.step(client.negotiate)).toMatchObject({ kind: "refused" });
    answer(null);
    expect(await step).toMatchObject({ kind: "done", sessionKey: client.sessionKey });
  });
  test("the gate is asked before the password is looked at, and told how it went", async () => {
    const told: string[] = [];
    const gate = (isAdmitted: boolean) => ({
      admit: (user: string) => {
        told.push(`admit ${user}`);
        return isAdmitted;
      },
      failed: (user: string) => void told.push(`failed ${user}`),
      succeeded: (user: string) => void told.push(`succeeded ${user}`),
    });
    run(new NtlmClient(), { gate: gate(true) });
    run(new NtlmClient({ ntHash: "00".repeat(16) }), { gate: gate(true) });
    run(new NtlmClient({ user: "stranger" }), { gate: gate(true) });
    expect(run(new NtlmClient(), { gate: gate(false) })).toMatchObject({ status: Status.LOGON_FAILURE });
    expect(told).toEqual([
      "admit User",
      "succeeded User",
      "admit User",
      "failed User",
      "admit stranger",
      "failed stranger",
      "admit User",
    ]);
  });
});
