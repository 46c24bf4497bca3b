// npm run package -- deb|openwrt [ARCHITECTURE]... [--revision N]: packages of this commit in dist/.
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEB_TARGETS, packDeb, packToolsDeb, type Release } from "./debian/deb.ts";
import { packApk, packLuciApk } from "./openwrt/apk.ts";
import { OPENWRT_TARGETS } from "./openwrt/contents.ts";
import { packIpk, packLuciIpk } from "./openwrt/ipk.ts";

const ROOT = join(import.meta.dir, "..");
const DIST = join(ROOT, "dist");
const USAGE = "npm run package -- deb|openwrt [ARCHITECTURE]... [--revision N]";

/** The message is one line for the user; the command exits with status 1. */
class PackageError extends Error {}

function main(words: readonly string[]): void {
  const [form, ...rest] = words;
  const at = rest.indexOf("--revision");
  const [revision = "1"] = at < 0 ? [] : rest.splice(at, 2).slice(1);
  if (!/^\d[\w.+~]*$/.test(revision))
    throw new PackageError(`'${revision}' is not a revision, write a number`);
  const release = describeRelease(revision);
  if (form === "deb") makeDebs(release, rest);
  else if (form === "openwrt") makeOpenwrt(release, rest);
  else throw new PackageError(`'${form ?? ""}' is not a form of package, write ${USAGE}`);
}

function makeDebs(release: Release, words: readonly string[]): void {
  if (Bun.which("dpkg-deb") === null) throw new PackageError("dpkg-deb is not here, install dpkg");
  for (const architecture of chooseArchitectures(DEB_TARGETS, words))
    print(packDeb(release, architecture, build(DEB_TARGETS[architecture]), DIST));
  print(packToolsDeb(release, DIST));
}

function makeOpenwrt(release: Release, words: readonly string[]): void {
  for (const architecture of chooseArchitectures(OPENWRT_TARGETS, words)) {
    const executable = build(OPENWRT_TARGETS[architecture]);
    print(packIpk(release, architecture, executable, DIST));
    print(packApk(release, architecture, executable, DIST));
  }
  print(packLuciIpk(release, DIST));
  const script = join(DIST, "minismbd-run-from-disk.sh");
  copyFileSync(join(ROOT, "board/openwrt/run-from-disk.sh"), script);
  print(script);
  print(packLuciApk(release, DIST));
}

/** All without words. */
function chooseArchitectures<T extends string>(
  known: Readonly<Record<T, string>>,
  words: readonly string[],
): T[] {
  const names = Object.keys(known) as T[];
  for (const word of words)
    if (!names.some((name) => name === word))
      throw new PackageError(`'${word}' is not an architecture, write ${names.join(" or ")}`);
  return words.length === 0 ? names : names.filter((name) => words.includes(name));
}

function describeRelease(revision: string): Release {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const hasCommit = existsSync(join(ROOT, ".git")) && Bun.which("git") !== null;
  const shown = hasCommit ? run(["git", "-C", ROOT, "log", "-1", "--format=%ct"]) : "0";
  return {
    root: ROOT,
    version,
    revision,
    time: Number(process.env.SOURCE_DATE_EPOCH ?? shown),
    compression: "xz",
  };
}

/** The executable for `target`. */
function build(target: string): string {
  run([process.execPath, join(ROOT, "build.ts"), "--target", target]);
  return join(DIST, `minismbd-${target}`);
}

function run(command: readonly string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync([...command], { stdout: "pipe", stderr: "pipe" });
  if (!success) throw new PackageError(`${command.join(" ")} failed: ${stderr.toString().trim()}`);
  return stdout.toString().trim();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    process.stderr.write(`package: ${error.message}\n`);
    process.exit(1);
  }
}
