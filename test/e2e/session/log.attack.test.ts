// Names that clients choose in the server's log: each line is one that the server wrote.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { mountTest, startVictim, tryLogOn } from "../client/attack-rig.ts";
import { closeCall, createDirectory, openFile, READ_WRITE } from "../client/raw-files.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());

const EVIL = "\u001b[31m\u009b1m\u0085\u202e";

/** Fails where a line of the log is not the server's, or has characters that act on a terminal. */
function expectCleanLog(): void {
  const lines = server.log().trimEnd().split("\n");
  expect(lines.filter((line) => !line.startsWith("minismbd: "))).toEqual([]);
  expect(lines.filter((line) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line))).toEqual([]);
}

test("a user name, a workstation and a share with line breaks and escapes forge nothing", async () => {
  const forged = `anna\nminismbd: error: forged${EVIL}`;
  await tryLogOn(server, { user: forged, password: "wrong", workstation: forged, domain: forged });
  const mount = await mountTest(server);
  await mount.client.connectTree(mount.session, forged).catch(() => undefined);
  mount.client.close();
  expectCleanLog();
  expect(server.log()).toContain("\\u{a}minismbd: error: forged\\u{1b}[31m");
});

test("a file name with control characters in a warning is escaped", async () => {
  const mount = await mountTest(server);
  await createDirectory(mount, "locked");
  const name = "locked\\a\u009b31m\u0085\u202egpj.exe";
  const { fileId } = await openFile(mount, name, {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.CREATE,
    createOptions: CreateOption.DELETE_ON_CLOSE | CreateOption.NON_DIRECTORY_FILE,
  });
  // The user may no longer remove names from the folder: the close fails, and says so in the log.
  const locked = join(server.shares.get("test") ?? "", "locked");
  chmodSync(locked, 0o555);
  await mount.client.outcome(closeCall(mount, fileId));
  chmodSync(locked, 0o755);
  mount.client.close();
  expectCleanLog();
  expect(server.log()).toContain("a\\u{9b}31m\\u{85}\\u{202e}gpj.exe");
});
