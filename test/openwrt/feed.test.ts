// The Makefile for OpenWrt's build system: its recipes, run by a shell as make would, install what the .ipk has, and its
// fields are those of the .ipk. OpenWrt's build system itself is not there.
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AFTER_INSTALL, serverPackage } from "../../board/openwrt/contents.ts";
import { packIpk } from "../../board/openwrt/ipk.ts";

const ROOT = join(import.meta.dir, "../..");
const makefile = readFileSync(join(ROOT, "board/openwrt/feed/minismbd/Makefile"), "utf8");

function variable(name: string): string {
  return new RegExp(`^ *${name}:=(.*)$`, "m").exec(makefile)?.[1] ?? "";
}

function recipe(name: string): string {
  return new RegExp(`^define ${name}\n([^]*?)^endef$`, "m").exec(makefile)?.[1] ?? "";
}

function run(words: readonly string[], directory: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], { cwd: directory });
  expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  return stdout.toString();
}

test("the recipes install the files of the .ipk, with their modes and links, and nothing strips them", () => {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-feed-"));
  try {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(variable("PKG_VERSION")).toBe(version);
    const release = { root: ROOT, version, revision: "1", time: 1_700_000_000, compression: "gzip" } as const;
    const packed = packIpk(release, "x86_64", "/bin/true", directory);
    const values: Record<string, string> = {
      ARCH_PACKAGES: "x86_64",
      CP: "cp -fpR",
      DL_DIR: directory,
      PKG_BUILD_DIR: join(directory, "build"),
      PKG_RELEASE: variable("PKG_RELEASE"),
      PKG_VERSION: version,
      "1": join(directory, "installed"),
    };
    const expand = (text: string): string => {
      const next = text.replace(/\$\((\w+)\)/g, (_, name: string) => values[name] ?? variable(name));
      return next === text ? text : expand(next);
    };
    expect(join(directory, expand("$(PKG_SOURCE)"))).toBe(packed);
    mkdirSync(join(directory, "installed"));
    for (const name of ["Build/Prepare", "Package/minismbd/install"])
      run(["sh", "-ec", expand(recipe(name))], directory);
    mkdirSync(join(directory, "data"));
    run(["sh", "-ec", `tar -xzOf ${packed} ./data.tar.gz | tar -xzp -C data`], directory);
    const list = ["find", ".", "-mindepth", "1", "-printf", "%y %m %P %l\n"];
    const installed = run(list, join(directory, "installed")).split("\n").sort();
    expect(installed).toEqual(run(list, join(directory, "data")).split("\n").sort());
    expect(installed).toContain("f 755 usr/sbin/minismbd ");
    expect([variable("STRIP"), variable("RSTRIP")]).toEqual([":", ":"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("the fields are those of the .ipk", () => {
  const release = { root: ROOT, version: "1", revision: "1", time: 0, compression: "gzip" } as const;
  const { conffiles, conflicts, depends, description, provides, section } = serverPackage(
    release,
    "x86_64",
    "/bin/true",
  );
  expect(variable("SECTION")).toBe(section);
  expect(variable("TITLE")).toBe(description);
  expect(variable("PROVIDES").split(" ")).toEqual([...provides]);
  expect(variable("CONFLICTS").split(" ")).toEqual([...provides, ...conflicts]);
  // The build system's name for the package that is libstdcpp6 in its lists.
  expect([...depends, variable("DEPENDS")]).toEqual([
    "libc",
    "libstdcpp6",
    expect.stringMatching(/ \+libstdcpp$/),
  ]);
  expect(recipe("Package/minismbd/conffiles").trim().split("\n")).toEqual([...conffiles]);
  expect(recipe("Package/minismbd/postinst").replaceAll("$$", "$")).toBe(AFTER_INSTALL);
});
