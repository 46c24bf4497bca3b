// npm run package -- deb [amd64|arm64]... [--revision N]: packages of this commit in dist/.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEB_TARGETS, type DebArchitecture, packDeb, packToolsDeb, type Release } from "./debian/deb.ts";

const ROOT = join(import.meta.dir, "..");
const DIST = join(ROOT, "dist");
const USAGE = "npm run package -- deb [amd64|arm64]... [--revision N]";

/** The message is one line for the user; the command exits with status 1. */
class PackageError extends Error {}

function main(words: readonly string[]): void {
  const [form, ...rest] = words;
  if (form !== "deb") throw new PackageError(`'${form ?? ""}' is not a form of package, write ${USAGE}`);
  const at = rest.indexOf("--revision");
  const [revision = "1"] = at < 0 ? [] : rest.splice(at, 2).slice(1);
  if (!/^\d[\w.+~]*$/.test(revision))
    throw new PackageError(`'${revision}' is not a revision, write a number`);
  const architectures = rest.length > 0 ? rest.map(parseArchitecture) : (["amd64", "arm64"] as const);
  const release = describeRelease(revision);
  for (const architecture of architectures) {
    const target = DEB_TARGETS[architecture];
    build(target);
    print(packDeb(release, architecture, join(DIST, `minismbd-${target}`), DIST));
  }
  print(packToolsDeb(release, DIST));
}

function parseArchitecture(word: string): DebArchitecture {
  if (Object.hasOwn(DEB_TARGETS, word)) return word as DebArchitecture;
  throw new PackageError(`'${word}' is not an architecture, write ${Object.keys(DEB_TARGETS).join(" or ")}`);
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

function build(target: string): void {
  run([process.execPath, join(ROOT, "build.ts"), "--target", target]);
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
    if (Bun.which("dpkg-deb") === null) throw new PackageError("dpkg-deb is not here, install dpkg");
    main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    process.stderr.write(`package: ${error.message}\n`);
    process.exit(1);
  }
}
