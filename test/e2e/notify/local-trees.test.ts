// Recursive CHANGE_NOTIFY while a program on the server makes, moves and removes whole trees: the client is told every
// name, or STATUS_NOTIFY_ENUM_DIR. [MS-SMB2] 3.3.5.19, [MS-FSA] 2.1.4.1.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import { closeFile, createDirectory, type Mount, mountShare } from "../client/raw-files.ts";
import { linesOf, notifyCall } from "../client/raw-notify.ts";
import { startServer } from "../client/server.ts";

/** What a client was told: the lines of the changes, and whether it was told to list the tree again. */
interface Told {
  readonly lines: ReadonlySet<string>;
  readonly isEnumerated: boolean;
}

let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  server = await startServer();
  mount = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

const at = (...names: string[]): string => join(server.shares.get("test") ?? "", ...names);

/** Makes a folder of the server's user, which the client's user may list. */
function makeFolder(...names: string[]): void {
  mkdirSync(at(...names), { mode: 0o755 });
  giveToTester(at(...names));
}

/** Watches the tree `top` while `change` runs, until the client is told everything, or 15 s have passed. */
async function watchDuring(
  top: string,
  change: () => void,
  isTold: (told: Told) => boolean,
): Promise<boolean> {
  const folder = await createDirectory(mount, top);
  const lines = new Set<string>();
  let isEnumerated = false;
  const options = { recursive: true, outputBytes: 65_536 };
  let pending = mount.client.start(notifyCall(mount, folder, options));
  await pending.interim;
  change();
  const end = performance.now() + 15_000;
  while (!isTold({ lines, isEnumerated })) {
    const reply = await Promise.race([pending.reply, Bun.sleep(end - performance.now())]);
    if (reply === undefined) break;
    if (reply.status === Status.NOTIFY_ENUM_DIR) isEnumerated = true;
    else for (const line of linesOf(reply)) lines.add(line);
    pending = mount.client.start(notifyCall(mount, folder, options));
  }
  await closeFile(mount, folder);
  await pending.reply;
  return isTold({ lines, isEnumerated });
}

/** True where all of `expected` were told, or the client was told to list the tree again. */
function hasAll({ lines, isEnumerated }: Told, expected: readonly string[]): boolean {
  return isEnumerated || expected.every((line) => lines.has(line));
}

for (const count of [200, 3000]) {
  test(`a client is told of a local rm -rf of a folder with ${count} files`, async () => {
    const top = `removed ${count}`;
    makeFolder(top);
    makeFolder(top, "sub");
    const names = Array.from({ length: count }, (_, i) => `file ${i}`);
    for (const name of names) writeFileSync(at(top, "sub", name), "");
    const expected = ["-sub", ...names.map((name) => `-sub\\${name}`)];
    const remove = (): void => rmSync(at(top, "sub"), { recursive: true });
    expect(await watchDuring(top, remove, (told) => hasAll(told, expected))).toBe(true);
  }, 60_000);
}

test("a client is told of files in a folder that is renamed as soon as it is made", async () => {
  makeFolder("renamed");
  for (let round = 0; round < 40; round++) {
    const change = (): void => {
      makeFolder("renamed", `a${round}`);
      writeFileSync(at("renamed", `a${round}`, "f"), "");
      renameSync(at("renamed", `a${round}`), at("renamed", `b${round}`));
    };
    const isTold = (told: Told): boolean =>
      hasAll(told, [`+a${round}\\f`]) || hasAll(told, [`+b${round}\\f`]);
    expect(await watchDuring("renamed", change, isTold)).toBe(true);
  }
}, 60_000);

test("a client is told of files in a deep tree that is made, renamed and filled", async () => {
  makeFolder("deep");
  const below = Array.from({ length: 20 }, (_, depth) => `level ${depth}`);
  const change = (): void => {
    const path = ["deep", "a"];
    makeFolder(...path);
    for (const level of below) {
      path.push(level);
      makeFolder(...path);
      writeFileSync(at(...path, "f"), "");
    }
    renameSync(at("deep", "a"), at("deep", "b"));
  };
  const names = below.map((_, depth) => [...below.slice(0, depth + 1), "f"].join("\\"));
  const isTold = (told: Told): boolean =>
    names.every((name) => hasAll(told, [`+a\\${name}`]) || hasAll(told, [`+b\\${name}`]));
  expect(await watchDuring("deep", change, isTold)).toBe(true);
  // The tree is watched under its new name.
  const add = (): void => writeFileSync(at("deep", "b", ...below, "new"), "");
  const line = ["+b", ...below, "new"].join("\\");
  expect(await watchDuring("deep", add, (told) => hasAll(told, [line]))).toBe(true);
}, 60_000);
