// ksmbd.subauth: the SID of the machine.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineSid, parseNumbers, subauthFileOf } from "../../../src/manager/users/machine-sid.ts";

const GUID = "00112233445566778899aabbccddeeff";
const directory = mkdtempSync(join(tmpdir(), "minismbd-subauth-"));
afterAll(() => rmSync(directory, { recursive: true }));

function read(file: string | null, guid = GUID): { sid: string; warnings: string[] } {
  const warnings: string[] = [];
  return { sid: machineSid(file, guid, (text) => warnings.push(text)), warnings };
}

test("a missing file is made beside the password file, and then decides whatever the GUID is", () => {
  const file = subauthFileOf(join(directory, "ksmbdpwd.db"));
  const first = read(file);
  expect(first).toEqual({ sid: expect.stringMatching(/^S-1-5-21-\d+-\d+-\d+$/), warnings: [] });
  expect(readFileSync(file, "utf8")).toMatch(/^\d+:\d+:\d+\n$/);
  expect(`S-1-5-21-${readFileSync(file, "utf8").trim().replaceAll(":", "-")}`).toBe(first.sid);
  expect(statSync(file).mode & 0o777).toBe(0o644);
  expect(read(file, "ff".repeat(16)).sid).toBe(first.sid);
  expect(readdirSync(directory)).toEqual(["ksmbd.subauth"]);
  rmSync(file);
});

test("a file of ksmbd-tools is taken as it is", () => {
  const file = join(directory, "theirs");
  writeFileSync(file, "4294967295:0:17\n");
  expect(read(file)).toEqual({ sid: "S-1-5-21-4294967295-0-17", warnings: [] });
  rmSync(file);
});

test("without a file, and where it cannot be made, the SID is the one of the GUID", () => {
  const derived = read(null).sid;
  expect(read(null, "ff".repeat(16)).sid).not.toBe(derived);
  expect(read(join(directory, "missing", "ksmbd.subauth"))).toEqual({
    sid: derived,
    warnings: [expect.stringContaining("cannot be written (ENOENT), make its directory")],
  });
});

test("a file that is not three numbers is left alone, with a warning", () => {
  const file = join(directory, "bad");
  for (const text of ["", "1:2", "1:2:3:4", "1:2:4294967296", "-1:2:3", "a:b:c", "1:2:3\n4:5:6"]) {
    expect(parseNumbers(text)).toBeUndefined();
    writeFileSync(file, text);
    expect(read(file).warnings).toHaveLength(1);
    expect(readFileSync(file, "utf8")).toBe(text);
  }
});
