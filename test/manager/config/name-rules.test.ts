// Options for names, hiding and the recycle bin, in the spelling of smb.conf(5), vfs_catia(8),
// vfs_recycle(8).
import { describe, expect, test } from "bun:test";
import { buildConfiguration, type Configuration } from "../../../src/manager/config/load.ts";
import { parseConfig } from "../../../src/manager/config/parse.ts";
import { fillRepository } from "../../../src/manager/config/recycle-rules.ts";
import { Report } from "../../../src/manager/config/report.ts";
import type { Machine } from "../../../src/manager/config/settings.ts";

const MACHINE: Machine = {
  hostName: "box",
  identity: "0".repeat(32),
  memoryBytes: 2 ** 30,
  hasAesInstructions: true,
  interfaces: [],
};

function load(...lines: string[]): Configuration {
  const text = `[global]\n[docs]\npath = /srv\n${lines.join("\n")}\n`;
  return buildConfiguration(parseConfig(text, "f"), MACHINE, new Report());
}

function shareOf(...lines: string[]) {
  const { shares, warnings } = load(...lines);
  const [share] = shares.values();
  if (share === undefined) throw new Error("no share");
  return { ...share, warnings };
}

describe("names", () => {
  test("defaults", () => {
    const { names, hiding, recycle, warnings } = shareOf();
    expect(names).toEqual({
      characterMap: [],
      reserved: "auto",
      shortNames: "illegal",
      shortNamePrefix: 1,
      newCase: "keep",
      newShortCase: "keep",
    });
    expect(hiding).toEqual({
      files: [],
      unreadable: false,
      unwriteable: false,
      special: false,
      deleteVetoed: false,
    });
    expect(recycle).toBeNull();
    expect(warnings).toEqual([]);
  });

  test("options for short names, case and hiding are read", () => {
    const { names, hiding, warnings } = shareOf(
      "mangled names = yes",
      "mangling method = hash2",
      "mangle prefix = 4",
      "preserve case = no",
      "short preserve case = no",
      "default case = upper",
      "hide files = /*.ini/desktop.*/",
      "hide unreadable = yes",
      "hide unwriteable files = yes",
      "hide special files = yes",
      "delete veto files = yes",
    );
    expect(names).toMatchObject({
      shortNames: "yes",
      shortNamePrefix: 4,
      newCase: "upper",
      newShortCase: "upper",
    });
    expect(hiding).toEqual({
      files: ["*.ini", "desktop.*"],
      unreadable: true,
      unwriteable: true,
      special: true,
      deleteVetoed: true,
    });
    expect(warnings).toEqual([]);
  });

  // The example of vfs_catia(8).
  test("catia:mappings needs the module catia", () => {
    const map =
      "catia:mappings = 0x22:0xa8,0x2a:0xa4,0x2f:0xf8,0x3a:0xf7,0x3c:0xab,0x3e:0xbb,0x3f:0xbf,0x5c:0xff,0x7c:0xa6";
    const { names, warnings } = shareOf("vfs objects = catia", map);
    expect(names.characterMap).toHaveLength(8);
    expect(names.characterMap).toContainEqual([0x3a, 0xf7]);
    // Names cannot contain a slash.
    expect(warnings).toEqual([
      "f:5: '0x2f:0xf8' is not a pair of characters that are each mapped once, it is ignored",
    ]);
    expect(shareOf(map).names.characterMap).toEqual([]);
  });

  test("invalid pairs of catia:mappings are ignored", () => {
    const { names, warnings } = shareOf(
      "vfs objects = catia",
      "catia:mappings = 0x3a:0x5c,x:y,0x3a:0xf7,0x3b:0xf7,0:1,0xd800:0x41",
    );
    expect(names.characterMap).toEqual([[0x3a, 0xf7]]);
    expect(warnings).toHaveLength(5);
  });

  test("unknown modules are named in a warning and ignored", () => {
    const { warnings } = shareOf("vfs objects = acl_xattr full_audit, streams_xattr recycle worm");
    expect(warnings).toEqual(["f:4: 'vfs objects' has full_audit, worm, which is unknown and ignored"]);
  });
});

describe("recycle", () => {
  // From the configurations of openmediavault and the Samba wiki.
  test("the options of vfs_recycle are read", () => {
    const { recycle, warnings } = shareOf(
      "vfs objects = recycle",
      "recycle:repository = /.recycle/%U/",
      "recycle:keeptree = Yes",
      "recycle:versions = Yes",
      "recycle: touch = yes",
      "recycle:touch_mtime = no",
      "recycle:directory_mode = 0777",
      "recycle:subdir_mode = 0700",
      'recycle:exclude = *.tmp|*.temp, ~$* "with blank"',
      "recycle:exclude_dir = /tmp|/cache/",
      "recycle:noversions = *.doc",
      "recycle:minsize = 1",
      "recycle:maxsize = 100M",
      "recycle:maxage = 30",
      "recycle:limit = 10G",
    );
    expect(warnings).toEqual([]);
    expect(recycle).toEqual({
      repository: ".recycle/%U",
      keepTree: true,
      versions: true,
      touchAccess: true,
      touchModify: false,
      directoryMode: 0o777,
      subdirectoryMode: 0o700,
      exclude: ["*.tmp", "*.temp", "~$*", "with blank"],
      excludeDirectories: ["tmp", "cache"],
      noVersions: ["*.doc"],
      minBytes: 1,
      maxBytes: 100 * 2 ** 20,
      maxAgeDays: 30,
      limitBytes: 10 * 2 ** 30,
    });
  });

  test("an invalid repository is replaced by the default", () => {
    const { recycle } = shareOf("vfs objects = recycle");
    expect(recycle).toMatchObject({
      repository: ".recycle",
      directoryMode: 0o700,
      subdirectoryMode: 0o700,
      versions: false,
    });
    for (const path of ["../out", "/", "a/../b", ".recycle/%G"]) {
      const bad = shareOf("vfs objects = recycle", `recycle:repository = ${path}`);
      expect(bad.recycle?.repository).toBe(".recycle");
      expect(bad.warnings).toHaveLength(1);
    }
  });

  test("each variable gives one component of the path, whatever the user's name", () => {
    const { recycle } = shareOf("vfs objects = recycle", "recycle:repository = bin/%S/%U/%m");
    if (recycle === null) throw new Error("none");
    const filled = (user: string, isGuest = false): string =>
      fillRepository(recycle, "docs", {
        user,
        domain: "",
        isGuest,
        isAnonymous: false,
        accountVersion: 0,
        remoteAddress: "fd00::1",
      }).repository;
    expect(filled("Anna")).toBe("bin/docs/anna/fd00__1");
    expect(filled("../../etc")).toBe("bin/docs/.._.._etc/fd00__1");
    expect(filled("..")).toBe("bin/docs/_/fd00__1");
    expect(filled("x", true)).toBe("bin/docs/guest/fd00__1");
  });
});
