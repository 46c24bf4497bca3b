// NTLM and the gate that bounds password guessing: what is asked and reported, and when the answer is sent.
import { afterEach, describe, expect, test } from "bun:test";
import { type AuthStep, createAuthenticator } from "../../../src/engine/logon/authenticator.ts";
import type { LogonGate } from "../../../src/engine/logon/logon-gate.ts";
import type { AuthContext } from "../../../src/engine/logon/mechanism.ts";
import type { MaybePromise } from "../../../src/port/port.ts";
import { Status } from "../../../src/wire/status.ts";
import { createContext, NtlmClient, stepNow } from "./exchange-rig.ts";

function run(client: NtlmClient, changes: Partial<AuthContext>): MaybePromise<AuthStep> {
  const authenticator = createAuthenticator(createContext(changes));
  const first = stepNow(authenticator, client.negotiate);
  if (first.kind !== "continue") throw new Error("no challenge");
  return authenticator.step(client.authenticate(first.token));
}

describe("the gate", () => {
  const calls: string[] = [];
  const gate = (hasSlot: boolean): LogonGate => ({
    begin(user) {
      calls.push(`begin ${user}`);
      if (!hasSlot) return undefined;
      return {
        succeeded: (isProven) => void calls.push(isProven ? "proven" : "granted"),
        failed: async () => void calls.push("failed"),
        undecided: () => void calls.push("undecided"),
      };
    },
  });
  afterEach(() => void calls.splice(0));

  test("is asked before the password check, and a right password has its answer at once", () => {
    expect(run(new NtlmClient(), { gate: gate(true) })).toMatchObject({ kind: "done" });
    expect(calls).toEqual(["begin User", "proven"]);
  });

  test("holds back the answer to a wrong password and to an unknown name", async () => {
    const failed = expect.objectContaining({ kind: "refused", status: Status.LOGON_FAILURE });
    expect(await run(new NtlmClient({ ntHash: "00".repeat(16) }), { gate: gate(true) })).toEqual(failed);
    expect(await run(new NtlmClient({ user: "stranger" }), { gate: gate(true) })).toEqual(failed);
    expect(calls).toEqual(["begin User", "failed", "begin stranger", "failed"]);
  });

  test("refuses without a password check where it has no slot", () => {
    const findAccount = (): never => {
      throw new Error("the account was asked for");
    };
    expect(run(new NtlmClient(), { gate: gate(false), findAccount })).toMatchObject({
      kind: "refused",
      status: Status.INSUFFICIENT_RESOURCES,
    });
  });

  test("a guest proves nothing", () => {
    const stranger = new NtlmClient({ user: "stranger" });
    run(stranger, { gate: gate(true), mapToGuest: "bad-user" });
    expect(calls).toEqual(["begin stranger", "granted"]);
  });

  test.each([
    [
      "throws",
      (): never => {
        throw new Error("unreadable");
      },
    ],
    ["rejects", () => Promise.reject(new Error("unreadable"))],
    [
      "rejects for the guest",
      ({ user }: { user: string }) =>
        user === "" ? Promise.reject(new Error("unreadable")) : Promise.resolve(null),
    ],
  ])("a findAccount that %s gives its slot back", async (_how, findAccount) => {
    const step = (async () =>
      run(new NtlmClient(), { gate: gate(true), findAccount, mapToGuest: "bad-user" }))();
    expect(await step.catch((error: Error) => error.message)).toBe("unreadable");
    expect(calls).toEqual(["begin User", "undecided"]);
  });
});

test.each([
  ["NEGOTIATE", 2_048],
  ["AUTHENTICATE", 16_384],
])("%s of more than %d bytes is refused", (which, limit) => {
  const padded = (message: Uint8Array, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    bytes.set(message);
    return bytes;
  };
  const outcomeOf = (length: number): MaybePromise<AuthStep> => {
    const client = new NtlmClient();
    const authenticator = createAuthenticator(createContext());
    const isFirst = which === "NEGOTIATE";
    const first = stepNow(authenticator, isFirst ? padded(client.negotiate, length) : client.negotiate);
    if (isFirst || first.kind !== "continue") return first;
    return authenticator.step(padded(client.authenticate(first.token), length));
  };
  expect(outcomeOf(limit)).not.toMatchObject({ status: Status.INVALID_PARAMETER, reason: /bytes/ });
  expect(outcomeOf(limit + 1)).toMatchObject({ kind: "refused", status: Status.INVALID_PARAMETER });
});
