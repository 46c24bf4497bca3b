// The Debian packages, made around a small executable: contents, scripts, what lintian and systemd say. What happens when
// they are installed is tried by `npm run try-package`.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packDeb, packToolsDeb, type Release } from "../../board/debian/deb.ts";
import { SEARCH_PATH } from "../tools.ts";

const ROOT = join(import.meta.dir, "../..");
const RELEASE: Release = {
  root: ROOT,
  version: "1.2.3",
  revision: "4",
  time: 1_700_000_000,
  compression: "xz",
};
const has = (program: string): boolean => Bun.which(program, { PATH: SEARCH_PATH }) !== null;
const directory = mkdtempSync(join(tmpdir(), "minismbd-deb-"));
let main = "";
let tools = "";

function run(...words: string[]): { status: number; out: string } {
  const options = { env: { PATH: SEARCH_PATH, HOME: directory }, stdout: "pipe", stderr: "pipe" } as const;
  const { exitCode, stdout, stderr } = Bun.spawnSync(words, options);
  return { status: exitCode, out: stdout.toString() + stderr.toString() };
}

beforeAll(() => {
  if (!has("dpkg-deb")) return;
  main = packDeb(RELEASE, "amd64", "/bin/true", directory);
  tools = packToolsDeb(RELEASE, directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

test.skipIf(!has("dpkg-deb"))(
  "the package has the executable, its unit, manual, completions and avahi's service, and no configuration of its own",
  () => {
    const { out } = run("dpkg-deb", "--contents", main);
    const files = out.split("\n").flatMap((line) => / \.\/(\S*[^/\s])$/.exec(line)?.[1] ?? []);
    expect(files).toEqual([
      "etc/avahi/services/minismbd.service",
      "usr/lib/systemd/system/minismbd-setup.path",
      "usr/lib/systemd/system/minismbd-setup.service",
      "usr/lib/systemd/system/minismbd.service",
      "usr/lib/sysusers.d/minismbd.conf",
      "usr/sbin/minismbd",
      "usr/share/bash-completion/completions/minismbd",
      "usr/share/doc/minismbd/README.md.gz",
      "usr/share/doc/minismbd/changelog.Debian.gz",
      "usr/share/doc/minismbd/copyright",
      "usr/share/lintian/overrides/minismbd",
      "usr/share/man/man5/minismbd.conf.5.gz",
      "usr/share/man/man8/minismbd.8.gz",
      "usr/share/minismbd/ksmbd.conf",
      "usr/share/zsh/vendor-completions/_minismbd",
    ]);
    expect(out.split("\n").filter((line) => line !== "" && !line.includes(" root/root "))).toEqual([]);
  },
);

test.skipIf(!has("dpkg-deb"))(
  "ksmbd's names are in a package of their own, which excludes ksmbd-tools",
  () => {
    expect(run("dpkg-deb", "--contents", tools).out).toContain("./usr/sbin/ksmbd.mountd -> minismbd");
    expect(run("dpkg-deb", "--field", tools, "Conflicts").out.trim()).toBe("ksmbd-tools");
    expect(run("dpkg-deb", "--field", main, "Conflicts").out.trim()).toBe("");
  },
);

test.skipIf(!has("dpkg-deb"))("the same commit gives the same package", () => {
  const again = join(directory, "again");
  mkdirSync(again);
  expect(readFileSync(packDeb(RELEASE, "amd64", "/bin/true", again)).equals(readFileSync(main))).toBe(true);
});

test("the configuration of a new installation shares nothing", () => {
  const text = readFileSync(join(ROOT, "board/debian/ksmbd.conf"), "utf8");
  expect(text.split("\n").filter((line) => /^\s*\[/.test(line))).toEqual(["[global]"]);
  expect(text).not.toMatch(/^\s*(guest|map to guest|public)/m);
});

test.skipIf(!has("lintian"))("lintian finds neither an error nor a warning that has no reason", () => {
  // /bin/true is no executable of ours: what lintian says of it does not count.
  const { out } = run("lintian", "--allow-root", "--no-tag-display-limit", main, tools);
  const found = out.split("\n").filter((line) => /^[EW]: /.test(line));
  expect(
    found.filter((line) => !/mismatched-override|usr\/sbin\/minismbd|unused-override/.test(line)),
  ).toEqual([]);
});

test.skipIf(!has("systemd-analyze"))(
  "systemd takes the unit, and its sandbox leaves an exposure of at most 3.0",
  () => {
    const unit = join(ROOT, "systemd/minismbd.service");
    const found = run("systemd-analyze", "security", "--offline=true", unit).out;
    const exposure = Number(/exposure level for minismbd.service: ([\d.]+)/.exec(found)?.[1]);
    expect(exposure).toBeLessThanOrEqual(3);
    expect(exposure).toBeGreaterThan(0);
    // Where the executable is not installed, verify would say that alone.
    const copy = join(directory, "minismbd.service");
    writeFileSync(copy, readFileSync(unit, "utf8").replaceAll(/\/usr\/local\/sbin\/\w+/g, "/bin/true"));
    expect(run("systemd-analyze", "verify", "--man=no", copy)).toEqual({ status: 0, out: "" });
  },
);

test.skipIf(!has("systemd-analyze"))("systemd takes the units of the first start", () => {
  const unit = readFileSync(join(ROOT, "systemd/minismbd-setup.service"), "utf8");
  const path = readFileSync(join(ROOT, "systemd/minismbd-setup.path"), "utf8");
  writeFileSync(
    join(directory, "minismbd-setup.service"),
    unit.replaceAll(/\/usr\/local\/sbin\/\w+/g, "/bin/true"),
  );
  writeFileSync(join(directory, "minismbd-setup.path"), path);
  const words = ["verify", "--man=no", join(directory, "minismbd-setup.path")];
  expect(run("systemd-analyze", ...words)).toEqual({ status: 0, out: "" });
});

test("the scripts are of a plain shell", () => {
  for (const name of ["postinst", "prerm", "postrm"]) {
    const script = join(ROOT, "board/debian", name);
    expect(existsSync(script)).toBe(true);
    expect(run("sh", "-n", script)).toEqual({ status: 0, out: "" });
  }
});
