// Security descriptors shown and changed by Samba's smbcacls(1). It connects to port 445 only: server and
// client run in a network namespace of their own.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, removeDirectory } from "../../peer/test-server.ts";
import { EXECUTABLE, formatPasswordDatabase } from "../client/server.ts";

const USER = { user: "daemon", password: "first-1" };

/** True where a network namespace can be made and smbcacls is installed. */
const canRun =
  process.getuid?.() === 0 &&
  Bun.which("smbcacls") !== null &&
  spawnSync("unshare", ["-n", "ip", "link", "set", "lo", "up"]).status === 0;

const SCRIPT = `
set -u
ip link set lo up
# The log of an earlier server is gone before anybody looks for the new one's.
: > "$2/log"
"$1" serve -C "$2/conf" -P "$2/users" -n -p 445 >> "$2/log" 2>&1 &
server=$!
for _ in $(seq 100); do grep -q ready "$2/log" && break; sleep 0.1; done
shift 2
share=$1; shift
for command in "$@"; do
  echo "# $command"
  eval "smbcacls --configfile=/dev/null '//127.0.0.1/$share' $command -U '${USER.user}%${USER.password}'" 2>&1
done
kill $server
wait $server
`;

describe.skipIf(!canRun)("smbcacls", () => {
  let parent = "";
  beforeAll(() => {
    parent = makeDirectory("smbcacls");
    chmodSync(parent, 0o755);
    const sections = ["nt", "posix"].map((acl) => {
      const path = join(parent, acl);
      mkdirSync(join(path, "folder"), { recursive: true });
      writeFileSync(join(path, "folder/file"), "");
      for (const name of ["", "folder", "folder/file"]) chownSync(join(path, name), 1, 1);
      chmodSync(join(path, "folder/file"), 0o640);
      return `[${acl}]\npath = ${path}\nread only = no\nacl = ${acl}\n`;
    });
    const globals = "[global]\nbind interfaces only = yes\ninterfaces = 127.0.0.1\nlog level = info\n";
    writeFileSync(join(parent, "conf"), globals + sections.join(""));
    writeFileSync(join(parent, "users"), formatPasswordDatabase([USER]), { mode: 0o600 });
  });
  afterAll(() => removeDirectory(parent));

  /** Returns what each command prints, its lines sorted; throws when a command was not run. */
  function run(share: string, commands: readonly string[]): string[][] {
    const args = ["-n", "sh", "-c", SCRIPT, "sh", EXECUTABLE, parent, share, ...commands];
    const done = spawnSync("unshare", args, { encoding: "utf8", timeout: 60_000 });
    const parts = done.stdout.split(/^# .*\n/m).slice(1);
    if (parts.length !== commands.length) throw new Error(`${done.stdout}${done.stderr}`);
    return parts.map((part) =>
      part
        .split("\n")
        .filter((line) => /^(ACL|ERROR|Maximum|CONTROL)/.test(line))
        .sort(),
    );
  }

  test("acl = nt: an entry is added, inherited and cut off; giving ownership away fails", () => {
    const file = String.raw`'folder\file'`;
    const [plain, , added, , handed, , cut, owner, most] = run("nt", [
      `${file} --numeric`,
      `${file} -a 'ACL:S-1-22-1-5:ALLOWED/0x0/READ'`,
      `${file} --numeric`,
      `folder --propagate-inheritance -a 'ACL:S-1-5-11:ALLOWED/OI|CI/CHANGE'`,
      `${file} --numeric`,
      `${file} -I remove`,
      `${file} --numeric`,
      `${file} -C S-1-22-1-5`,
      `${file} --maximum-access`,
    ]);
    expect(plain).toEqual([
      "ACL:S-1-1-0:0/0x0/0x00120080",
      "ACL:S-1-22-1-1:0/0x0/0x001f01ff",
      "ACL:S-1-22-2-1:0/0x0/0x001200a9",
      "CONTROL:0x8004",
    ]);
    expect(added).toContain("ACL:S-1-22-1-5:0/0x0/0x001200a9");
    expect(handed).toContain("ACL:S-1-5-11:0/0x10/0x001301ff");
    expect(handed).toContain("ACL:S-1-22-1-5:0/0x0/0x001200a9");
    expect(cut).toContain("CONTROL:0x9004");
    expect(cut?.some((line) => line.includes("S-1-5-11"))).toBe(false);
    expect(owner?.join()).toContain("NT_STATUS_INVALID_OWNER");
    expect(most).toContain("Maximum access: 0x1f01ff");
  });

  test("acl = posix: a directory has entries for users, which are inherited", () => {
    const [, shown] = run("posix", [
      "folder -S 'ACL:S-1-22-1-1:ALLOWED/OI|CI/FULL,ACL:S-1-22-1-5:ALLOWED/OI|CI/READ'",
      "folder --numeric",
    ]);
    expect(shown).toContain("ACL:S-1-22-1-1:0/0x0/0x001f01ff");
    expect(shown).toContain("ACL:S-1-22-1-5:0/0x3/0x001200a9");
  });
});
