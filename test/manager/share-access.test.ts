import { describe, expect, test } from "bun:test";
import { buildConfiguration } from "../../src/manager/config/load.ts";
import { parseConfig } from "../../src/manager/config/parse.ts";
import { Report } from "../../src/manager/config/report.ts";
import { readMachine } from "../../src/manager/config/settings.ts";
import type { Share } from "../../src/manager/config/share.ts";
import { credentialsFor } from "../../src/manager/credentials.ts";
import { type Admission, admit } from "../../src/manager/share-access.ts";
import { parseSystemAccounts, type SystemAccounts } from "../../src/manager/users/system-accounts.ts";
import type { Identity } from "../../src/port/port.ts";

const accounts = parseSystemAccounts(
  "root:x:0:0::/:/x\nanna:x:1000:1000::/:/x\nbob:x:1001:100::/:/x\nnobody:x:65534:65534::/:/x\ndisk:x:900:901::/:/x\n",
  "staff:x:50:anna\nempty:x:60:\nmedia:x:70:anna,disk\nusers:x:100:\n",
);

function shareOf(lines: string): Share {
  const text = `[docs]\npath = /srv\n${lines}\n`;
  const share = buildConfiguration(parseConfig(text, "f"), readMachine(), new Report()).shares.get("docs");
  if (!share) throw new Error("no share");
  return share;
}

function identity(user: string, kind: "user" | "guest" | "anonymous" = "user"): Identity {
  return {
    user,
    domain: "",
    isGuest: kind === "guest",
    isAnonymous: kind === "anonymous",
    accountVersion: 0,
    remoteAddress: "192.168.1.9",
  };
}

function admission(lines: string, who: Identity): Admission | undefined {
  return admit(shareOf(lines), who, "nobody", accounts);
}

const user = (lines: string, name: string) => admission(lines, identity(name));

const admitted = (asGuest: boolean) => ({ readOnly: false, asGuest, isAdmin: false });

test("without lists every user may connect, and the share's read only applies", () => {
  expect(user("", "anna")).toEqual({ readOnly: true, asGuest: false, isAdmin: false });
  expect(user("read only = no", "anna")).toEqual({ readOnly: false, asGuest: false, isAdmin: false });
});

test("guests and anonymous sessions need guest ok", () => {
  for (const kind of ["guest", "anonymous"] as const) {
    expect(admission("read only = no", identity("", kind))).toBeUndefined();
    expect(admission("guest ok = yes", identity("", kind))).toEqual({
      readOnly: true,
      asGuest: true,
      isAdmin: false,
    });
  }
});

test("valid users refuses guests unless it names the guest account", () => {
  for (const kind of ["guest", "anonymous"] as const) {
    expect(admission("guest ok = yes\nvalid users = anna", identity("", kind))).toBeUndefined();
    expect(admission("guest ok = yes\nvalid users = nobody", identity("", kind))?.asGuest).toBe(true);
  }
});

test("valid users matches names in any case, and members of groups", () => {
  expect(user("valid users = ANNA", "anna")).toBeDefined();
  expect(user("valid users = anna", "bob")).toBeUndefined();
  expect(user("valid users = @staff", "anna")).toBeDefined();
  expect(user("valid users = @staff", "bob")).toBeUndefined();
  expect(user("valid users = +users", "bob")).toBeDefined();
});

// A user list that names nobody must not admit everybody.
test.each([
  "valid users = @empty",
  "valid users = @nosuchgroup",
  "valid users = ,",
  "valid users = &nis",
  "valid users = @",
])("%s admits nobody", (line) => {
  expect(user(line, "anna")).toBeUndefined();
  expect(user(line, "")).toBeUndefined();
});

test("invalid users overrides all other lists", () => {
  const lines =
    "invalid users = anna\nvalid users = anna\nwrite list = anna\nread list = anna\nguest ok = yes";
  expect(user(lines, "Anna")).toBeUndefined();
  expect(user("invalid users = @staff", "anna")).toBeUndefined();
  expect(user("invalid users = @staff", "bob")).toBeDefined();
});

test("read list overrides write list, and neither overrides valid users", () => {
  expect(user("read only = no\nread list = anna\nwrite list = anna", "anna")?.readOnly).toBe(true);
  expect(user("write list = anna", "anna")?.readOnly).toBe(false);
  expect(user("write list = anna\nvalid users = bob", "anna")).toBeUndefined();
  expect(user("read list = anna\nvalid users = bob", "anna")).toBeUndefined();
  expect(user("write list = anna\nvalid users = anna", "anna")?.readOnly).toBe(false);
});

test("a user whom valid users leaves out is refused, guest ok or not", () => {
  expect(user("guest ok = yes\nvalid users = bob", "anna")).toBeUndefined();
});

// A guest must not get write access through a list that names a user.
test("a guest's rights are those of the guest account, not of the name in the log-on", () => {
  expect(admission("guest ok = yes\nwrite list = anna", identity("anna", "guest"))?.readOnly).toBe(true);
  expect(admission("guest ok = yes\nwrite list = nobody", identity("anna", "guest"))?.readOnly).toBe(false);
  expect(admission("guest ok = yes\ninvalid users = nobody", identity("", "guest"))).toBeUndefined();
});

const OWNER = { uid: 500, gid: 501, linkOwners: [] };

function credentials(lines: string, name: string, isGuest = false) {
  return credentialsFor(shareOf(lines), name, admitted(isGuest), OWNER, accounts);
}

test("credentials are those of the system account with the user's name", () => {
  expect(credentials("", "anna")).toEqual({ uid: 1000, gid: 1000, groups: [50, 70] });
  expect(credentials("", "ANNA")).toEqual({ uid: 1000, gid: 1000, groups: [50, 70] });
});

test("without an account credentials are the directory owner's, but never for a guest", () => {
  expect(credentials("", "stranger")).toEqual({ uid: 500, gid: 501, groups: [] });
  expect(credentials("", "nobody", true)).toEqual({ uid: 65_534, gid: 65_534, groups: [] });
  expect(credentials("", "visitor", true)).toEqual({ uid: 65_534, gid: 65_534, groups: [] });
});

test("the ids of a directory that another person's symbolic link leads to are nobody's", () => {
  const through = (...linkOwners: number[]) =>
    credentialsFor(shareOf(""), "stranger", admitted(false), { ...OWNER, linkOwners }, accounts);
  expect(through(0, 500)).toMatchObject({ uid: 500, gid: 501 });
  expect(through(0, 1000, 500)).toEqual({ uid: 65_534, gid: 65_534, groups: [] });
});

test("a guest account of uid 0 makes nobody root, force user may", () => {
  const known = parseSystemAccounts("root:x:0:0::/:/x\ntoor:x:0:0::/:/x\n", "");
  const guest = (lines: string) => credentialsFor(shareOf(lines), "toor", admitted(true), OWNER, known);
  expect(guest("")).toEqual({
    parameter: "guest account",
    fault: "the guest account 'toor' is root by another name",
  });
  expect(guest("force user = root")).toMatchObject({ uid: 0 });
});

test("without an account nobody gets root's group, which a user's directory may have", () => {
  const ofRootsGroup = (uid: number, known: SystemAccounts) =>
    credentialsFor(shareOf(""), "stranger", admitted(false), { ...OWNER, uid, gid: 0 }, known);
  expect(ofRootsGroup(1001, accounts)).toEqual({ uid: 1001, gid: 100, groups: [] });
  expect(ofRootsGroup(500, accounts)).toEqual({ uid: 500, gid: 65_534, groups: [] });
  const operator = parseSystemAccounts("operator:x:11:0::/:/x\n", "");
  expect(ofRootsGroup(11, operator)).toEqual({ uid: 11, gid: 65_534, groups: [] });
});

test("where another user's name differs by case only, lists, groups and accounts mean the very name", () => {
  const of = (lines: string, user: string) =>
    admit(shareOf(lines), identity(user), "nobody", accounts, true) !== undefined;
  expect([of("valid users = anna", "anna"), of("valid users = anna", "Anna")]).toEqual([true, false]);
  expect([of("valid users = @staff", "anna"), of("valid users = @staff", "Anna")]).toEqual([true, false]);
  expect([of("invalid users = anna", "anna"), of("invalid users = anna", "Anna")]).toEqual([false, true]);
  const ids = (name: string) => credentialsFor(shareOf(""), name, admitted(false), OWNER, accounts, true);
  expect([ids("anna"), ids("Anna")]).toMatchObject([{ uid: 1000 }, { uid: 500 }]);
});

test("nobody acts as root for want of an account", () => {
  const root = { uid: 0, gid: 0, linkOwners: [] };
  const of = (known: SystemAccounts, isGuest = false) =>
    credentialsFor(shareOf(""), "stranger", admitted(isGuest), root, known);
  expect(of(accounts)).toEqual({ uid: 65_534, gid: 65_534, groups: [] });
  const packaged = parseSystemAccounts("minismbd:x:120:121::/:/bin/false\n", "");
  expect(of(packaged)).toEqual({ uid: 120, gid: 121, groups: [] });
  expect(of(packaged, true)).toEqual({ uid: 120, gid: 121, groups: [] });
});

test("force user sets its groups; force group alone keeps the uid", () => {
  expect(credentials("force user = disk", "anna")).toEqual({ uid: 900, gid: 901, groups: [70] });
  expect(credentials("force user = disk\nforce group = staff", "anna")).toEqual({
    uid: 900,
    gid: 50,
    groups: [70],
  });
  expect(credentials("force group = media", "anna")).toMatchObject({ uid: 1000, gid: 70 });
  expect(credentials("force group = media", "stranger")).toMatchObject({ uid: 500, gid: 70 });
  expect(credentials("force user = root\nforce group = users", "nobody", true)).toMatchObject({
    uid: 0,
    gid: 100,
  });
});

test("a force user or force group that does not exist is a fault, without a fallback", () => {
  expect(credentials("force user = ghost", "anna")).toEqual({
    parameter: "force user",
    fault: "'force user' is 'ghost', which is not in /etc/passwd",
  });
  expect(credentials("force group = ghosts", "anna")).toEqual({
    parameter: "force group",
    fault: "'force group' is 'ghosts', which is not in /etc/group",
  });
});

describe("a user with the groups of a domain", () => {
  const domainSid = "S-1-5-21-1-2-3";
  const sids = [1103, 513, 1104].map((rid) => `${domainSid}-${rid}`);
  const member: Identity = { ...identity("anna"), membership: { domain: "HOME", domainSid, sids } };

  test.each([
    ["valid users = S-1-5-21-1-2-3-1104", true],
    ["valid users = s-1-5-21-1-2-3-1104", true],
    ["valid users = @S-1-5-21-1-2-3-1104", true],
    ["valid users = S-1-5-21-1-2-3-1105", false],
    [String.raw`valid users = "@HOME\Domain Users"`, true],
    [String.raw`valid users = +"home\domain users"`, true],
    [String.raw`valid users = "@OTHER\Domain Users"`, false],
    [String.raw`valid users = "@HOME\Domain Admins"`, false],
    [String.raw`valid users = "HOME\Domain Users"`, false],
    [String.raw`valid users = "@*\Domain Admins"`, false],
    ["invalid users = S-1-5-21-1-2-3-1104", false],
    [String.raw`invalid users = "@OTHER\Domain Users"`, false],
    [String.raw`invalid users = "HOME\Domain Users"`, false],
    ['invalid users = "@Domain Users"', false],
    ['invalid users = "@Domain Admins"', true],
  ])("%s: %p", (line, isIn) => {
    expect(admission(line, member) !== undefined).toBe(isIn);
    // Without a ticket nobody is in a group of a domain.
    expect(admission(line, identity("anna")) !== undefined).toBe(line.startsWith("invalid"));
  });

  test("lists that give and take rights name them, too", () => {
    expect(admission("write list = S-1-5-21-1-2-3-1104", member)?.readOnly).toBe(false);
    expect(admission("read only = no\nread list = S-1-5-21-1-2-3-1104", member)?.readOnly).toBe(true);
    expect(admission("admin users = S-1-5-21-1-2-3-1104", member)?.isAdmin).toBe(true);
  });

  test("as guest the user is in none of them", () => {
    const lines = "guest ok = yes\nguest only = yes\ninvalid users = S-1-5-21-1-2-3-1104";
    expect(admission(lines, member)).toMatchObject({ asGuest: true });
  });
});
