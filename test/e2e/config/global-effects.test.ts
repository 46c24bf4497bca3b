// What parameters of [global] change for a client, where no other test shows it: a server without the line, and one with it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { makeDirectory, removeDirectory, TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { RawClient } from "../client/raw-client.ts";
import { createCall, mountShare } from "../client/raw-files.ts";
import { serveFile, writeFiles } from "../client/config-rig.ts";
import { startServer } from "../client/server.ts";
import { runProgram } from "../client/smbclient.ts";

const PARAMETERS = {
  "server string": "The box under the stairs",
  "restrict anonymous": "1",
  "smb2 max trans": "65536",
  "smb2 max credits": "20",
  "max unauthenticated connections": "2",
  "max user sessions": "3",
};

let usual: TestServer;
let changed: TestServer;
beforeAll(async () => {
  usual = await startServer({ parameters: { "map to guest": "bad user" } });
  changed = await startServer({ parameters: { "map to guest": "bad user", ...PARAMETERS } });
});
afterAll(async () => {
  await usual?.stop();
  await changed?.stop();
});

test("server string is the server's comment for rpcclient", async () => {
  for (const [server, isShown] of [
    [usual, false],
    [changed, true],
  ] as const) {
    const user = `${TESTER.user}%${TESTER.password}`;
    const { output } = await runProgram([
      "rpcclient",
      ...["-p", String(server.port), "-U", user, "127.0.0.1", "-c", "srvinfo"],
    ]);
    expect(output.includes(PARAMETERS["server string"])).toBe(isShown);
  }
});

test("restrict anonymous keeps guests and anonymous users from IPC$, and nobody else", async () => {
  const anonymous = { user: "", password: "", isAnonymous: true };
  const guest = { user: "nobody knows me", password: "x" };
  const asks = async (server: TestServer) => {
    const outcomes = [];
    for (const user of [anonymous, guest, TESTER])
      outcomes.push(await outcomeOf(mountShare(server, user, "IPC$").then(({ client }) => client.close())));
    return outcomes;
  };
  expect(await asks(usual)).toEqual([Status.SUCCESS, Status.SUCCESS, Status.SUCCESS]);
  expect(await asks(changed)).toEqual([Status.ACCESS_DENIED, Status.ACCESS_DENIED, Status.SUCCESS]);
});

test("smb2 max trans is MaxTransactSize of NEGOTIATE", async () => {
  const asks = async (server: TestServer): Promise<number> => {
    const client = await RawClient.connect(server);
    const { maxTransactSize } = await client.negotiate();
    client.close();
    return maxTransactSize;
  };
  expect(await asks(usual)).toBeGreaterThan(65_536);
  expect(await asks(changed)).toBe(65_536);
});

test("smb2 max credits bounds the credits that a client has", async () => {
  const asks = async (server: TestServer): Promise<number> => {
    const mount = await mountShare(server, TESTER, "test");
    for (let at = 0; at < 5; at++)
      await mount.client.request({ ...createCall(mount, "", { createOptions: 1 }), credits: 200 });
    const { credits } = mount.client;
    mount.client.close();
    return credits;
  };
  expect(await asks(usual)).toBeGreaterThan(200);
  expect(await asks(changed)).toBeLessThanOrEqual(20);
});

test("max user sessions bounds the sessions of one user", async () => {
  const asks = async (server: TestServer): Promise<number> => {
    const client = await RawClient.connect(server);
    await client.negotiate();
    let count = 0;
    while (count < 6 && (await outcomeOf(client.logOn(TESTER2))) === Status.SUCCESS) count++;
    client.close();
    return count;
  };
  expect(await asks(usual)).toBe(6);
  expect(await asks(changed)).toBe(3);
});

test("root directory stands before the path of every share", async () => {
  const root = makeDirectory("minismbd-root-directory");
  mkdirSync(join(root, "below"));
  writeFileSync(join(root, "below/file"), "");
  writeFiles(root, { "smb.conf": `[global]\nroot directory = ${root}\n[test]\npath = /below\n` });
  const server = await serveFile(root, "smb.conf", [TESTER]);
  const mount = await mountShare(server, TESTER, "test");
  expect(await mount.client.outcome(createCall(mount, "file"))).toBe(Status.SUCCESS);
  mount.client.close();
  await server.stop();
  removeDirectory(root);
});

test("max unauthenticated connections bounds the connections without a user", async () => {
  const asks = async (server: TestServer): Promise<number> => {
    const clients = [];
    let served = 0;
    for (let at = 0; at < 5; at++) {
      const client = await RawClient.connect(server);
      clients.push(client);
      const isServed = await client.negotiate().then(
        () => true,
        () => false,
      );
      served += isServed ? 1 : 0;
    }
    let alive = 0;
    for (const client of clients) if ((await outcomeOf(client.logOn(TESTER))) === Status.SUCCESS) alive++;
    for (const client of clients) client.close();
    return Math.min(served, alive);
  };
  expect(await asks(usual)).toBe(5);
  expect(await asks(changed)).toBeLessThanOrEqual(2);
});
