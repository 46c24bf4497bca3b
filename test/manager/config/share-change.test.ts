// Changes of one share in the configuration file: what else of the file decides about it.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { changeShareInFile, type ShareChange } from "../../../src/manager/config/share-change.ts";
import { makeDirectory, removeDirectory } from "../../peer/test-server.ts";

let directory: string;
beforeEach(() => {
  directory = realpathSync(makeDirectory("share-change"));
  mkdirSync(join(directory, "films"));
  mkdirSync(join(directory, "films\\"));
  mkdirSync(join(directory, "100%"));
});
afterEach(() => removeDirectory(directory));

/** The fault and the file's text after the change. */
async function change(
  text: string,
  wanted: ShareChange,
  file = "smb.conf",
): Promise<{ fault: string | undefined; text: string }> {
  const path = join(directory, file);
  writeFileSync(path, text);
  const request = { file: path, dialect: undefined, directories: [directory], change: wanted };
  const { fault } = await changeShareInFile(request);
  return { fault, text: readFileSync(path, "utf8") };
}

const addition = (name: string, path: string, comment = ""): ShareChange => ({
  kind: "add",
  name,
  path,
  comment,
  maxConnections: undefined,
});
const comment = (name: string, text: string): ShareChange => ({
  kind: "set",
  name,
  comment: text,
  maxConnections: undefined,
});

test("a share of an included file can neither be deleted nor changed", async () => {
  writeFileSync(join(directory, "more.conf"), "[inner]\npath = /srv\n");
  const text = "[global]\ninclude = more.conf\n[outer]\npath = /srv\n";
  for (const wanted of [comment("inner", "x"), { kind: "delete", name: "inner" } as const])
    expect(await change(text, wanted)).toEqual({ fault: "elsewhere", text });
  expect((await change(text, { kind: "delete", name: "outer" })).text).not.toContain("outer");
});

test("a share that an included file would keep is not deleted", async () => {
  writeFileSync(join(directory, "more.conf"), "[films]\ncomment = more\npath = /srv\n");
  const text = "[films]\npath = /srv\ninclude = more.conf\n[other]\npath = /srv\ninclude = more.conf\n";
  expect(await change(text, { kind: "delete", name: "films" })).toEqual({ fault: "elsewhere", text });
});

test("a share of which another is a copy is not changed", async () => {
  const text = "[films]\npath = /srv\n[more]\ncopy = films\npath = /srv/more\n";
  expect(await change(text, comment("films", "x"))).toEqual({ fault: "elsewhere", text });
});

test("a value that the file would read in another way is refused", async () => {
  const text = "[films]\npath = /srv\n";
  expect(await change(text, comment("films", "on the line below\\"))).toEqual({ fault: "bad value", text });
  expect(await change(text, addition("x", join(directory, "films\\")))).toEqual({ fault: "bad value", text });
  expect(await change(text, addition("x", join(directory, "100%")))).toEqual({ fault: "bad value", text });
  expect(await change(text, comment("films", '"quoted"'))).toEqual({ fault: "bad value", text });
  expect((await change(text, comment("films", "one; two # three"))).fault).toBeUndefined();
  expect((await change(text, comment("films", "one; two"), "ksmbd.conf")).fault).toBe("bad value");
});

test("comments and order stay, and a share of the file is added at its end", async () => {
  const text = "# first\n[films]\n\tpath = /srv ; why\n\n; last\n";
  const added = await change(text, addition("more", join(directory, "films"), "new"), "ksmbd.conf");
  expect(added.fault).toBeUndefined();
  expect(added.text).toBe(`${text}\n[more]\n\tpath = ${join(directory, "films")}\n\tcomment = new\n`);
});

test("a section that is there without being served is not taken for a new share", async () => {
  const text = "[films]\ncomment = no path\n";
  expect(await change(text, addition("films", join(directory, "films")))).toEqual({ fault: "exists", text });
});

test("changes at once are made one after the other", async () => {
  const path = join(directory, "smb.conf");
  writeFileSync(path, "[global]\n");
  const answers = await Promise.all(
    ["a", "b", "c", "d"].map((name) =>
      changeShareInFile({
        file: path,
        dialect: undefined,
        directories: [directory],
        change: addition(name, join(directory, "films")),
      }),
    ),
  );
  expect(answers.map(({ fault }) => fault)).toEqual([undefined, undefined, undefined, undefined]);
  expect(readFileSync(path, "utf8").match(/^\[[a-d]\]$/gm)).toEqual(["[a]", "[b]", "[c]", "[d]"]);
});
