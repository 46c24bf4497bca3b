// Complete exchanges: a captured one of smbclient and smbd, the example of [MS-NLMP] 4.2.4, and impacket as a
// client.
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
import { createContext, fromHex, NtlmClient, SERVER_CHALLENGE, stepNow, toHex } from "./exchange-rig.ts";

type Captured = (typeof samba.exchanges)[number];

function captured(name: string): Captured {
  const found = samba.exchanges.find((exchange) => exchange.name === name);
  if (!found) throw new Error(`no exchange ${name}`);
  return found;
}

/** The server's two responses to a captured client, made with the challenge and time of the captured smbd. */
function replay(exchange: Captured, mapToGuest: "never" | "bad-user" = "never"): [AuthStep, AuthStep] {
  const resp = decodeSpnego(fromHex(exchange.challenge));
  if (resp.kind !== "resp" || !resp.responseToken) throw new Error("not a challenge");
  const challenge = decodeNtlmChallenge(resp.responseToken);
  const stamp = findAv(decodeAvPairs(challenge.targetInfo), 7);
  const time = stamp && decodeAvTimestamp(stamp);
  if (!time) throw new Error("no time stamp");
  const account = { name: samba.user, ntHash: samba.ntHash, isGuest: false, version: 7 };
  const authenticator = createAuthenticator(
    createContext({
      serverName: samba.serverName,
      dnsName: samba.dnsName,
      mapToGuest,
      now: () => time,
      random: (length) => (length === 8 ? challenge.serverChallenge : new Uint8Array(length).fill(7)),
      findAccount: ({ user }) => {
        if (user === "") return { name: "guest", ntHash: "", isGuest: true, version: 0 };
        return user === samba.user ? account : null;
      },
    }),
  );
  const first = stepNow(authenticator, fromHex(exchange.negotiate));
  return [first, stepNow(authenticator, fromHex(exchange.authenticate))];
}

describe("captured tokens of smbclient", () => {
  test("the NegTokenInit2 equals that of smbd", () => {
    expect(toHex(initialToken({ kerberos: false, ntlm: true }))).toBe(samba.negTokenInit2);
  });

  for (const name of ["user", "user asking for SEAL"]) {
    test(`${name}: tokens and session key equal those of smbd`, () => {
      const exchange = captured(name);
      const [first, last] = replay(exchange);
      expect(first.kind === "continue" && toHex(first.token)).toBe(exchange.challenge);
      if (last.kind !== "done") throw new Error(JSON.stringify(last));
      expect(last.token && toHex(last.token)).toBe(exchange.accept as string);
      expect(toHex(last.sessionKey)).toBe(exchange.sessionKey as string);
      expect(last.identity).toEqual({
        user: "smbtester",
        domain: "WORKGROUP",
        claimedUser: "smbtester",
        workstation: "RIGHOST",
        isGuest: false,
        isAnonymous: false,
        accountVersion: 7,
      });
    });
  }

  test("an anonymous log-on gets the token of smbd and an anonymous identity", () => {
    const exchange = captured("anonymous");
    const [, last] = replay(exchange);
    if (last.kind !== "done") throw new Error(JSON.stringify(last));
    expect(last.token && toHex(last.token)).toBe(exchange.accept as string);
    expect(last.identity.isAnonymous).toBe(true);
    expect(last.identity.isGuest).toBe(false);
    expect(last.identity.user).toBe("");
  });

  test("a name without a password is mapped to the guest only with bad-user", () => {
    const exchange = captured("name without a password");
    const [, guest] = replay(exchange, "bad-user");
    if (guest.kind !== "done") throw new Error(JSON.stringify(guest));
    expect(guest.token && toHex(guest.token)).toBe(exchange.accept as string);
    expect(guest.identity).toMatchObject({ isGuest: true, isAnonymous: false });
    const [, refused] = replay(exchange);
    expect(refused).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });

  test("an unknown user is mapped to the guest only with bad-user", () => {
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

  test("a wrong password is refused and never mapped to the guest", () => {
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

  test("an NTLM2 session response is refused", () => {
    const [, last] = replay(captured("NTLM2 session response"), "bad-user");
    expect(last).toMatchObject({
      kind: "refused",
      status: Status.LOGON_FAILURE,
      reason: "no NTLMv2 response",
    });
  });

  test("a changed bit anywhere in AUTHENTICATE is detected", () => {
    const exchange = captured("user");
    const message = fromHex(exchange.authenticate);
    let refused = 0;
    // The MIC covers the NTLMSSP message; mechListMIC follows it.
    for (let at = 24; at < message.length; at++) {
      const broken = message.slice();
      broken[at] = (broken[at] ?? 0) ^ 1;
      const [, last] = replay({ ...exchange, authenticate: toHex(broken) });
      if (last.kind === "refused") refused++;
      else expect(last.kind).toBe("done");
    }
    // Only the DER tag of the MIC may change: the field then counts as unknown and is skipped.
    expect(message.length - 24 - refused).toBeLessThanOrEqual(1);
  });
});

test("the AUTHENTICATE message of [MS-NLMP] 4.2.4.3 gives the exported session key of the example", () => {
  const authenticate =
    "4e544c4d53535000030000001800180" +
    "06c00000054005400840000000c000c00480000000800080054000000100010005c00000010001000d8000000358288e2" +
    "0501280a0000000f44006f006d00610069006e00550073006500720043004f004d00500055005400450052" +
    "0086c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c" +
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e00" +
    "01000c0053006500720076006500720000000000" +
    "00000000c5dad2544fc9799094ce1ce90bc9d03e";
  const authenticator = createAuthenticator(createContext());
  const first = stepNow(authenticator, encodeNtlmNegotiate(0xe2888235));
  if (first.kind !== "continue") throw new Error(JSON.stringify(first));
  expect(decodeNtlmChallenge(first.token).serverChallenge).toEqual(SERVER_CHALLENGE);
  const last = stepNow(authenticator, fromHex(authenticate));
  if (last.kind !== "done") throw new Error(JSON.stringify(last));
  expect(toHex(last.sessionKey)).toBe("55".repeat(16));
  expect(last.identity.user).toBe("User");
  expect(last.identity.workstation).toBe("COMPUTER");
  expect(last.token).toBeUndefined();
});

// impacket's client computes AUTHENTICATE from the server's CHALLENGE and prints its session key.
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
        version: 1,
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

describe.skipIf(!hasImpacket)("impacket as client", () => {
  for (const signing of [true, false]) {
    test(`the session keys are equal ${signing ? "with" : "without"} key exchange`, async () => {
      const [last, key] = await talk("User", "Password", signing);
      if (last.kind !== "done") throw new Error(JSON.stringify(last));
      expect(toHex(last.sessionKey)).toBe(key);
    });
  }
  test("a non-ASCII name is converted to upper case as impacket does", async () => {
    const [last, key] = await talk("jürgen.ñandú.жук", "Password", true);
    if (last.kind !== "done") throw new Error(JSON.stringify(last));
    expect(toHex(last.sessionKey)).toBe(key);
  });
  test("a wrong password is refused", async () => {
    const [last] = await talk("User", "password", true);
    expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });
});

describe("NTLM without SPNEGO", () => {
  const run = (client: NtlmClient, changes = {}): AuthStep => {
    const authenticator = createAuthenticator(createContext(changes));
    const first = stepNow(authenticator, client.negotiate);
    if (first.kind !== "continue") return first;
    return stepNow(authenticator, client.authenticate(first.token));
  };

  test("a log-on with a name in other case gets the spelling of the account", () => {
    const client = new NtlmClient({ user: "uSER" });
    const last = run(client);
    if (last.kind !== "done") throw new Error(JSON.stringify(last));
    expect(last.identity.user).toBe("User");
    expect(last.sessionKey).toEqual(client.sessionKey);
  });
  for (const mic of ["wrong", "missing"] as const) {
    test(`a ${mic} MIC is refused`, () => {
      expect(run(new NtlmClient({ mic }))).toMatchObject({
        kind: "refused",
        status: Status.INVALID_PARAMETER,
      });
    });
  }
  test("no MIC is needed if the AV flags announce none", () => {
    expect(run(new NtlmClient({ mic: "none" })).kind).toBe("done");
  });
  test("an encrypted session key of a size other than 16 bytes is refused", () => {
    for (const length of [0, 1, 8, 15, 17, 64]) {
      const last = run(new NtlmClient({ encryptedKey: new Uint8Array(length) }));
      expect(last).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
    }
  });
  test("an empty name, one with NUL and one of more than 256 characters are refused", () => {
    for (const user of ["User\0", "\0", "U\0ser", "", "u".repeat(257)]) {
      const last = run(new NtlmClient({ user }), { mapToGuest: "bad-user" });
      expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
    }
  });
  test("an empty name is an anonymous log-on only without responses", () => {
    const empty = { user: "", mic: "none", ntResponse: new Uint8Array(0) } as const;
    const lm = (bytes: number[]): AuthStep =>
      run(new NtlmClient({ ...empty, lmResponse: Uint8Array.from(bytes) }));
    expect(lm([])).toMatchObject({ kind: "done", identity: { isAnonymous: true } });
    expect(lm([0])).toMatchObject({ kind: "done", identity: { isAnonymous: true } });
    expect(lm([1]).kind).toBe("refused");
    expect(lm([0, 0]).kind).toBe("refused");
    expect(run(new NtlmClient({ user: "", ntResponse: new Uint8Array(44) })).kind).toBe("refused");
  });
  test("an LM response alone, and an NT response of the length of NTLMv1, are refused", () => {
    for (const length of [0, 1, 16, 24]) {
      const last = run(new NtlmClient({ ntResponse: new Uint8Array(length) }), { mapToGuest: "bad-user" });
      expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
    }
  });
  test("an NTLMv2 response shorter than its fixed part is refused", () => {
    for (let length = 25; length < 44; length++) {
      const last = run(new NtlmClient({ ntResponse: new Uint8Array(length).fill(1) }));
      expect(last).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
    }
  });
  test("a client without Unicode is refused", () => {
    expect(run(new NtlmClient({ flags: 0x202 }))).toMatchObject({ status: Status.INVALID_PARAMETER });
  });
  test("a message out of order is refused and ends the exchange", () => {
    const client = new NtlmClient();
    const challenge = stepNow(createAuthenticator(createContext()), client.negotiate);
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
      const steps = order.map((token) => stepNow(authenticator, token));
      expect(steps.at(-1)).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
      expect(authenticator.step(client.negotiate)).toMatchObject({ kind: "refused" });
    }
  });
  test("an account without a usable hash refuses every log-on", () => {
    const changes = { findAccount: () => ({ name: "User", ntHash: "", isGuest: false, version: 1 }) };
    expect(run(new NtlmClient(), changes)).toMatchObject({ status: Status.LOGON_FAILURE });
    expect(run(new NtlmClient(), { ...changes, mapToGuest: "bad-user" })).toMatchObject({
      status: Status.LOGON_FAILURE,
    });
  });
  test("bad-user without a guest account refuses an unknown user", () => {
    const last = run(new NtlmClient({ user: "stranger" }), {
      mapToGuest: "bad-user",
      findAccount: () => null,
    });
    expect(last).toMatchObject({ kind: "refused", status: Status.LOGON_FAILURE });
  });
  test("an asynchronous account is awaited without use of the request's buffer", async () => {
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
    const first = stepNow(authenticator, negotiate);
    negotiate.fill(0);
    if (first.kind !== "continue") throw new Error("no challenge");
    const token = client.authenticate(first.token);
    const step = authenticator.step(token);
    token.fill(0);
    expect(authenticator.step(client.negotiate)).toMatchObject({ kind: "refused" });
    answer(null);
    expect(await step).toMatchObject({ kind: "done", sessionKey: client.sessionKey });
  });
});
