// Configurations of several files, copied shares, continued lines, and one share with a mistake beside sound ones.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { giveToTester, makeDirectory, removeDirectory, TESTER, TESTER2 } from "../../peer/test-server.ts";
import { accessOf, type Files, serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import { run } from "../../cli/executable.ts";

const base = makeDirectory("minismbd-files");
afterAll(() => removeDirectory(base));
const data = join(base, "data");
mkdirSync(data);
giveToTester(data);

let server: Served | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function serve(files: Files, ...options: string[]): Promise<Served> {
  const directory = makeDirectory("files", base);
  writeFiles(directory, files);
  server = await serveFile(directory, Object.keys(files)[0] ?? "", [TESTER, TESTER2], ...options);
  return server;
}

describe("include and copy", () => {
  test("a share in an included file is served, and a share goes on in one", async () => {
    const place = await serve({
      "smb.conf": `[global]\ninclude = shares/first.conf\n[second]\npath = ${data}\ninclude = shares/rights.conf\n`,
      "shares/first.conf": `[first]\npath = ${data}\nread only = no\n`,
      "shares/rights.conf": "valid users = nobody-else\n",
    });
    expect(await accessOf(place, TESTER, "first")).toBe("write");
    expect(await accessOf(place, TESTER, "second")).toBe("refused");
  });

  test("an included file that does not exist is named, and the rest is served", async () => {
    const place = await serve({ "smb.conf": `include = more.conf\n[docs]\npath = ${data}\n` });
    expect(place.output()).toMatch(/smb\.conf:1: 'include = more\.conf': there is no such file/);
    expect(await accessOf(place, TESTER, "docs")).toBe("read");
  });

  test("a copy has the lines of the share above, its own lines override them", async () => {
    const place = await serve({
      "smb.conf":
        `[base]\npath = ${data}\nread only = no\nvalid users = ${TESTER.user}\navailable = no\n` +
        "[copy]\navailable = yes\ncopy = base\n[reading]\nread only = yes\ncopy = base\navailable = yes\n",
    });
    expect(await accessOf(place, TESTER, "base")).toBe("absent");
    expect(await accessOf(place, TESTER, "copy")).toBe("write");
    expect(await accessOf(place, TESTER2, "copy")).toBe("refused");
    expect(await accessOf(place, TESTER, "reading")).toBe("read");
  });
});

describe("smb.conf", () => {
  test("a line that ends with a backslash goes on in the next", async () => {
    const place = await serve({
      "smb.conf": `[docs]\npath = ${data}\nvalid users = somebody, \\\n\t${TESTER.user}, \\\n\tanother\n`,
    });
    expect(await accessOf(place, TESTER, "docs")).toBe("read");
    expect(await accessOf(place, TESTER2, "docs")).toBe("refused");
  });

  test("the rules of smb.conf can be asked for whatever the file's name is", async () => {
    const files = { "any.conf": `[docs]\npath = ${data}\nread only = yes\nread only = no\n` };
    expect(await accessOf(await serve(files), TESTER, "docs")).toBe("read");
    await server?.stop();
    expect(await accessOf(await serve(files, "--dialect", "samba"), TESTER, "docs")).toBe("write");
  });
});

describe("a share with a mistake is left out, named, and the others are served:", () => {
  test.each([
    ["a value that is not understood", "read only = perhaps", /ksmbd\.conf:3: 'perhaps' is not a value/],
    [
      "a misspelt name of what restricts",
      "valid user = x",
      /ksmbd\.conf:3: 'valid user' is unknown, write 'valid users'/,
    ],
    ["another one", "host allow = 10.0.0.1", /ksmbd\.conf:3: 'host allow' is unknown, write 'hosts allow'/],
    ["a line without a value", "read only", /ksmbd\.conf:3: 'read only' is not 'NAME = VALUE'/],
    ["a continued line", "valid users = a, \\", /ksmbd\.conf:3: 'valid users' ends in '\\'/],
    ["a copy of nothing", "copy = base", /ksmbd\.conf:3: 'copy' needs a share above/],
    [
      "a command before the connection",
      "root preexec = /bin/true",
      /ksmbd\.conf:3: 'root preexec' is not supported/,
    ],
  ])("%s", async (_, line, message) => {
    const place = await serve({ "ksmbd.conf": `[bad]\npath = ${data}\n${line}\n[good]\npath = ${data}\n` });
    expect(await accessOf(place, TESTER, "bad")).toBe("absent");
    expect(await accessOf(place, TESTER, "good")).toBe("read");
    expect(place.output()).toMatch(message);
    expect(place.output()).toContain("share [bad] is left out");
  });

  test("but the same mistake in [global] refuses to start", () => {
    const directory = makeDirectory("files", base);
    for (const line of ["read only = perhaps", "valid user = x", "read only", "copy = base"]) {
      writeFiles(directory, { "ksmbd.conf": `[global]\n${line}\n[docs]\npath = ${data}\n` });
      const { status, err } = run(["serve", "-C", join(directory, "ksmbd.conf"), "-n", "-p", "0"]);
      expect([status, err]).toEqual([1, expect.stringContaining("ksmbd.conf:2: ")]);
    }
  });
});
