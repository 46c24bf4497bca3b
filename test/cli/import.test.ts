// `minismbd users --import` with what Samba's pdbedit prints; `minismbd shares`; the completion of bash.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatedFiles } from "../../man/generate.ts";
import { parseSmbpasswd } from "../../src/manager/users/smbpasswd.ts";
import { run } from "./executable.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-cli-import-"));
afterAll(() => rmSync(directory, { recursive: true }));

// pdbedit -Lw of Samba 4.17.12 for users with the passwords "secret" and "other"; the second one is disabled.
const LINES = `anna:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:878D8014606CDA29677A44EFA1353FC7:[U          ]:LCT-69284B0F:
bob:1001:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:3B2AB9CFD5E1A0A0B4C1B1F2B8A6A6C1:[DU         ]:LCT-69284B0F:
pc$:1002:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:878D8014606CDA29677A44EFA1353FC7:[W          ]:LCT-69284B0F:
nopass:1003:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:[U          ]:LCT-69284B0F:
open:1004:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:878D8014606CDA29677A44EFA1353FC7:[NU         ]:LCT-69284B0F:
`;

test("users with a password are taken over, the others are named with the reason", () => {
  const { users, leftOut } = parseSmbpasswd(`# comment\n${LINES}warning of something\n`);
  expect(users).toEqual([{ name: "anna", ntHash: "878d8014606cda29677a44efa1353fc7" }]);
  expect(leftOut).toEqual([
    "user 'bob' is left out: the account is disabled",
    "user 'pc$' is left out: it is a computer",
    "user 'nopass' is left out: it has no password",
    "user 'open' is left out: it may log on without a password",
    "line 7 is not a line of smbpasswd",
  ]);
});

test.skipIf(Bun.which("pdbedit") === null || process.geteuid?.() !== 0)(
  "the file of pdbedit itself is imported, and known users stay",
  () => {
    const passdb = join(directory, "passdb.tdb");
    const words = [
      `--option=passdb backend=tdbsam:${passdb}`,
      "--configfile=/dev/null",
      `--option=private dir=${directory}`,
    ];
    const pdbedit = (more: readonly string[], input: string) =>
      Bun.spawnSync(["pdbedit", ...words, ...more], {
        stdin: Buffer.from(input),
        stdout: "pipe",
        stderr: "pipe",
      });
    expect(pdbedit(["-a", "-t", "-u", "daemon"], "secret\nsecret\n").exitCode).toBe(0);
    const listed = pdbedit(["-Lw"], "").stdout.toString();
    expect(listed).toContain("daemon:");
    const db = join(directory, "ksmbdpwd.db");
    const imported = run(["users", "--import", "-", "-P", db], { input: listed });
    expect(imported).toMatchObject({ status: 0, out: "1 user imported\n" });
    const hash = Buffer.from("878d8014606cda29677a44efa1353fc7", "hex").toString("base64");
    expect(readFileSync(db, "utf8")).toBe(`daemon:${hash}\n`);
    const file = join(directory, "smbpasswd");
    writeFileSync(file, listed);
    const again = run(["users", "--import", file, "-P", db]);
    expect(again.err).toBe(`user 'daemon' is left out: it is in ${db} already\n`);
    expect(again.out).toBe("0 users imported\n");
  },
);

test.each([
  [["--import", "/nowhere"], "/nowhere cannot be read (ENOENT)"],
  [["--import", "/dev/null"], "/dev/null has no user to import"],
])("users %j fails with one line", (words, message) => {
  const { status, err } = run(["users", "-P", join(directory, "none"), ...words]);
  expect(status).toBe(1);
  expect(err).toContain(message);
});

test("shares lists what is served and names what is left out", () => {
  const conf = join(directory, "ksmbd.conf");
  writeFileSync(
    conf,
    "[docs]\npath = /srv/docs\n[pub]\npath = /srv\nguest ok = yes\nread only = no\n[bad]\ncomment = x\n",
  );
  const { status, out, err } = run(["shares", "-C", conf]);
  expect([status, out]).toEqual([0, "docs\t/srv/docs\tro\tusers\npub\t/srv\trw\tguest\n"]);
  expect(err).toContain("share [bad] is left out");
});

test.each([
  [["minismbd", "a"], "adduser addshare"],
  [["minismbd", "addshare", "--up"], "--update"],
  [["/usr/sbin/ksmbd.mountd", "--no"], "--nodetach"],
  [["minismbd", "serve", "/etc/host"], "/etc/hostname"],
])("bash completes %j", (words, expected) => {
  const completion = generatedFiles().get("man/minismbd.bash") ?? "";
  const position = `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}`;
  const input = `${completion}\n${position}\n_minismbd\necho "\${COMPREPLY[@]}"\n`;
  const { stdout } = Bun.spawnSync(["bash"], { stdin: Buffer.from(input) });
  expect(stdout.toString().trim().split(" ")).toEqual(expect.arrayContaining(expected.split(" ")));
});
