// A restart, as an upgrade does it: the service manager keeps the listening sockets (sd_notify(3), FDSTORE), so that
// clients that connect meanwhile wait, and are served by the next server. The sessions and opens of the old one end.
import { afterAll, afterEach, expect, test } from "bun:test";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort, isListening, TESTER, type TestServer } from "../../peer/test-server.ts";
import { outcomeOf } from "../client/attack-rig.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { closeFile, createFile, mountShare, openFile, readFile, writeFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const KEEPER = ["python3", join(import.meta.dir, "socket-keeper.py")];
const BLOCK = 65_536;
const directory = mkdtempSync(join(tmpdir(), "minismbd-restart-"));
let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
afterAll(() => rmSync(directory, { recursive: true }));

async function awaitLog({ log }: TestServer, text: string, count = 1): Promise<void> {
  const end = performance.now() + 10_000;
  while (log().split(text).length <= count) {
    if (performance.now() > end) throw new Error(`no '${text}':\n${log()}`);
    await Bun.sleep(5);
  }
}

async function stopServer(box: TestServer): Promise<void> {
  process.kill(box.pid, "SIGUSR1");
  await awaitLog(box, "keeper: stopped");
}

test("a client that is in the middle of a copy connects while there is no server, and goes on", async () => {
  const box = (server = await startServer({ runner: KEEPER }));
  await awaitLog(box, "keeper: keeps smb-127.0.0.1-");
  const before = await mountShare(box, TESTER, "test");
  const file = await createFile(before, "copy");
  for (let at = 0; at < 8; at++) await writeFile(before, file, at * BLOCK, new Uint8Array(BLOCK).fill(at));
  await stopServer(box);
  expect(await outcomeOf(writeFile(before, file, 8 * BLOCK, new Uint8Array(BLOCK)))).not.toBe(0);
  expect(await isListening(box.host, box.port)).toBe(true);
  const connecting = mountShare(box, TESTER, "test");
  process.kill(box.pid, "SIGUSR2");
  const after = await connecting;
  const { fileId: again } = await openFile(after, "copy", {
    desiredAccess: Access.READ_DATA | Access.WRITE_DATA,
  });
  for (let at = 8; at < 16; at++) await writeFile(after, again, at * BLOCK, new Uint8Array(BLOCK).fill(at));
  for (let at = 0; at < 16; at++) {
    const bytes = await readFile(after, again, at * BLOCK, BLOCK);
    expect([bytes?.length, bytes?.every((byte) => byte === at)]).toEqual([BLOCK, true]);
  }
  await closeFile(after, again);
  after.client.close();
});

test("smbclient's put is cut off by a restart, and the next one, which connects meanwhile, succeeds", async () => {
  const box = (server = await startServer({ runner: KEEPER }));
  await awaitLog(box, "keeper: keeps");
  const [local, larger] = [join(directory, "big"), join(directory, "larger")];
  const target = join(box.shares.get("test") ?? "", "big");
  const descriptor = openSync(local, "w");
  ftruncateSync(descriptor, 48 * 1024 * 1024);
  for (let at = 0; at < 48; at++) writeSync(descriptor, `part ${at}`, at * 1024 * 1024);
  closeSync(descriptor);
  // So large that its put goes on for seconds, and is cut off also where the test sees its beginning late.
  writeFileSync(larger, "");
  truncateSync(larger, 1024 * 1024 * 1024);
  const client = (commands: string) =>
    Bun.spawn(
      [
        ...["smbclient", "--configfile=/dev/null", `//127.0.0.1/test`, "-p", String(box.port)],
        ...["-U", `${TESTER.user}%${TESTER.password}`, "-c", commands],
      ],
      { stdout: "pipe", stderr: "pipe" },
    );
  const sizeThere = (): number => statSync(target, { throwIfNoEntry: false })?.size ?? 0;
  const putting = client(`iosize 16384; put ${larger} big`);
  while (sizeThere() < 1024 * 1024 && putting.exitCode === null) await Bun.sleep(1);
  await stopServer(box);
  expect(await putting.exited).not.toBe(0);
  expect(sizeThere()).toBeLessThan(1024 * 1024 * 1024);
  // Its reput writes from offset 0 what it reads from the end of the part that is there (4.17).
  const going = client(`put ${local} big`);
  // It waits for the answer to its first request.
  await Bun.sleep(100);
  expect(going.exitCode).toBeNull();
  process.kill(box.pid, "SIGUSR2");
  expect([await going.exited, await new Response(going.stdout).text()]).toEqual([0, expect.any(String)]);
  expect(Bun.hash(readFileSync(target))).toBe(Bun.hash(readFileSync(local)));
}, 30_000);

test("the server takes a socket that was made for it, and the address of 'interfaces' decides", async () => {
  const port = await findFreePort();
  const other = await findFreePort();
  const runner = [...KEEPER, "--listen", `127.0.0.1:${port}`];
  const box = (server = await startServer({ runner, port }));
  const mount = await mountShare(box, TESTER, "test");
  mount.client.close();
  await server.stop();
  server = await startServer({ runner: [...KEEPER, "--listen", `127.0.0.1:${other}`], port });
  await awaitLog(server, `no longer listening on 127.0.0.1 port ${other}`);
  (await mountShare(server, TESTER, "test")).client.close();
});
