// LuCI's pages as a package: files, menu, rights and translation template fit each other. What a browser makes of the pages
// is tested by hand: `npm run luci` (luci/drive.ts).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packLuciIpk } from "../../board/openwrt/ipk.ts";
import { translationTemplate } from "../../board/openwrt/translation-template.ts";
import { findProgram } from "../tools.ts";
import { APP, readMenu } from "./luci/page-server.ts";

const ROOT = join(import.meta.dir, "../..");
const PLUGIN = join(ROOT, "board/openwrt/files/usr/libexec/rpcd/minismbd");
const RESOURCES = join(APP, "htdocs/luci-static/resources");
const scripts = [...new Bun.Glob("**/*.js").scanSync(RESOURCES)].sort();

function read(path: string): string {
  return readFileSync(join(APP, path), "utf8");
}

function run(...words: readonly string[]): string {
  const { stderr, stdout, success } = Bun.spawnSync([...words], { stdout: "pipe", stderr: "pipe" });
  if (!success) throw new Error(stderr.toString());
  return stdout.toString();
}

describe("the package", () => {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-luci-"));
  const unpacked = join(directory, "unpacked");
  let file = "";
  beforeAll(() => {
    const release = {
      root: ROOT,
      version: "1.2.3",
      revision: "4",
      time: 1_700_000_000,
      compression: "gzip",
    } as const;
    file = packLuciIpk(release, directory);
    for (const part of ["control", "data"]) {
      mkdirSync(join(unpacked, part), { recursive: true });
      run("tar", "-C", unpacked, "-xzf", file);
      run("tar", "-C", join(unpacked, part), "-xzpf", join(unpacked, `${part}.tar.gz`));
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("has the pages where LuCI looks for them, for every processor", () => {
    expect(file).toEndWith("/luci-app-minismbd_1.2.3-r4_all.ipk");
    const control = readFileSync(join(unpacked, "control/control"), "utf8").split("\n");
    expect(control).toContain("Package: luci-app-minismbd");
    expect(control).toContain("Architecture: all");
    expect(control).toContain("Depends: libc, luci-base, minismbd");
    const files = run("find", join(unpacked, "data"), "-type", "f", "-printf", "%m %P\n")
      .trim()
      .split("\n")
      .sort();
    expect(files).toEqual(
      [
        ...scripts.map((path) => `644 www/luci-static/resources/${path}`),
        "644 usr/share/luci/menu.d/luci-app-minismbd.json",
        "644 usr/share/rpcd/acl.d/luci-app-minismbd.json",
      ].sort(),
    );
  });

  test("has rpcd and LuCI look for it after the installation, but not in an image", () => {
    const script = readFileSync(join(unpacked, "control/postinst-pkg"), "utf8");
    expect(script).toContain("/etc/init.d/rpcd reload");
    const image = Bun.spawnSync(["sh", "-xc", `IPKG_INSTROOT=/nonexistent; ${script}`], { stderr: "pipe" });
    expect(image.stderr.toString()).not.toContain("rm");
  });
});

test("each entry of the menu has its page, and each page an entry", () => {
  const services = readMenu().children?.["admin"]?.children?.["services"];
  const pages = Object.values(services?.children?.["minismbd"]?.children ?? {});
  const paths = pages.map(({ action }) => `view/${action?.path}.js`).sort();
  expect(paths).toEqual(scripts.filter((path) => path.startsWith("view/")));
});

interface Rights {
  readonly ubus: Readonly<Record<string, readonly string[]>>;
  readonly uci: readonly string[];
}

test("the pages may make the calls that they make, and no others", () => {
  const acl = JSON.parse(read("root/usr/share/rpcd/acl.d/luci-app-minismbd.json")) as Record<
    string,
    { readonly read: Rights; readonly write: Rights }
  >;
  const rights = acl["luci-app-minismbd"];
  const granted = [...(rights?.read.ubus["minismbd"] ?? []), ...(rights?.write.ubus["minismbd"] ?? [])];
  const calls = read("htdocs/luci-static/resources/minismbd/server.js").matchAll(/: declare\('(\w+)'/g);
  expect(granted.sort()).toEqual([...calls].map(([, method = ""]) => method).sort());
  expect([rights?.read.uci, rights?.write.uci]).toEqual([["ksmbd"], ["ksmbd"]]);
  const methods = JSON.parse(run("sh", PLUGIN, "list")) as object;
  expect(Object.keys(methods)).toEqual(expect.arrayContaining(granted));
  // What changes something is not for users who may only look.
  for (const method of rights?.read.ubus["minismbd"] ?? [])
    expect(["adduser", "passwd", "deluser", "kick", "close", "eject", "reload"]).not.toContain(method);
});

test.each(scripts)("%s is a script that LuCI loads, and makes no HTML of names", (path) => {
  const text = readFileSync(join(RESOURCES, path), "utf8");
  // LuCI wraps a class into a function.
  expect(() => new Function("_", "E", "L", text)).not.toThrow();
  for (const [, needed = ""] of text.matchAll(/'require (minismbd\.[\w.]+)/g))
    expect(existsSync(join(RESOURCES, `${needed.replaceAll(".", "/")}.js`))).toBe(true);
  expect(text).not.toMatch(/innerHTML|rawhtml|insertAdjacentHTML/);
  // A string as the only child is HTML to LuCI: children are arrays, or nodes made by map().
  const children = [...text.matchAll(/\bE\('\w+', \{[^{}]*\}, *([^\n]{1,20})/g)].map(
    ([, child = ""]) => child,
  );
  expect(children.filter((child) => !/^\[|^\w+\.map\(|^cellOf\(cell\)/.test(child))).toEqual([]);
});

test("the translation template is that of the sources: npm run docs", () => {
  expect(read("po/templates/minismbd.pot")).toBe(translationTemplate());
});

test.skipIf(findProgram("xgettext") === null)("the template has the texts that xgettext finds", () => {
  const own = new Set([...translationTemplate().matchAll(/^msgid (".+")$/gm)].map(([, text]) => text));
  const words = [
    "-L",
    "JavaScript",
    "--from-code=UTF-8",
    "-k_",
    "--no-location",
    "--no-wrap",
    "--omit-header",
  ];
  const found = run("xgettext", ...words, "-o", "-", ...scripts.map((path) => join(RESOURCES, path)));
  const texts = [...found.matchAll(/^msgid (".+")$/gm)].map(([, text]) => text);
  expect(texts.length).toBeGreaterThan(50);
  expect(texts.filter((text) => !own.has(text))).toEqual([]);
  run("msgfmt", "--check-format", "-o", "/dev/null", join(APP, "po/templates/minismbd.pot"));
});
