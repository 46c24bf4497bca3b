// The built executable as ksmbd.addshare, and `minismbd addshare`.
import { afterAll, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./executable.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-cli-addshare-"));
const conf = join(directory, "ksmbd.conf");
const BEFORE =
  "; mine\n[global]\n\tworkgroup = HOME ; tail\n\n[Docs]\n\tpath = /srv/docs\n\tread only = yes\n";

beforeEach(() => writeFileSync(conf, BEFORE, { mode: 0o644 }));
afterAll(() => rmSync(directory, { recursive: true }));

function addshare(...words: readonly string[]) {
  return run(["-C", conf, ...words], { as: "ksmbd.addshare" });
}

const read = () => readFileSync(conf, "utf8");

test("a share is added, changed and deleted; comments, order, mode and the file behind a link stay", () => {
  chmodSync(conf, 0o600);
  const link = join(directory, "link.conf");
  symlinkSync(conf, link);
  const added = run(["addshare", "-C", link, "-o", "path = /srv/x", "--option=guest ok=yes", "new"]);
  expect(added).toEqual({ status: 0, out: "Share 'new' added\n", err: "" });
  expect(read()).toBe(`${BEFORE}\n[new]\n\tpath = /srv/x\n\tguest ok = yes\n`);
  expect(addshare("-u", "-o", "writable = yes", "docs").out).toBe("Share 'docs' updated\n");
  expect(read()).toContain("[Docs]\n\tpath = /srv/docs\n\twritable = yes\n");
  expect(addshare("-d", "NEW").status).toBe(0);
  expect(read()).toBe(BEFORE.replace("read only = yes", "writable = yes"));
  expect(statSync(conf).mode & 0o777).toBe(0o600);
});

test("-a refuses a share that exists, -u and -d one that does not", () => {
  for (const words of [
    ["-a", "-o", "path = /x", "DOCS"],
    ["-u", "-o", "path = /x", "x"],
    ["-d", "x"],
  ]) {
    const { status, out, err } = addshare(...words);
    expect([status, out]).toEqual([1, ""]);
    expect(err.split("\n")).toHaveLength(2);
  }
  expect(read()).toBe(BEFORE);
});

test("an option that is none of a share's is left out with a line, as ksmbd-tools does", () => {
  const { status, err } = addshare("-a", "-o", "path = /x", "-o", "workgroup = X", "-o", "frob = 1", "x");
  expect(status).toBe(0);
  expect(err).toBe(
    "option 'workgroup = X' ignored: it is not a parameter of shares\n" +
      "option 'frob = 1' ignored: it is not a parameter of shares\n",
  );
  expect(read()).toBe(`${BEFORE}\n[x]\n\tpath = /x\n`);
});

test("global sets the defaults of all shares", () => {
  expect(addshare("-u", "-o", "guest ok = yes", "global").out).toBe("Defaults of [global] updated\n");
  expect(read()).toContain("\tworkgroup = HOME ; tail\n\tguest ok = yes\n");
  expect(addshare("-d", "global").status).toBe(1);
});

test("a share that would not be served is written, with the reason", () => {
  const { status, err } = addshare("-a", "-o", "comment = hi", "nopath");
  expect(status).toBe(0);
  expect(err).toMatch(/^warning: .*ksmbd\.conf:\d+: share \[nopath\] is left out: it has no path/);
});

test.each([
  [["-o", "path = /x", "a[b]"], "none of"],
  [["-o", "path = /x", "ipc$"], "a meaning of its own"],
  [["-o", "path = /x", "x".repeat(64)], "at most 63 bytes"],
  [["-o", "path = /x", "a", "b"], "one share name is needed"],
  [["-a", "-u", "x"], "exclude each other"],
  [["-o", "comment = a # b", "x"], "begin a comment"],
  [["-o", "comment = a\nguest ok = yes", "x"], "must be printable"],
])("%j fails with one line, and nothing is changed", (words, message) => {
  const { status, out, err } = addshare(...words);
  expect([status, out]).toEqual([1, ""]);
  expect(err).toContain(message);
  expect(err.split("\n")).toHaveLength(2);
  expect(read()).toBe(BEFORE);
});

test("without an option they are asked for; the end of the input changes nothing", () => {
  const words = ["-C", conf, "asked"];
  const typed = run(words, { as: "ksmbd.addshare", input: "/srv/q\nmy comment\nno\n\n\n\n" });
  expect(typed.status).toBe(0);
  expect(read()).toBe(`${BEFORE}\n[asked]\n\tpath = /srv/q\n\tcomment = my comment\n\tread only = no\n`);
  writeFileSync(conf, BEFORE);
  const ended = run(words, { as: "ksmbd.addshare", input: "/srv/q\n" });
  expect(ended.status).toBe(1);
  expect(read()).toBe(BEFORE);
});

test("a configuration that the server refuses is not made worse", () => {
  writeFileSync(conf, "nonsense\n");
  const { status, err } = addshare("-a", "-o", "path = /x", "x");
  expect(status).toBe(1);
  expect(err).toContain("ksmbd.conf:1");
  expect(err).toContain("nothing was changed");
  expect(read()).toBe("nonsense\n");
});

test("a missing configuration is made with mode 0640", () => {
  rmSync(conf);
  expect(addshare("-a", "-o", "path = /x", "x").status).toBe(0);
  expect(read()).toBe("[x]\n\tpath = /x\n");
  expect(statSync(conf).mode & 0o777).toBe(0o640);
});
