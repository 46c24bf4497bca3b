// Options for access rights, in the spelling of smb.conf(5), vfs_acl_xattr(8) and ksmbd.conf(5).
import { describe, expect, test } from "bun:test";
import { buildConfiguration } from "../../../src/manager/config/load.ts";
import { ConfigError, parseConfig } from "../../../src/manager/config/parse.ts";
import { Report } from "../../../src/manager/config/report.ts";
import type { Machine } from "../../../src/manager/config/settings.ts";

const MACHINE: Machine = {
  hostName: "box",
  identity: "0".repeat(32),
  memoryBytes: 2 ** 30,
  hasAesInstructions: true,
  interfaces: [],
};

function shareOf(globals: string, ...lines: string[]) {
  const text = `[global]\n${globals}\n[docs]\npath = /srv\n${lines.join("\n")}\n`;
  const [share] = buildConfiguration(parseConfig(text, "f"), MACHINE, new Report()).shares.values();
  if (share === undefined) throw new Error("no share");
  return share;
}

describe("which rights count", () => {
  test("by default the rights on disk count", () => {
    expect(shareOf("").security).toEqual({
      acl: "posix",
      ignoreSystemAcls: false,
      canChange: true,
      writersMayChange: false,
      inheritOwnerName: false,
      inheritPermissions: false,
      inheritAcls: true,
    });
  });

  test.each([
    [[], "posix"],
    [["acl = nt"], "nt"],
    [["vfs objects = streams_xattr acl_xattr"], "nt"],
    [["vfs objects = acl_xattr", "acl = posix"], "posix"],
    [["vfs objects = catia"], "posix"],
  ])("%p", (lines, acl) => {
    expect(shareOf("", ...lines).security.acl).toBe(acl as "nt" | "posix");
  });

  test("acl in [global] is the default of all shares", () => {
    expect(shareOf("vfs objects = acl_xattr").security.acl).toBe("nt");
    expect(shareOf("acl = nt", "acl = posix").security.acl).toBe("posix");
  });

  test("ignore system acls needs stored descriptors", () => {
    const option = "acl_xattr:ignore system acls = yes";
    expect(shareOf("", option).security.ignoreSystemAcls).toBe(false);
    expect(shareOf("", option, "acl = nt").security.ignoreSystemAcls).toBe(true);
  });

  test("an invalid value in [global] refuses the configuration", () => {
    for (const line of ["acl = strict", "inherit owner = perhaps", "nt acl support = x"])
      expect(() => shareOf(line, "")).toThrow(ConfigError);
  });
});

test.each([
  ["no", false, false],
  ["yes", true, true],
  ["windows and unix", true, true],
  ["Unix Only", true, false],
])("inherit owner = %s", (value, onDisk, byName) => {
  const { inheritOwner, security } = shareOf("", `inherit owner = ${value}`);
  expect([inheritOwner, security.inheritOwnerName]).toEqual([onDisk, byName]);
});

test("the other options are read", () => {
  const { security } = shareOf(
    "",
    "nt acl support = no",
    "dos filemode = yes",
    "inherit permissions = yes",
    "inherit acls = no",
  );
  expect(security).toMatchObject({
    canChange: false,
    writersMayChange: true,
    inheritPermissions: true,
    inheritAcls: false,
  });
});
