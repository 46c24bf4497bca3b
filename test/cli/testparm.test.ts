// testparm: what it finds in a configuration, who gets what, exit status, JSON.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatPasswordDatabase } from "../e2e/client/server.ts";
import { makeDirectory, removeDirectory } from "../peer/test-server.ts";
import { run } from "./executable.ts";

const base = makeDirectory("minismbd-testparm");
const file = join(base, "smb.conf");
const passwords = join(base, "ksmbdpwd.db");
const data = join(base, "data");
const own = join(base, "own");

beforeAll(() => {
  for (const path of [data, own]) mkdirSync(path);
  chmodSync(data, 0o755);
  if (process.getuid?.() === 0) chownSync(own, 5, 60);
  const users = ["games", "minismbd-anna"].map((user) => ({ user, password: "x" }));
  writeFileSync(passwords, formatPasswordDatabase(users), { mode: 0o600 });
});
afterAll(() => removeDirectory(base));

function check(text: string, ...words: string[]) {
  writeFileSync(file, text);
  const { status, out, err } = run(["testparm", "-P", passwords, ...words, file]);
  return { status, out: out.replaceAll(`${base}/`, ""), err: err.replaceAll(`${base}/`, "") };
}

describe("what is strange", () => {
  test.each([
    [
      "valid users = gamse",
      "warning: smb.conf:3: 'valid users' of [docs]: there is no user 'gamse', did you mean 'games'?",
    ],
    [
      "write list = @no-such-group",
      "warning: smb.conf:3: 'write list' of [docs]: there is no group 'no-such-group'",
    ],
    [
      "force user = no-such-account",
      "warning: smb.conf:3: 'force user': there is no account 'no-such-account', nobody can",
    ],
    [
      "force group = no-such-group",
      "warning: smb.conf:3: 'force group': there is no group 'no-such-group', nobody can",
    ],
    [
      "valid users = S-1-5-21-1-2-3-1104",
      "warning: smb.conf:3: 'valid users' of [docs]: 'S-1-5-21-1-2-3-1104' is of a domain, whose groups count with 'kerberos pac groups = yes'",
    ],
    ["valid users = root", "warning: smb.conf:3: share [docs]: nobody can connect, no user passes its lists"],
    ["guest only = yes", "warning: smb.conf:3: 'guest only' has no effect without 'guest ok = yes'"],
    [
      "hosts deny = interface:no-such0",
      "warning: 'interface:no-such0' in 'hosts allow' or 'hosts deny': this machine has no interface no-such0",
    ],
    ["raed list = x", "error: smb.conf:3: 'raed list' is unknown, write 'read list'"],
    [
      "hide dto files = no",
      "warning: smb.conf:3: 'hide dto files' is unknown and has no effect, did you mean 'hide dot files'?",
    ],
  ])("`%s`", (line, said) => {
    expect(check(`[docs]\npath = ${data}\n${line}\n`).err).toContain(said);
  });

  test("a path that is missing, and one that is a file", () => {
    const { err } = check(`[gone]\npath = ${base}/gone\n[file]\npath = ${file}\n`);
    expect(err).toContain("warning: smb.conf:2: share [gone]: gone does not exist");
    expect(err).toContain("warning: smb.conf:4: share [file]: smb.conf is not a directory");
  });

  test.skipIf(process.getuid?.() !== 0)(
    "a user without an account who could write on root's directory",
    () => {
      const { err } = check(`[docs]\npath = ${data}\nread only = no\n`);
      expect(err).toContain("data belongs to root and 'minismbd-anna' has no account on this machine");
    },
  );
});

describe("exit status", () => {
  test.each([
    ["0 where all is served", `[docs]\npath = ${data}\n`, 0],
    ["2 where a share is left out", "[docs]\npath = /\nread only = perhaps\n", 2],
    ["1 where the server would not start", "[global]\nread only = perhaps\n", 1],
  ])("%s", (_, text, status) => {
    expect(check(text).status).toBe(status);
  });
});

const SHARES = `[global]
map to guest = bad user
hosts deny = 10.66.0.0/16
[docs]
path = ${own}
valid users = @games
write list = games
[admins]
path = ${data}
admin users = minismbd-anna
read only = no
[broken]
path = relative
[open]
path = ${data}
guest ok = yes
hosts allow = 192.168.1.
`;

describe.skipIf(process.getuid?.() !== 0)("--user", () => {
  const ask = (user: string, share: string, ...words: string[]) =>
    check(SHARES, "--user", user, "--share", share, ...words);

  test("what the user may do, as which uid, and the lines that decide", () => {
    const { status, out } = ask("GAMES", "Docs", "--host", "192.168.1.9");
    expect(status).toBe(0);
    expect(out).toBe(
      "'GAMES' in [Docs] from 192.168.1.9\n\tconnects: yes\n\treads: yes\n\twrites: yes\n\tacts as: uid 5, gid 60\n\tin: own\n" +
        "\tbecause: smb.conf:6: 'valid users' names 'games'\n\tbecause: smb.conf:7: 'write list' names 'games'\n",
    );
  });

  test.each([
    ["minismbd-anna", "docs", "", "smb.conf:6: 'valid users' does not name 'minismbd-anna'"],
    ["games", "docs", "10.66.1.1", "smb.conf:3: 'hosts deny' keeps the address 10.66.1.1 out"],
    ["games", "open", "192.168.2.1", "smb.conf:17: 'hosts allow' keeps the address 192.168.2.1 out"],
    ["stranger", "docs", "", "guests may not connect, 'guest ok' is not set"],
    ["games", "broken", "", "share [broken] is left out, see above"],
    ["games", "none", "", "there is no share [none]"],
  ])("%s in [%s] from '%s' is refused: %s", (user, share, host, reason) => {
    const { status, out } = ask(user, share, ...(host === "" ? [] : ["--host", host]));
    expect(status).toBe(2);
    expect(out).toContain("connects: no");
    expect(out).toContain(`because: ${reason}`);
  });

  test("an address counts for the interface whose network it is in", () => {
    const shares = `[docs]\npath = ${own}\nhosts deny = interface:lo\n[far]\npath = ${own}\nhosts allow = interface:lo\n`;
    const of = (share: string, host: string) =>
      check(shares, "--user", "games", "--share", share, "--host", host).out;
    expect(of("docs", "127.0.0.1")).toContain(
      "smb.conf:3: 'hosts deny' keeps the address 127.0.0.1 out, which is on lo",
    );
    expect(of("far", "203.0.113.9")).toContain(
      "smb.conf:6: 'hosts allow' keeps the address 203.0.113.9 out, which is on no interface",
    );
  });

  test("an administrator is root, a guest reads", () => {
    expect(ask("minismbd-anna", "admins").out).toContain("\twrites: yes\n\tacts as: uid 0,");
    const guest = ask("stranger", "open", "--host", "192.168.1.2");
    expect(guest.out).toMatch(/reads: yes\n\twrites: no\n[^]*smb\.conf:2: 'stranger' is no user/);
  });

  test("where another user's name differs by case only, the list that names the very user is the reason", () => {
    const both = join(base, "both.db");
    const users = ["games", "Games"].map((user) => ({ user, password: "x" }));
    writeFileSync(both, formatPasswordDatabase(users), { mode: 0o600 });
    const shares = `[docs]\npath = ${own}\nread list = games\nwrite list = Games\n`;
    const of = (user: string) => check(shares, "-P", both, "--user", user, "--share", "docs").out;
    expect(of("Games")).toContain("because: smb.conf:4: 'write list' names 'Games'");
    expect(of("Games")).not.toContain("read list");
    expect(of("games")).toContain("because: smb.conf:3: 'read list' names 'games'");
  });

  test("as JSON", () => {
    const { question, access, notes, dialect } = JSON.parse(ask("games", "docs", "--json").out);
    expect([dialect, question.share, access.uid, access.writes]).toEqual(["samba", "docs", 5, true]);
    expect(access.reasons[0]).toEqual({ text: "'valid users' names 'games'", file: "smb.conf", line: 6 });
    expect(notes[0]).toMatchObject({ kind: "error", file: "smb.conf", line: 12 });
  });
});

test("a question that is not whole is refused", () => {
  expect(check("[global]\n", "--user", "games").status).toBe(1);
  expect(check("[global]\n", "--user", "games", "--share", "x", "--host", "nowhere").err).toContain(
    "is not an address",
  );
});

test("values are those that count: the last in smb.conf, of a copy, of [global]", () => {
  const text = `[global]\nhide dot files = no\n[a]\npath = ${data}\nread only = no\nread only = yes\n[b]\ncopy = a\n`;
  const value = (name: string) => check(text, "--section-name", "b", "--parameter-name", name).out;
  expect(value("read only")).toBe("yes\n");
  expect(value("path")).toBe("data\n");
  expect(value("hide dot files")).toBe("no\n");
});

test("neither passwords nor hashes are printed", () => {
  const { out, err } = check("[user:anna]\npassword = hunter2\n", "--json");
  expect(out + err).not.toContain("hunter2");
  expect(out).not.toContain("anna");
});

test("with --json a configuration that cannot be used is an answer, too", () => {
  const { out, err, status } = check("[global]\nread only = perhaps\n", "--json");
  expect([status, err]).toEqual([1, ""]);
  expect(JSON.parse(out)).toEqual({ version: 1, error: expect.stringContaining("perhaps") });
});
