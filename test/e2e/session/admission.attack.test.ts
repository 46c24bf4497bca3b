// Floods of connections, unfinished log-ons and guests: a log-on with a password goes on, sessions and connections of
// users stay. [MS-SMB2] 3.3.5.1, 3.3.5.5.1; the limits are the server's own.
import { describe, expect, test } from "bun:test";
import { nativeProvider } from "../../../src/crypto/native.ts";
import { encodeNtlmNegotiate } from "../../../src/wire/auth/ntlmssp.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import {
  anonymousKib,
  expectOutcome,
  expectServing,
  freshAddress,
  type Outcome,
  outcomeOf,
  startVictim,
  tryLogOn,
} from "../client/attack-rig.ts";
import { type LogOnOptions, sessionSetupCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { openFile } from "../client/raw-files.ts";
import { NtlmExchange } from "../client/raw-ntlm.ts";
import type { RawSession } from "../client/raw-session.ts";

const ANONYMOUS: LogOnOptions = { user: "", password: "", isAnonymous: true };
const STRANGER: LogOnOptions = { user: "stranger", password: "any", withoutMechListMic: true };
const GUESTS = {
  parameters: { "map to guest": "bad user" },
  shares: [{ name: "test", parameters: { "guest ok": "yes", "valid users": "" } }],
};

async function withServer(
  options: Parameters<typeof startVictim>[0],
  body: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await startVictim(options);
  try {
    // The connection that waited for the server to come up must be closed by then.
    await Bun.sleep(200);
    await body(server);
  } finally {
    await server.stop();
  }
}

async function negotiated(server: TestServer, address?: string): Promise<RawClient> {
  const client = await RawClient.connect(server, address);
  await client.negotiate();
  return client;
}

/** Begins a log-on and leaves it unfinished; returns its session id. */
async function beginLogOn(client: RawClient): Promise<number> {
  const token = new NtlmExchange(nativeProvider, TESTER).first();
  const reply = await client.request(sessionSetupCall({}, token, 0));
  expectOutcome(reply.status, Status.MORE_PROCESSING_REQUIRED);
  return reply.header.sessionId;
}

/** Runs `body` while `attack` is repeated by each of the clients. */
async function during<T>(
  attackers: readonly T[],
  attack: (attacker: T) => Promise<unknown>,
  body: () => Promise<void>,
): Promise<void> {
  let isStopped = false;
  const floods = attackers.map(async (attacker) => {
    while (!isStopped) await outcomeOf(attack(attacker));
  });
  try {
    await body();
  } finally {
    isStopped = true;
    await Promise.all(floods);
  }
}

/** The outcome of a request that needs the session. */
function useOutcome(client: RawClient, session: RawSession): Promise<Outcome> {
  return outcomeOf(client.connectTree(session, "IPC$"));
}

async function openRoot(client: RawClient, session: RawSession): Promise<void> {
  await openFile({ client, session, treeId: await client.connectTree(session, "test") }, "");
}

describe("unfinished log-ons", () => {
  test(
    "32 on each of 32 connections, always renewed, hinder no log-on from the same address",
    () =>
      withServer({}, async (server) => {
        const address = freshAddress();
        const clients = await Promise.all(Array.from({ length: 32 }, () => negotiated(server, address)));
        for (const client of clients) for (let i = 0; i < 32; i++) await beginLogOn(client);
        await during(clients, beginLogOn, async () => {
          for (let round = 0; round < 10; round++) {
            const client = await negotiated(server, address);
            expectOutcome(await outcomeOf(client.logOn(TESTER)), Status.SUCCESS);
            client.close();
          }
          await expectServing(server);
        });
        for (const client of clients) client.close();
      }),
    60_000,
  );

  test(
    "512 with tokens of 60 KiB take less than 20 MiB",
    () =>
      withServer({}, async (server) => {
        const clients = await Promise.all(Array.from({ length: 16 }, () => negotiated(server)));
        const begin = async (padding: number): Promise<void> => {
          for (const client of clients) {
            for (let i = 0; i < 32; i++) {
              const token = new Uint8Array(40 + padding);
              token.set(encodeNtlmNegotiate(0xe208_8297));
              await client.outcome(sessionSetupCall({}, token, 0));
            }
          }
        };
        await begin(0);
        const before = anonymousKib(server);
        await begin(60_000);
        expect(anonymousKib(server) - before).toBeLessThan(20 * 1024);
        for (const client of clients) client.close();
      }),
    30_000,
  );

  test("beyond those of a connection the oldest one ends: STATUS_USER_SESSION_DELETED", () =>
    withServer({ parameters: { "max unfinished logons": "32" } }, async (server) => {
      const client = await negotiated(server);
      const token = new NtlmExchange(nativeProvider, TESTER).first();
      const [first = 0, second = 0] = [
        await beginLogOn(client),
        await beginLogOn(client),
        await beginLogOn(client),
      ];
      expectOutcome(await client.outcome(sessionSetupCall({}, token, first)), Status.USER_SESSION_DELETED);
      expectOutcome(await client.outcome(sessionSetupCall({}, token, second)), Status.INVALID_PARAMETER);
      client.close();
    }));
});

describe("guests", () => {
  test.each([
    ["anonymous", ANONYMOUS],
    ["guest", STRANGER],
  ])(
    "1,024 %s log-ons over one connection hinder no user",
    (_kind, options) =>
      withServer(GUESTS, async (server) => {
        const user = await negotiated(server);
        const session = await user.logOn(TESTER2);
        const client = await negotiated(server);
        for (let i = 0; i < 1024; i++) await client.logOn(options);
        expectOutcome(await tryLogOn(server, TESTER), Status.SUCCESS);
        await during(
          [client],
          (one) => one.logOn(options),
          () => expectServing(server),
        );
        expectOutcome(await useOutcome(user, session), Status.SUCCESS);
        for (const one of [user, client]) one.close();
      }),
    60_000,
  );

  test("beyond `max guest sessions` the oldest without open files ends, and none is admitted while all have some", () =>
    withServer(
      { ...GUESTS, parameters: { ...GUESTS.parameters, "max guest sessions": "2" } },
      async (server) => {
        const clients = await Promise.all([1, 2, 3, 4].map(() => negotiated(server, freshAddress())));
        const [first, second, third, fourth] = clients as [RawClient, RawClient, RawClient, RawClient];
        const one = await first.logOn(STRANGER);
        await openRoot(second, await second.logOn(STRANGER));
        const three = await third.logOn(STRANGER);
        expectOutcome(await useOutcome(first, one), Status.USER_SESSION_DELETED);
        await openRoot(third, three);
        expectOutcome(await outcomeOf(first.logOn(STRANGER)), Status.INSUFFICIENT_RESOURCES);
        expectOutcome(await outcomeOf(fourth.logOn(TESTER)), Status.SUCCESS);
        for (const client of clients) client.close();
      },
    ));
});

describe("sessions of users", () => {
  test("one beyond `max user sessions` fails with STATUS_INSUFFICIENT_RESOURCES, another user's goes on", () =>
    withServer({ parameters: { "max active sessions": "8" } }, async (server) => {
      const client = await negotiated(server);
      for (let i = 0; i < 7; i++) await client.logOn(TESTER);
      expectOutcome(await outcomeOf(client.logOn(TESTER)), Status.INSUFFICIENT_RESOURCES);
      expectOutcome(await outcomeOf(client.logOn(TESTER2)), Status.SUCCESS);
      // `max active sessions`.
      expectOutcome(await outcomeOf(client.logOn(TESTER2)), Status.INSUFFICIENT_RESOURCES);
      client.close();
    }));

  test("a guest's session yields to them where `max active sessions` is reached", () =>
    withServer(
      { ...GUESTS, parameters: { ...GUESTS.parameters, "max active sessions": "4" } },
      async (server) => {
        const guest = await negotiated(server);
        const session = await guest.logOn(STRANGER);
        const client = await negotiated(server);
        for (let i = 0; i < 3; i++) await client.logOn(TESTER);
        expectOutcome(await outcomeOf(client.logOn(TESTER2)), Status.SUCCESS);
        expectOutcome(await useOutcome(guest, session), Status.USER_SESSION_DELETED);
        expectOutcome(await outcomeOf(guest.logOn(STRANGER)), Status.INSUFFICIENT_RESOURCES);
        for (const one of [guest, client]) one.close();
      },
    ));
});

describe("connections", () => {
  test(
    "that do not log on yield to others, and a user's stays",
    () =>
      withServer({ parameters: { "max connections": "16" } }, async (server) => {
        const user = await negotiated(server);
        const session = await user.logOn(TESTER2);
        const idle: RawClient[] = [];
        for (let i = 0; i < 30; i++) idle.push(await negotiated(server));
        await expectServing(server);
        expect(await idle[0]?.isClosedSoon()).toBe(true);
        const open: RawClient[] = [];
        const reconnect = async (): Promise<void> => {
          open.push(await negotiated(server));
          await Bun.sleep(10);
        };
        await during([1, 2], reconnect, async () => {
          for (let round = 0; round < 5; round++) await expectServing(server);
        });
        expectOutcome(await useOutcome(user, session), Status.SUCCESS);
        for (const client of [user, ...idle, ...open]) client.close();
      }),
    30_000,
  );

  test("of one address that do not log on yield to one that does", () =>
    withServer({ parameters: { "max ip connections": "4" } }, async (server) => {
      const address = freshAddress();
      const idle: RawClient[] = [];
      for (let i = 0; i < 8; i++) idle.push(await negotiated(server, address));
      const users: RawClient[] = [];
      for (let i = 0; i < 4; i++) {
        const client = await negotiated(server, address);
        expectOutcome(await outcomeOf(client.logOn(TESTER)), Status.SUCCESS);
        users.push(client);
      }
      // All four are users' now.
      const late = await RawClient.connect(server, address).catch(() => undefined);
      expect(late === undefined || (await late.isClosedSoon())).toBe(true);
      for (const client of [...idle, ...users]) client.close();
    }));

  test("of one user leave an eighth to others: STATUS_INSUFFICIENT_RESOURCES", () =>
    withServer({ parameters: { "max connections": "8" } }, async (server) => {
      const clients: RawClient[] = [];
      for (let i = 0; i < 7; i++) {
        const client = await negotiated(server);
        expectOutcome(await outcomeOf(client.logOn(TESTER)), Status.SUCCESS);
        clients.push(client);
      }
      const eighth = await negotiated(server);
      expectOutcome(await outcomeOf(eighth.logOn(TESTER)), Status.INSUFFICIENT_RESOURCES);
      expectOutcome(await outcomeOf(eighth.logOn(TESTER2)), Status.SUCCESS);
      for (const client of [...clients, eighth]) client.close();
    }));
});
