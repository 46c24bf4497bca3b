// What nmap's scripts for SMB2 find on port 445, beside what they find on smbd's.
import { beforeAll, describe, expect, test } from "bun:test";
import { type BothOutputs, canRunOnBoth, HOST, onBoth } from "./port-445.ts";
import { DAEMON } from "./rpc-clients.ts";

const canRun = canRunOnBoth && Bun.which("nmap") !== null;

/** The others of nmap's smb scripts (smb-enum-shares, smb-os-discovery) speak SMB1 alone. */
const SCRIPTS = ["smb2-security-mode", "smb2-capabilities", "smb2-time", "smb2-vuln-uptime", "smb-protocols"];
const SMB1_SCRIPTS = ["smb-enum-shares", "smb-enum-users", "smb-security-mode", "smb-os-discovery", "smb-ls"];

describe.skipIf(!canRun)("nmap", () => {
  let found: BothOutputs;
  beforeAll(async () => {
    const scripts = [...SCRIPTS, ...SMB1_SCRIPTS].join();
    const account = `smbusername=${DAEMON.user},smbpassword=${DAEMON.password}`;
    const words = ["-Pn", "-n", "-sT", "-p445", "--script", scripts, "--script-args", account, HOST];
    const [both] = await onBoth([["nmap", ...words]]);
    if (both === undefined) throw new Error("no output");
    found = both;
  }, 60_000);

  /** The lines of a script, without its name. */
  const linesOf = (output: string, script: string): string[] => {
    const lines = output.split("\n");
    const at = lines.findIndex((line) => line.startsWith(`| ${script}: `));
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((line) => !line.startsWith("|") || /^\|[ _]?smb2?-/.test(line));
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
