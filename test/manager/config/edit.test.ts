// Changes of one section in the text of a configuration.
import { expect, test } from "bun:test";
import { editLines, hasSection, removeSection, setOptions } from "../../../src/manager/config/edit.ts";

const TEXT = `; top
[global]
\tworkgroup = HOME ; tail

# about the documents
[Docs]
\tpath = /srv/docs
\twriteable = no  ; was yes
; inside
\twrite ok = no

# the rest
[z]
path=/z
`;

test("an option keeps its place, whichever spelling is there, and new ones stand behind the last one", () => {
  const options = [
    { key: "read only", value: "no" },
    { key: "comment", value: "hi" },
  ];
  expect(setOptions(TEXT, "DOCS", options, "ksmbd")).toBe(`; top
[global]
\tworkgroup = HOME ; tail

# about the documents
[Docs]
\tpath = /srv/docs
\tread only = no  ; was yes
; inside
\tcomment = hi

# the rest
[z]
path=/z
`);
});

test("a new section comes to the end, after one blank line", () => {
  const options = [{ key: "path", value: "/new" }];
  expect(setOptions(TEXT, "new", options, "ksmbd")).toBe(`${TEXT}\n[new]\n\tpath = /new\n`);
  expect(setOptions("", "new", options, "ksmbd")).toBe("[new]\n\tpath = /new\n");
  expect(setOptions("[a]\npath=/a", "new", options, "ksmbd")).toBe("[a]\npath=/a\n\n[new]\n\tpath = /new\n");
});

test("an option of the last section without a line end is added in a line of its own", () => {
  const changed = setOptions("[a]\npath=/a", "a", [{ key: "comment", value: "x" }], "ksmbd");
  expect(changed).toBe("[a]\npath=/a\n\tcomment = x");
  expect(setOptions("[a]", "a", [{ key: "comment", value: "x" }], "ksmbd")).toBe("[a]\n\tcomment = x");
});

test("every occurrence of a section counts: a second line of an option would be the one that is used", () => {
  const text = "[a]\npath = /1\n[b]\npath = /b\n[A]\npath = /2\n";
  expect(setOptions(text, "a", [{ key: "path", value: "/3" }], "samba")).toBe(
    "[a]\n\tpath = /3\n[b]\npath = /b\n[A]\n",
  );
  expect(removeSection(text, "a", "samba")).toBe("[b]\npath = /b\n");
});

test("a continued line is replaced as a whole", () => {
  const text = "[a]\nvalid users = anna \\\n  bob \\\n  carl\npath = /a\n";
  const changed = setOptions(text, "a", [{ key: "valid users", value: "dora" }], "samba");
  expect(changed).toBe("[a]\n\tvalid users = dora\npath = /a\n");
  expect(removeSection(`${text}[b]\npath = /b\n`, "a", "samba")).toBe("[b]\npath = /b\n");
});

test("a removed section leaves the comments around it, apart", () => {
  expect(removeSection(TEXT, "docs", "ksmbd")).toBe(`; top
[global]
\tworkgroup = HOME ; tail

# about the documents

# the rest
[z]
path=/z
`);
  expect(removeSection(TEXT, "nothing", "ksmbd")).toBe(TEXT);
});

test("sections are found as the parser finds them", () => {
  expect(hasSection(TEXT, "doCS", "ksmbd")).toBe(true);
  expect(hasSection("; [a]\n#[b]\nx = [c]\n", "a", "ksmbd")).toBe(false);
  expect(hasSection("[a] ; comment\n", "a", "ksmbd")).toBe(true);
});

test("lines are changed, removed and added by their numbers, and comments stay", () => {
  const lines = new Map([
    [3, { key: "workgroup", value: "WORK" }],
    [8, undefined],
  ]);
  const added = { behind: 7, options: [{ key: "comment", value: "hi" }] };
  expect(editLines(TEXT, { lines, added }, "ksmbd")).toBe(`; top
[global]
\tworkgroup = WORK ; tail

# about the documents
[Docs]
\tpath = /srv/docs
\tcomment = hi
; inside
\twrite ok = no

# the rest
[z]
path=/z
`);
});

test("a continued line is changed by the number of its first line", () => {
  const text = "[a]\nvalid users = anna \\\n  bob\npath = /a";
  const lines = new Map([[2, { key: "valid users", value: "dora" }]]);
  const added = { behind: 4, options: [{ key: "comment", value: "x" }] };
  expect(editLines(text, { lines, added }, "samba")).toBe(
    "[a]\n\tvalid users = dora\npath = /a\n\tcomment = x",
  );
});
