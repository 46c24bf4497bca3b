// The control socket and the commands that use it, while clients are connected.
import { afterEach, expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import {
  type ControlledServer,
  connectTo,
  exchange,
  request,
  minismbd,
  startControlled,
} from "../client/control-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import { startServer } from "../client/server.ts";
import { createCall, createFile, type Mount, mountShare, readCall, writeFile } from "../client/raw-files.ts";

let server: ControlledServer;
afterEach(() => server.stop());

async function mountWithFile(name: string): Promise<{ mount: Mount; file: [number, number] }> {
  const mount = await mountShare(server, TESTER, "test");
  const file = await createFile(mount, name);
  await writeFile(mount, file, 0, new TextEncoder().encode("twelve bytes"));
  return { mount, file: file as unknown as [number, number] };
}

test("sessions, tree connects, open files and locks are listed with their client", async () => {
  server = await startControlled();
  const { mount, file } = await mountWithFile("letter.txt");
  await mount.client.request(lockOne(mount, file as never, 5, 7, EXCLUSIVE_NOW));
  const sessions = await request(server.socket, { command: "sessions" });
  expect(sessions).toMatchObject({
    end: "ok",
    items: [{ user: TESTER.user, remoteAddress: "127.0.0.1", opens: 1 }],
  });
  const trees = await request(server.socket, { command: "trees" });
  expect(trees.items).toMatchObject([{ share: "test", user: TESTER.user, isReadOnly: false }]);
  const opens = await request(server.socket, { command: "opens" });
  expect(opens.items).toMatchObject([{ share: "test", path: "letter.txt", locks: 1, isDirectory: false }]);
  const locks = await request(server.socket, { command: "locks" });
  expect(locks.items).toMatchObject([{ path: "letter.txt", offset: "5", length: "7", isExclusive: true }]);
  const volumes = await request(server.socket, { command: "volumes" });
  expect(volumes.items).toMatchObject([{ shares: ["test"], opens: 1 }]);
  const [connection] = (await request(server.socket, { command: "connections" })).items;
  const traffic = connection?.["traffic"] as { requests: number; receivedBytes: number; failures: number };
  expect(traffic.requests).toBeGreaterThanOrEqual(6);
  expect(traffic.receivedBytes).toBeGreaterThan(500);
  const [status] = (await request(server.socket, { command: "status" })).items;
  expect(status).toMatchObject({ pid: server.pid, port: server.port, connections: 1, sessions: 1, opens: 1 });
});

test("status prints what smbstatus' users look for, and JSON", async () => {
  server = await startControlled();
  const { mount } = await mountWithFile("letter.txt");
  const { out, status } = minismbd("status", "--control", server.socket);
  expect(status).toBe(0);
  expect(out).toContain(`process ${server.pid}, port ${server.port}`);
  expect(out).toMatch(new RegExp(`${TESTER.user} +127\\.0\\.0\\.1 +SMB3_11`));
  expect(out).toMatch(/Shares in use:\nShare .*\ntest /);
  expect(out).toMatch(/ RWD? .* test +letter\.txt\n/);
  const json = JSON.parse(minismbd("status", "--json", "--control", server.socket).out) as {
    sessions: { user: string }[];
    opens: { path: string }[];
  };
  expect(json.sessions.map(({ user }) => user)).toEqual([TESTER.user]);
  expect(json.opens.map(({ path }) => path)).toEqual(["letter.txt"]);
  const metrics = minismbd("status", "--metrics", "--control", server.socket).out;
  expect(metrics).toMatch(/^# TYPE minismbd_requests_total counter\nminismbd_requests_total [1-9]\d*$/m);
  expect(metrics).toMatch(/^minismbd_sessions 1$/m);
  mount.client.close();
});

test("a client that is kicked is disconnected, others stay", async () => {
  server = await startControlled();
  const { mount } = await mountWithFile("letter.txt");
  const other = await mountShare(server, TESTER2, "test");
  const { out, status } = minismbd("control", "--kick", TESTER.user, "--control", server.socket);
  expect([status, out]).toEqual([0, expect.stringContaining(TESTER.user)]);
  expectOutcome(await mount.client.outcome(createCall(mount, "letter.txt")), "closed");
  expectOutcome(await other.client.outcome(createCall(other, "letter.txt")), Status.SUCCESS);
  expect((await request(server.socket, { command: "sessions" })).items).toMatchObject([
    { user: TESTER2.user },
  ]);
  expect(server.log()).toContain(`session of '${TESTER.user}' from 127.0.0.1 ended`);
  expect(server.log()).toContain("127.0.0.1 disconnected: closed by the administrator");
  const nobody = minismbd("control", "--kick", "nobody-here", "--control", server.socket);
  expect([nobody.status, nobody.err]).toEqual([1, "minismbd: there is no such client\n"]);
});

test("a file that is closed by the administrator is closed for its client alone", async () => {
  server = await startControlled();
  const { mount, file } = await mountWithFile("letter.txt");
  const { status } = minismbd("control", "--close", "test/letter.txt", "--control", server.socket);
  expect(status).toBe(0);
  expectOutcome(await mount.client.outcome(readCall(mount, file as never, 0, 4)), Status.FILE_CLOSED);
  expectOutcome(await mount.client.outcome(createCall(mount, "letter.txt")), Status.SUCCESS);
});

test("reload says why a configuration is not taken, and stop ends the server", async () => {
  server = await startControlled();
  expect(await request(server.socket, { command: "reload" })).toEqual({ items: [], end: "ok" });
  writeFileSync(join(server.directory, "minismbd.conf"), "[global]\nserver signing = sometimes\n");
  const { end, message } = await request(server.socket, { command: "reload" });
  expect([end, message]).toEqual(["error", expect.stringContaining("minismbd.conf:2")]);
  const shares = minismbd("control", "-l", "--control", server.socket);
  expect(shares.out).toMatch(/^Name +Comment\ntest\n/);
});

test("the socket is for its owner alone, and a stale one is replaced", async () => {
  const first = await startControlled();
  expect(statSync(first.socket).mode & 0o777).toBe(0o600);
  process.kill(first.pid, "SIGKILL");
  const reuses = ["sh", "-c", 'exec "$@" --control "$0"', first.socket];
  server = { ...(await startServer({ runner: reuses })), socket: first.socket };
  while (!server.log().includes("ready on port")) await Bun.sleep(20);
  expect((await request(server.socket, { command: "status" })).items).toMatchObject([{ pid: server.pid }]);
  // The socket of a server that runs is not taken from it.
  const third = await startServer({ runner: reuses });
  while (!third.log().includes("ready on port")) await Bun.sleep(20);
  expect(third.log()).toContain("another server has this control socket");
  await third.stop();
  expect((await request(server.socket, { command: "status" })).items).toMatchObject([{ pid: server.pid }]);
  await server.stop();
  expect(existsSync(server.socket)).toBe(false);
  await first.stop().catch(() => undefined);
  server = await startControlled();
});

test.each([
  ["not JSON", "{", "the request is not JSON"],
  ["no object", "[1]", "the request is not an object"],
  ["another version", '{"version":2,"command":"status"}', "the server speaks version 1"],
  ["an unknown command", '{"version":1,"command":"toString"}', "there is no command 'toString'"],
  ["a wrong argument", '{"version":1,"command":"kick","session":"x"}', "'session' is not a number"],
  ["no argument", '{"version":1,"command":"close"}', "name an open"],
])("a request that is %s gets an error", async (_, line, message) => {
  server = await startControlled();
  const answer = await exchange(server.socket, `${line}\n`);
  expect(answer).toMatchObject([{ end: "error", message: expect.stringContaining(message) }]);
});

test("clients that never read, or send without an end, stop nobody", async () => {
  server = await startControlled();
  const { mount } = await mountWithFile("letter.txt");
  for (let i = 0; i < 5; i++) {
    const silent = await connectTo(server.socket);
    silent.pause();
    silent.on("error", () => undefined);
    for (let n = 0; n < 50; n++) silent.write('{"version":1,"command":"opens"}\n');
  }
  const endless = await exchange(server.socket, "x".repeat(100_000));
  expect(endless).toEqual([]);
  expectOutcome(await mount.client.outcome(createCall(mount, "letter.txt")), Status.SUCCESS);
  expect((await request(server.socket, { command: "status" })).end).toBe("ok");
  expect(existsSync(server.socket)).toBe(true);
});
