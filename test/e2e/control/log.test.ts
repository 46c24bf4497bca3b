// The log: every refusal with its reason, and where lines go.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { Status } from "../../../src/wire/status.ts";
import { MAX_LINES } from "../../../src/manager/log/event-log.ts";
import { canMakeDiskImage, makeDiskImage } from "../../peer/disk-image.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { run, startServer as serve } from "../../cli/executable.ts";
import { type ControlledServer, minismbd, startControlled } from "../client/control-rig.ts";
import { RawClient } from "../client/raw-client.ts";
import { createFile, mountShare, writeCall } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** A name that no user has. */
const NOBODY = { user: "nobody-here", password: "x" };

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

  test("an NTLM log-on where only Kerberos is accepted, with and without SPNEGO", async () => {
    const parameters = { "ntlm auth": "disabled", "kerberos support": "yes", "log level": "info" };
    server = await startServer({ parameters });
    for (const isRaw of [false, true])
      await expect(mountShare(server, { ...TESTER, isRaw }, "test")).rejects.toThrow();
    const reason = "'ntlm auth' is disabled, only Kerberos is accepted";
    const log = await logOf(server, `refused: ${reason}`);
    expect(log).toContain(`log-on of '' from 127.0.0.1 refused: no mechanism in common: ${reason}`);
    expect(log).toContain(`log-on of '' from 127.0.0.1 refused: ${reason}`);
  });

  test("guests where everything must be encrypted", async () => {
    const parameters = { "map to guest": "bad user", "smb3 encryption": "mandatory", "log level": "info" };
    server = await startServer({ parameters });
    await expect(mountShare(server, NOBODY, "test")).rejects.toThrow();
    const line = "log-on of 'nobody' from 127.0.0.1 refused: 'smb3 encryption = mandatory', which guests";
    expect(await logOf(server, line)).toContain(line);
  });

  test("a guest whose client ends the session at once, as Windows 11 does", async () => {
    server = await startServer({ parameters: { "map to guest": "bad user", "log level": "info" } });
    const client = await RawClient.connect(server);
    await client.negotiate({});
    await client.logOn(NOBODY);
    client.close();
    const line = "'nobody' (guest) from 127.0.0.1 left at once, as Windows 10 and 11 do";
    expect(await logOf(server, line)).toContain(line);
    // A client that asks for a share does accept guests, also where it does not get the share.
    await server.stop();
    server = await startServer({ parameters: { "map to guest": "bad user", "log level": "info" } });
    await expect(mountShare(server, NOBODY, "test")).rejects.toThrow();
    const refused = await logOf(server, "logged off");
    expect([refused.includes("logged off"), refused.includes("left at once")]).toEqual([true, false]);
    const guests = await startServer({
      parameters: { "map to guest": "bad user", "log level": "info" },
      shares: [{ name: "open", parameters: { "guest ok": "yes" } }],
    });
    (await mountShare(guests, NOBODY, "open")).client.close();
    const log = await logOf(guests, "logged off");
    expect([log.includes("logged off"), log.includes("left at once")]).toEqual([true, false]);
    await guests.stop();
  });

  test.skipIf(!canMakeDiskImage("ext4"))(
    "a full disk, when it is first hit and not for each write",
    async () => {
      const disk = makeDiskImage("ext4", 2 * 1024 * 1024, ["-m", "0"]);
      try {
        server = await startServer({
          shares: [{ name: "docs", path: disk.path }],
          parameters: { "log level": "info" },
        });
        const mount = await mountShare(server, TESTER, "docs");
        const file = await createFile(mount, "large");
        const piece = new Uint8Array(1024 * 1024);
        let refused = 0;
        for (let i = 0; i < 100; i++) {
          const { status } = await mount.client.request(writeCall(mount, file, i * piece.length, piece));
          if (status === Status.DISK_FULL) refused++;
        }
        expect(refused).toBeGreaterThan(50);
        const line = `share [docs] refused to '${TESTER.user}' from 127.0.0.1: the disk is full`;
        const log = await logOf(server, line);
        expect(log.split(line).length - 1).toBeWithin(1, MAX_LINES + 1);
        mount.client.close();
        await server.stop();
        server = undefined;
      } finally {
        disk.remove();
      }
    },
  );

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

test("log-on, connect to a share, log-off and disconnect have a line each", async () => {
  server = await startServer({
    shares: [{ name: "docs" }, { name: "old", parameters: { "read only": "yes" } }],
    parameters: { "log level": "info" },
  });
  for (const share of ["docs", "old"]) (await mountShare(server, TESTER, share)).client.close();
  await logOf(server, "logged off");
  while (server.log().split("logged off").length < 3) await Bun.sleep(10);
  const who = `'${TESTER.user}' from 127.0.0.1`;
  const lines = server
    .log()
    .split("\n")
    .filter((line) => line.includes("127.0.0.1"));
  const session = (share: string): string[] => [
    `minismbd: info: ${who} logged on with SMB 3.1.1`,
    `minismbd: info: ${who} connected to share [${share}]`,
    "minismbd: info: 127.0.0.1 disconnected: by the client",
    `minismbd: info: ${who} logged off`,
  ];
  expect(lines).toEqual([
    ...session("docs"),
    ...session("old, read-only").map((line) => line.replace("[old, read-only]", "[old], read-only")),
  ]);
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
