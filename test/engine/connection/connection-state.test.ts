// Credits that a response grants, and what a connection remembers of a session that ended; [MS-SMB2] 3.3.1.2,
// 3.3.1.7.
import { describe, expect, test } from "bun:test";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { pureProvider as provider } from "../../../src/crypto/pure.ts";
import { LogonKind } from "../../../src/engine/logon/logon.ts";
import { makeSigningKey } from "../../../src/engine/logon/session-keys.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { ConnectionState } from "../../../src/engine/connection/connection-state.ts";
import { addSession, FakeConnection, makeContext, MAX_CREDITS, negotiated } from "./connection-rig.ts";

/** A connection whose client has used all its credits, as after its first request. */
function exhausted(): ConnectionState {
  const connection = new ConnectionState(1, makeContext(), "192.0.2.1");
  connection.window.consume(0, 1);
  return connection;
}

describe("grantCredits, 3.3.1.2", () => {
  const { MORE_PROCESSING_REQUIRED, LOGON_FAILURE, SUCCESS } = Status;
  test.each([
    ["NEGOTIATE grants the credit that it used", Command.NEGOTIATE, SUCCESS, 0, 31, 1],
    [
      "also where its CreditCharge, which means nothing yet, is large",
      Command.NEGOTIATE,
      SUCCESS,
      500,
      500,
      1,
    ],
    [
      "SESSION_SETUP with STATUS_MORE_PROCESSING_REQUIRED too",
      Command.SESSION_SETUP,
      MORE_PROCESSING_REQUIRED,
      1,
      128,
      1,
    ],
    ["a SESSION_SETUP that fails too", Command.SESSION_SETUP, LOGON_FAILURE, 1, 128, 1],
    [
      "a SESSION_SETUP that succeeds grants up to 32 more, as on Windows",
      Command.SESSION_SETUP,
      SUCCESS,
      1,
      128,
      33,
    ],
    ["but no more than the client asks for", Command.SESSION_SETUP, SUCCESS, 1, 8, 8],
    ["another command grants what the client asks for", Command.ECHO, SUCCESS, 1, 10, 10],
    ["another command that fails too", Command.READ, Status.ACCESS_DENIED, 1, 10, 10],
    ["a request that asks for 0 is granted 1", Command.ECHO, SUCCESS, 1, 0, 1],
    ["a request that asks for fewer than its CreditCharge is granted fewer", Command.READ, SUCCESS, 16, 2, 2],
    ["a CreditCharge of 0 counts as 1", Command.ECHO, SUCCESS, 0, 10, 10],
    ["the client holds at most the configured maximum", Command.ECHO, SUCCESS, 1, 8192, MAX_CREDITS],
  ] as const)("%s", (_, command, status, creditCharge, creditsRequested, expected) => {
    const connection = exhausted();
    expect(connection.grantCredits({ command, creditCharge, creditsRequested }, status)).toBe(expected);
    expect(connection.window.available()).toBe(expected);
  });

  test("on SMB 2.0.2 a log-on brings no credits by its CreditCharge, which means nothing there", () => {
    const connection = exhausted();
    connection.negotiated = negotiated(0x0202);
    const setup = { command: Command.SESSION_SETUP, creditCharge: 500, creditsRequested: 500 };
    expect(connection.grantCredits(setup, MORE_PROCESSING_REQUIRED)).toBe(1);
  });

  const echo = { command: Command.ECHO, creditCharge: 1, creditsRequested: 8192 };

  test("a client that shares with another gets a quarter of its share with a response, or what its request cost", () => {
    const connection = exhausted();
    Object.assign(connection.context.connectionTable, { loggedOnCount: 2 });
    expect(connection.grantCredits(echo, Status.SUCCESS)).toBe(33);
    const read = { command: Command.READ, creditCharge: 40, creditsRequested: 8192 };
    expect(connection.grantCredits(read, Status.SUCCESS)).toBe(80);
  });

  test("while the buffer pool is exhausted a client holds at most 64", () => {
    const connection = exhausted();
    const buffer = connection.context.pool.acquire(connection.context.pool.budgetBytes);
    const granted = () => connection.grantCredits(echo, Status.SUCCESS);
    expect([granted(), granted(), granted()]).toEqual([33, 31, 0]);
    connection.context.pool.release(buffer);
    expect(granted()).toBe(MAX_CREDITS - 64);
  });

  test.each([
    // Twice 8 MiB are 256 credits; a request of 1 MiB costs 16.
    [2, 128],
    [10, 25],
    [100, 16],
  ])(
    "of %d clients each holds at most %d: together twice the budget, and one request always",
    (count, expected) => {
      const connection = exhausted();
      Object.assign(connection.context.connectionTable, { loggedOnCount: count });
      for (let i = 0; i < 20; i++) connection.grantCredits(echo, Status.SUCCESS);
      expect(connection.window.available()).toBe(expected);
    },
  );
});

describe("dropSession", () => {
  test("removes the session, its channel key and its log-on", () => {
    const connection = new FakeConnection();
    const session = addSession(connection, 7);
    const channelKey = makeSigningKey(provider, SigningAlgorithm.AES_CMAC, new Uint8Array(16));
    expect(connection.signingKeyOf(session)).toBe(session.signing);
    connection.setChannelKey(session, channelKey);
    expect(connection.signingKeyOf(session)).toBe(channelKey);
    connection.dropSession(session);
    expect(connection.sessions.size).toBe(0);
    expect(connection.signingKeyOf(session)).toBe(session.signing);
    expect(connection.logonOf(7)).toBeUndefined();
    // 3.3.5.2.4: the channel's key, which signed on this connection, signs the refusals.
    expect(connection.endedKeyOf(7)).toBe(channelKey);
  });

  test("remembers the keys of the last four sessions", () => {
    const connection = new FakeConnection();
    for (const id of [1, 2, 3, 4, 5, 6]) connection.dropSession(addSession(connection, id));
    const known = [1, 2, 3, 4, 5, 6].filter((id) => connection.endedKeyOf(id) !== undefined);
    expect(known).toEqual([3, 4, 5, 6]);
  });

  test("remembers nothing of a session without a key, as of a guest", () => {
    const connection = new FakeConnection();
    const session = addSession(connection, 1);
    session.signing = undefined;
    connection.dropSession(session);
    expect(connection.endedKeyOf(1)).toBeUndefined();
  });
});

test("a binding that was begun does not outlive its session once another log-on begins", () => {
  const context = makeContext();
  const connection = new FakeConnection(context);
  const first = new FakeConnection(context);
  const authenticator = { step: () => Promise.reject(new Error("not called")) };
  const begin = (id: number): void => {
    const session = addSession(first, id);
    connection.beginLogon({ kind: LogonKind.BINDING, session, authenticator, preauthHash: undefined });
  };
  for (const id of [1, 2, 3]) begin(id);
  for (const id of [1, 3]) context.sessions.delete(id);
  begin(4);
  const known = [1, 2, 3, 4].filter((id) => connection.logonOf(id) !== undefined);
  expect(known).toEqual([2, 4]);
});

test("the number of CANCELs in a second is bounded, closer before a log-on", () => {
  const early = exhausted();
  const late = exhausted();
  late.isLoggedOn = true;
  const admitted = (one: ConnectionState): number =>
    Array.from({ length: 10_000 }, () => one.mayCancel()).filter(Boolean).length;
  expect([admitted(early), admitted(late)]).toEqual([64, 4096]);
});
