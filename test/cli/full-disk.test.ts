// A full disk below the password file and the configuration: the old file stays, with one line that says why.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "./executable.ts";

const isRoot = process.getuid?.() === 0;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "minismbd-full-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The limits of tmpfs(5): one page, which the old file fills; or the root directory and one file. */
const FULL = { blocks: "size=4096", inodes: "nr_inodes=2" } as const;

const USERS = `anna:${Buffer.alloc(16, 7).toString("base64")}\n`;
const CONFIGURATION = "[docs]\n\tpath = /srv\n";
const FILES = { "ksmbdpwd.db": USERS, "ksmbd.conf": CONFIGURATION } as const;

interface Case {
  readonly file: keyof typeof FILES;
  readonly command: string;
}

/** Runs `minismbd COMMAND` beside `file` on a full disk; returns its status and output, and then the directory. */
function runOnFullDisk({ file, command }: Case, limit: string) {
  const script = `
mount -t tmpfs -o ${limit} none "$PLACE" && cd "$PLACE" || exit 99
printf %s "$BEFORE" >${file}
chmod 640 ${file}
"$EXECUTABLE" ${command} 2>&1; echo "status $?"
ls -A; cat ${file}; stat -c %a ${file}`;
  const env = { PATH: process.env.PATH ?? "", PLACE: directory, EXECUTABLE, BEFORE: FILES[file] };
  const child = Bun.spawnSync(["unshare", "--mount", "sh", "-c", script], { env, timeout: 60_000 });
  return { status: child.exitCode, output: child.stdout.toString(), errors: child.stderr.toString() };
}

const CASES: readonly Case[] = [
  { file: "ksmbdpwd.db", command: "adduser -P ksmbdpwd.db -p secret bob" },
  { file: "ksmbdpwd.db", command: "passwd -P ksmbdpwd.db -p secret anna" },
  { file: "ksmbdpwd.db", command: "adduser -P $PWD/ksmbdpwd.db -p secret bob" },
  { file: "ksmbd.conf", command: "addshare -C ksmbd.conf -a -o 'path = /x' new" },
  { file: "ksmbd.conf", command: "addshare -C ksmbd.conf -u -o 'path = /x' docs" },
];
const KINDS = Object.keys(FULL) as (keyof typeof FULL)[];

test.skipIf(!isRoot).each(CASES.flatMap((item) => KINDS.map((kind) => ({ ...item, kind }))))(
  "$command: without free $kind the old file stays, and the line says that there is no space",
  ({ kind, ...item }) => {
    const { output, errors } = runOnFullDisk(item, FULL[kind]);
    const [message, ...rest] = output.split("\n");
    expect(message).toMatch(
      new RegExp(`^minismbd: \\S*${item.file}: .* cannot be written \\(ENOSPC\\), make room on its disk$`),
    );
    expect(rest.join("\n")).toBe(`status 1\n${item.file}\n${FILES[item.file]}640\n`);
    expect(errors).toBe("");
  },
);
