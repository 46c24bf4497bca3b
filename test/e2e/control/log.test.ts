// The log: every refusal with its reason, and where lines go.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { run, startServer as serve } from "../../cli/executable.ts";
import { type ControlledServer, minismbd, startControlled } from "../client/control-rig.ts";
import { createFile, mountShare } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const directory = mkdtempSync(join(tmpdir(), "minismbd-log-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function logOf(started: TestServer, text: string): Promise<string> {
  const end = performance.now() + 5000;
  while (!started.log().includes(text) && performance.now() < end) await Bun.sleep(10);
  return started.log();
}

describe("a refusal is logged with its reason:", () => {
  const refusals: readonly [string, Record<string, string>, string][] = [
    [
      "a user outside of `valid users`",
      { "valid users": TESTER2.user },
      "'valid users' does not name the user",
    ],
    ["a user in `invalid users`", { "invalid users": TESTER.user }, "'invalid users' names the user"],
    ["an address", { "hosts deny": "127.0.0.1" }, "'hosts allow' and 'hosts deny' leave the address out"],
    ["a client that does not encrypt", { "smb3 encryption": "mandatory" }, "the share requires encryption"],
  ];
  test.each(refusals)("%s", async (_, parameters, reason) => {
    server = await startServer({
      shares: [{ name: "docs", parameters }],
      parameters: { "log level": "info" },
    });
    const mounting = mountShare(server, TESTER, "docs", { dialects: [Dialect.SMB_2_1] });
    await expect(mounting).rejects.toThrow();
    const line = `share [docs] refused to '${TESTER.user}' from 127.0.0.1: ${reason}`;
    expect(await logOf(server, line)).toContain(line);
  });

  test("a share that does not exist", async () => {
    server = await startServer({ parameters: { "log level": "info" } });
    await expect(mountShare(server, TESTER, "nope")).rejects.toThrow();
    const line = `share [nope] refused to '${TESTER.user}' from 127.0.0.1: there is no such share`;
    expect(await logOf(server, line)).toContain(line);
  });

  test("a write to a read-only share, once a minute for each user at the least", async () => {
    const shares = [{ name: "docs", parameters: { "read only": "yes" } }];
    server = await startServer({ shares, parameters: { "log level": "info" } });
    const mount = await mountShare(server, TESTER, "docs");
    await expect(createFile(mount, "new.txt")).rejects.toThrow();
    const line = `share [docs] refused to '${TESTER.user}' from 127.0.0.1: the share is read-only for this user`;
    expect(await logOf(server, line)).toContain(line);
    mount.client.close();
    expect(await logOf(server, "disconnected")).toContain("127.0.0.1 disconnected: by the client");
  });
});

test("`log file` has lines with their time, and is renamed beyond `max log size`", async () => {
  const file = join(directory, "smb.log");
  const made = await serve([
    ...["serve", "--share", "docs=/tmp", "--user", "anna:secret", "-p", "0"],
    ...["-o", `log file = ${file}`, "-o", "max log size = 1"],
  ]);
  for (let i = 0; i < 200 && !existsSync(`${file}.old`); i++) {
    process.kill(made.pid, "SIGUSR1");
    await Bun.sleep(10);
  }
  expect(await made.stop()).toBe(0);
  const first = readFileSync(`${file}.old`, "utf8");
  expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} info: shares: \[docs\] \/tmp\n/);
  expect(first.length).toBeLessThan(4096);
  expect(statSync(`${file}.old`).mode & 0o777).toBe(0o640);
});

test("lines for the journal begin with their priority", async () => {
  const log = join(directory, "journal");
  const words = "serve --share docs=/tmp --user anna:secret -p 0 -o 'log level = info'";
  // The kernel names the file that stands for the journal's socket.
  const script = `exec 2>${log}; JOURNAL_STREAM=$(stat -L -c %d:%i ${log}) exec "$0" ${words}`;
  const made = Bun.spawn(["sh", "-c", script, process.env["MINISMBD"] ?? "dist/minismbd"], {
    stdout: "ignore",
  });
  const end = performance.now() + 10_000;
  while (!(existsSync(log) && readFileSync(log, "utf8").includes("shares")) && performance.now() < end) {
    await Bun.sleep(50);
    if (performance.now() > end - 9000) made.kill("SIGUSR1");
  }
  made.kill("SIGTERM");
  await made.exited;
  expect(readFileSync(log, "utf8")).toMatch(/^<6>shares: \[docs\] \/tmp$/m);
});

test("the log level changes at once, until the next reload", async () => {
  const controlled: ControlledServer = await startControlled({ parameters: { "log level": "error" } });
  server = controlled;
  const set = (level: string): number =>
    minismbd("control", "--log-level", level, "--control", controlled.socket).status;
  (await mountShare(controlled, TESTER, "test")).client.close();
  expect(controlled.log()).not.toContain("logged on");
  expect(set("info")).toBe(0);
  (await mountShare(controlled, TESTER, "test")).client.close();
  expect(await logOf(controlled, "logged on")).toContain(
    `'${TESTER.user}' from 127.0.0.1 logged on with SMB 3.1.1`,
  );
  expect(set("loud")).toBe(1);
  expect(run(["control", "--help"]).out).toContain("--log-level LEVEL");
});

test("lines that `log file` cannot take go to standard error", async () => {
  const file = join(directory, "none", "log.%m");
  const made = await serve([
    "serve",
    "--share",
    "docs=/tmp",
    "--user",
    "anna:secret",
    "-p",
    "0",
    "-o",
    `log file = ${file}`,
  ]);
  process.kill(made.pid, "SIGUSR1");
  await made.waitFor("info: shares: [docs] /tmp");
  await made.waitFor(`${join(directory, "none", "log.minismbd")} cannot be written (ENOENT)`);
  expect(await made.stop()).toBe(0);
});
