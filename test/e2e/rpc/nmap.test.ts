// What nmap's scripts for SMB2 find on port 445, beside what they find on smbd's.
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hasSmbd } from "../../peer/smbd.ts";
import { runProgram } from "../client/smbclient.ts";

const canRun = hasSmbd() && Bun.which("nmap") !== null && Bun.which("ip") !== null;

/** The others of nmap's smb scripts (smb-enum-shares, smb-os-discovery) speak SMB1 alone. */
const SCRIPTS = ["smb2-security-mode", "smb2-capabilities", "smb2-time", "smb2-vuln-uptime", "smb-protocols"];
const SMB1_SCRIPTS = ["smb-enum-shares", "smb-enum-users", "smb-security-mode", "smb-os-discovery", "smb-ls"];

interface Found {
  readonly minismbd: string;
  readonly smbd: string;
}

describe.skipIf(!canRun)("nmap", () => {
  let found: Found;
  beforeAll(async () => {
    const inside = [process.execPath, join(import.meta.dir, "nmap-inside.ts")];
    const scripts = [...SCRIPTS, ...SMB1_SCRIPTS].join();
    const script = 'ip link set lo up && exec "$@"';
    const { output } = await runProgram(["unshare", "--net", "sh", "-c", script, "sh", ...inside, scripts]);
    found = JSON.parse(output) as Found;
  }, 60_000);

  /** The lines of a script, without its name. */
  const linesOf = (output: string, script: string): string[] => {
    const lines = output.split("\n");
    const at = lines.findIndex((line) => line.startsWith(`| ${script}: `));
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((line) => !/^\|[ _] /.test(line));
    return at < 0 ? [] : rest.slice(0, end).map((line) => line.replace(/^\|[ _]\s*/, "").trim());
  };

  test.each(["smb2-security-mode", "smb-protocols"])("%s: as on smbd", (script) => {
    expect(linesOf(found.minismbd, script)).not.toBeEmpty();
    expect(linesOf(found.minismbd, script)).toEqual(linesOf(found.smbd, script));
  });

  test("smb2-capabilities: as on smbd, but for DFS, which is not served", () => {
    const theirs = linesOf(found.smbd, "smb2-capabilities").filter(
      (line) => line !== "Distributed File System",
    );
    const ours = linesOf(found.minismbd, "smb2-capabilities");
    expect(ours.filter((line) => line !== "All capabilities are disabled")).toEqual(theirs);
    expect(ours).toContain("Leasing");
  });

  test("smb2-time: the time of day, and not since when the server runs", () => {
    const [date = "", start = ""] = linesOf(found.minismbd, "smb2-time");
    expect(Math.abs(Date.parse(`${date.replace("date: ", "")}Z`) - Date.now())).toBeLessThan(26 * 3_600_000);
    expect(start).toBe("start_date: N/A");
    expect(found.minismbd).not.toContain("VULNERABLE");
  });

  test("the scripts of SMB1 find nothing, as on smbd", () => {
    for (const script of SMB1_SCRIPTS) {
      expect(found.smbd).not.toContain(`${script}:`);
      expect(found.minismbd).not.toContain(`${script}:`);
    }
  });
});
