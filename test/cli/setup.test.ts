// `minismbd setup`, and the server that withdraws the password after the first log-on.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../tools.ts";
import { EXECUTABLE, run, startServer } from "./executable.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-setup-cli-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function logOn(port: number, password: string): string {
  const words = ["--configfile=/dev/null", "-p", String(port), "-U", `smb%${password}`, "//127.0.0.1/files"];
  const options = { stdout: "pipe", stderr: "pipe", timeout: 30_000 } as const;
  const { stdout, stderr } = Bun.spawnSync(
    ["smbclient", ...words, "-c", "put /etc/hosts hosts; ls"],
    options,
  );
  return stdout.toString() + stderr.toString();
}

test.skipIf(findProgram("smbclient") === null)(
  "the password that setup prints is valid, and the first log-on with it removes the file that shows it",
  async () => {
    const base = join(directory, "box");
    mkdirSync(base);
    const files = ["-P", join(base, "ksmbdpwd.db"), "-C", join(base, "ksmbd.conf")];
    const notice = join(base, "minismbd.txt");
    const words = ["setup", ...files, "--notice", notice, "--directory", `files=${join(base, "files")}`];
    const first = run(words);
    expect(first.status).toBe(0);
    const password = /Password: (\S+)/.exec(first.out)?.[1] ?? "";
    expect(readFileSync(notice, "utf8")).toContain(password);
    expect(run(words).out).not.toContain(password);
    expect(run([...words, "--show"]).out).toContain(password);
    const server = await startServer(["serve", ...files, "--port", "0"]);
    try {
      expect(logOn(server.port, "wrong")).toContain("NT_STATUS_LOGON_FAILURE");
      expect(existsSync(notice)).toBe(true);
      expect(logOn(server.port, password)).toMatch(/ hosts +A /);
      await server.waitFor("the first password was used, and is shown no longer");
      expect(existsSync(notice)).toBe(false);
      expect(existsSync(join(base, "ksmbd.setup"))).toBe(false);
      expect(readFileSync(join(base, "ksmbd.setup-done"), "utf8")).not.toContain(password);
      expect(logOn(server.port, password)).toMatch(/ hosts +A /);
    } finally {
      await server.stop();
    }
    expect(run([...words, "--show"]).err).toContain("the password was used");
    expect(run(words)).toEqual({ status: 0, out: "minismbd is set up already\n", err: "" });
  },
);

test("with --guest it says why Windows refuses guests; without, there are none", () => {
  const files = (name: string) => [
    "-P",
    join(directory, `${name}.db`),
    "-C",
    join(directory, `${name}.conf`),
  ];
  mkdirSync(join(directory, "g"));
  const guests = run(["setup", "--guest", ...files("g/guests")]);
  expect(guests.out).toContain("Windows 10 and 11 refuse guests (error 0x80070035)");
  expect(readFileSync(join(directory, "g/guests.conf"), "utf8")).toContain("guest ok = yes");
  mkdirSync(join(directory, "n"));
  expect(run(["setup", ...files("n/none")]).out).not.toContain("uests");
  expect(readFileSync(join(directory, "n/none.conf"), "utf8")).not.toContain("guest");
});

test("what a killed writer has left stops no other one, whatever the clock says", () => {
  const base = join(directory, "clock");
  mkdirSync(base);
  const file = join(base, "users.db");
  // A board without a clock: now, as it was at the last start.
  for (const seconds of [0, 1, Date.now() / 1000, Date.now() / 1000 + 1e6]) {
    writeFileSync(`${file}.tmp`, "half");
    utimesSync(`${file}.tmp`, seconds, seconds);
    const words = ["adduser", "--password", "secret12", "-P", file, `user${Math.trunc(seconds)}`];
    expect(run(words).status).toBe(0);
    expect(existsSync(`${file}.tmp`)).toBe(false);
  }
  expect(readFileSync(file, "utf8").trim().split("\n").length).toBe(4);
});

const isRoot = process.getuid?.() === 0;

function runInMount(script: string): string {
  const env = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, PLACE: directory, EXECUTABLE };
  const options = { env, timeout: 60_000, stdout: "pipe", stderr: "pipe" } as const;
  const { stdout, stderr } = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script], options);
  return stdout.toString() + stderr.toString();
}

test.skipIf(!isRoot)(
  "on a full overlay and on a read-only root nothing is made, and the line says why",
  () => {
    const output = runInMount(`
mkdir "$PLACE/full"; mount -t tmpfs -o nr_inodes=1 none "$PLACE/full" || exit
"$EXECUTABLE" setup -P "$PLACE/full/u.db" -C "$PLACE/full/k.conf" 2>&1; echo "status $?"; ls -A "$PLACE/full"
mount -o remount,ro "$PLACE/full"
"$EXECUTABLE" setup -P "$PLACE/full/u.db" -C "$PLACE/full/k.conf" 2>&1; echo "status $?"; ls -A "$PLACE/full"
"$EXECUTABLE" setup -P "$PLACE/full/new/u.db" 2>&1; echo "status $?"`);
    expect(output.split("\n")).toEqual([
      expect.stringContaining("ksmbd.setup: the set-up cannot be written (ENOSPC), make room on its disk"),
      "status 1",
      expect.stringContaining(
        "ksmbd.setup: the set-up cannot be written (EROFS), its disk is mounted read-only",
      ),
      "status 1",
      expect.stringContaining("full/new cannot be made (EROFS), mount its disk for writing"),
      "status 1",
      "",
    ]);
  },
);

test.skipIf(!isRoot)(
  "a first start that runs out of room at any step is completed with the same password once there is room",
  () => {
    const output = runInMount(`
mkdir "$PLACE/tight"
for inodes in 2 3 4 5; do
  mount -t tmpfs -o nr_inodes=$inodes none "$PLACE/tight" || exit
  cd "$PLACE/tight"
  "$EXECUTABLE" setup -P u.db -C k.conf 2>&1 | sed 's/^/first: /'
  cat *.tmp 2>/dev/null
  first="$(sed -n 's/.*\\([a-z2-9]\\{4\\}\\(-[a-z2-9]\\{4\\}\\)\\{3\\}\\).*/\\1/p' ksmbd.setup 2>/dev/null)"
  mount -o remount,nr_inodes=100 "$PLACE/tight"
  "$EXECUTABLE" setup -P u.db -C k.conf >second 2>&1; echo "status $?"
  [ -z "$first" ] || grep -q "$first" second && echo same
  wc -l <u.db; grep -c volumes k.conf; wc -l <ksmbd.subauth
  cd /; umount "$PLACE/tight"
done`);
    const lines = output.split("\n").filter((line) => !line.startsWith("first: "));
    expect(lines.join(" ").trim()).toBe(Array(4).fill("status 0 same 1 1 1").join(" "));
    expect(output).toMatch(/first: .*cannot be written \(ENOSPC\), make room on its disk/);
  },
);
