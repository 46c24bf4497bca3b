// Round trip of names that are not UTF-8; the text is the same as from Python's os.fsdecode (PEP 383).
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../src/linux/errno.ts";
import { decodeName, encodeEscaped } from "../../src/linux/name-bytes.ts";
import { Open, closeFd, openAt } from "../../src/linux/open.ts";

const folder = mkdtempSync(join(tmpdir(), "minismbd-names-"));
afterAll(() => rmSync(folder, { recursive: true }));

// [os.fsdecode(bytes.fromhex(h)) for h in …] of CPython 3.11 in a UTF-8 locale.
const cases: [string, string][] = [
  ["636166e9", "caf\udce9"],
  ["c3a4e4", "\u00e4\udce4"],
  ["c080", "\udcc0\udc80"],
  ["eda080", "\udced\udca0\udc80"],
  ["f4908080", "\udcf4\udc90\udc80\udc80"],
  ["e282", "\udce2\udc82"],
  ["f09f9880ff", "\u{1f600}\udcff"],
  ["e0809f", "\udce0\udc80\udc9f"],
  ["efbbbf61", "\ufeffa"],
  ["f0808081", "\udcf0\udc80\udc80\udc81"],
];

describe("bytes and text", () => {
  test.each(cases)("%s", (hex, text) => {
    const bytes = Buffer.from(hex, "hex");
    expect(decodeName(bytes)).toBe(text);
    const room = new Uint8Array(64);
    const written = encodeEscaped(text, room);
    expect(Buffer.from(room.subarray(0, written)).toString("hex")).toBe(hex);
  });

  test("returns -1 for a surrogate that stands for no byte, and for too small a buffer", () => {
    const room = new Uint8Array(4);
    for (const text of ["\ud800", "a\udc7f", "\udd00", "abcde", "abc\u00e4", "abcd\udc80"]) {
      expect(encodeEscaped(text, room)).toBe(-1);
    }
  });
});

test("a file created under the text has the original bytes as its name", () => {
  for (const [hex, text] of cases) {
    const fd = openAt(-100, `${folder}/${text}`, Open.RDWR | Open.CREAT, 0o600);
    expect(fd).toBeGreaterThanOrEqual(0);
    closeFd(fd);
    expect(readdirSync(folder, { encoding: "buffer" }).some((name) => name.toString("hex") === hex)).toBe(
      true,
    );
  }
  writeFileSync(`${folder}/plain`, "");
  expect(openAt(-100, `${folder}/\ud800`, Open.RDWR | Open.CREAT, 0o600)).toBe(-Errno.EILSEQ);
  // A surrogate pair is a character, even if its second half looks like an escaped byte.
  expect(openAt(-100, `${folder}/\ud83d\ude00`, Open.RDONLY)).toBe(-Errno.ENOENT);
});
