// Short names against those of smbd 4.17 (Debian 12) with `mangled names = yes`, as smbclient's allinfo
// prints them.
import { expect, test } from "bun:test";
import {
  isDeviceName,
  isShortName,
  looksMangled,
  makeShortName,
} from "../../../../src/engine/vfs/name/short-names.ts";

const samba: [string, string][] = [
  ["A long file name.txt", "AR4S99~7.TXT"],
  ["photo.jpeg", "POUUXV~L"],
  ["page.html", "P4XVEV~5"],
  ["Grüße aus Wien.doc", "GK76JC~G.DOC"],
  [".profile-of-me", "_4X0JX~T"],
  ["two.dots.tar", "T8ING3~P.TAR"],
  ["a b.txt", "A38W04~C.TXT"],
  ["con", "CSHOFG~F"],
  ["no_extension_but_long", "NYB7E2~J"],
  ["Ünder.c", "_D11LF~B.C"],
  ["a.b c", "A5OB4F~X"],
  ["tar.gz.x+y", "TWFNNT~L"],
  ["what: colon.txt", "WEGOTI~6.TXT"],
  ["trailing.", "TGUB0O~D"],
];

test.each(samba)("%s is %s", (name, short) => {
  expect(makeShortName(name, 1)).toBe(short);
  expect(looksMangled(short)).toBe(true);
  expect(isShortName(short)).toBe(true);
});

test("names that are valid 8.3 names, and names that are not", () => {
  for (const name of ["x", "README.md", "a-b_c.t~1", "12345678.123", "AR4S99~7.TXT"])
    expect(isShortName(name)).toBe(true);
  for (const name of ["123456789", "a.html", "a b", ".a", "a.", "ä", "a.b.c", "", "a+b", "[x]"]) {
    expect(isShortName(name)).toBe(false);
  }
});

test("a longer prefix is kept, and other names with a tilde are not taken for short names", () => {
  expect(makeShortName("A long file name.txt", 6)).toMatch(/^A_LONG~[0-9A-Z]\.TXT$/);
  expect(makeShortName("A long file name.txt", 4)).toMatch(/^A_LO[0-9A-Z]{2}~7\.TXT$/);
  for (const name of ["~$letter.docx", "~WRL0001.tmp", "a~b", "ABCDEF~12"])
    expect(looksMangled(name)).toBe(false);
});

test("DOS device names are recognized", () => {
  for (const name of ["con", "NUL", "aux.txt", "Com1.tar.gz", "lpt9"]) expect(isDeviceName(name)).toBe(true);
  for (const name of ["cone", "com0", "com10", "xnul", "con1"]) expect(isDeviceName(name)).toBe(false);
});
