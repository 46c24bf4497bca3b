// Attacks by number and by time: half-open connections, slow ones, and too many of them.
// [MS-SMB2] 3.3.4.16 (time-outs are the server's own).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Status } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import { TESTER, TESTER2, type TestServer, type User } from "../../peer/test-server.ts";
import { negotiateCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { anonymousKib, expectOutcome, expectServing, outcomeOf, startVictim } from "../client/attack-rig.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "max connections": "1500", "logon timeout": "3" } });
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

async function connectMany(to: { host: string; port: number }, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) clients.push(await RawClient.connect(to));
  return clients;
}

async function logOnOver(client: RawClient, user: User): Promise<void> {
  await client.negotiate();
  await client.logOn(user);
}

/** True where a new connection is reset at once, or closed soon. */
async function isTurnedAway(to: TestServer): Promise<boolean> {
  const client = await RawClient.connect(to).catch(() => undefined);
  return client === undefined || client.isClosedSoon();
}

async function countClosed(clients: readonly RawClient[], timeoutMs: number): Promise<number> {
  const closed = await Promise.all(clients.map((client) => client.isClosedSoon(timeoutMs)));
  return closed.filter(Boolean).length;
}

describe("half-open and slow connections", () => {
  test("1000 connections that send nothing take less than 32 MiB, hinder no client and are closed", async () => {
    const before = anonymousKib(server);
    const clients = await connectMany(server, 1000);
    await expectServing(server);
    expect(anonymousKib(server) - before).toBeLessThan(32 * 1024);
    expect(await countClosed(clients, 12_000)).toBe(1000);
  }, 30_000);

  test("300 connections that only negotiate are closed", async () => {
    const clients = await connectMany(server, 300);
    await Promise.all(clients.map((client) => client.negotiate()));
    await expectServing(server);
    expect(await countClosed(clients, 12_000)).toBe(300);
  }, 30_000);

  test("a connection that sends a byte every 200 ms is closed", async () => {
    const client = await RawClient.connect(server);
    const { bytes } = client.build(negotiateCall({}));
    const frame = Uint8Array.of(0, 0, bytes.length >> 8, bytes.length & 0xff, ...bytes);
    const start = performance.now();
    for (const byte of frame) {
      if (client.socket.isClosed) break;
      client.socket.send(Uint8Array.of(byte));
      await Bun.sleep(200);
    }
    expect(client.socket.isClosed).toBe(true);
    expect(performance.now() - start).toBeLessThan(12_000);
  }, 30_000);

  test("a connection beyond `max connections` is closed, and served once others have closed", async () => {
    const small = await startVictim({ parameters: { "max connections": "5" } });
    try {
      // The connection that waited for the server to come up must be closed by then.
      await Bun.sleep(200);
      const clients: RawClient[] = [];
      for (const user of [TESTER, TESTER, TESTER, TESTER2, TESTER2]) {
        const client = await RawClient.connect(small);
        await logOnOver(client, user);
        clients.push(client);
      }
      expect(await isTurnedAway(small)).toBe(true);
      for (const client of clients.slice(0, 3)) client.close();
      await Bun.sleep(100);
      await expectServing(small);
      for (const client of clients) client.close();
    } finally {
      await small.stop();
    }
  });

  test("`max ip connections` counts by address, and an IPv4 peer of an IPv6 socket as IPv4", async () => {
    const small = await startSubject({
      parameters: { "max ip connections": "4", "bind interfaces only": "no", interfaces: "" },
    });
    try {
      await Bun.sleep(200);
      const first = await connectMany(small, 4);
      await Promise.all(first.map((client) => logOnOver(client, TESTER)));
      expect(await isTurnedAway(small)).toBe(true);
      // Another address, IPv4 or IPv6, is counted apart.
      const other = await RawClient.connect(small, "127.0.0.77");
      await logOnOver(other, TESTER);
      const six = await RawClient.connect({ host: "::1", port: small.port });
      await logOnOver(six, TESTER);
      for (const client of [...first, other, six]) client.close();
    } finally {
      await small.stop();
    }
  });

  test("clients that disconnect at any moment of a log-on do not disturb the server", async () => {
    for (let round = 0; round < 50; round++) {
      const client = await RawClient.connect(server);
      const pending = outcomeOf(client.negotiate().then(() => client.logOn(TESTER)));
      await Bun.sleep(round % 5);
      client.close();
      expectOutcome(await pending, Status.SUCCESS, "closed");
    }
  });
});
