// Builds dist/minismbd, one executable that contains the runtime. `--all` and `--target NAME` build for other
// machines, with Bun's executables from npm packages, verified against package-lock.json.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pagePlugin } from "./build-page.ts";

const TARGETS = {
  "linux-x64": { bun: "bun-linux-x64", npm: "@oven/bun-linux-x64" },
  "linux-x64-musl": { bun: "bun-linux-x64-musl", npm: "@oven/bun-linux-x64-musl" },
  "linux-arm64": { bun: "bun-linux-arm64", npm: "@oven/bun-linux-aarch64" },
  "linux-arm64-musl": { bun: "bun-linux-arm64-musl", npm: "@oven/bun-linux-aarch64-musl" },
} as const;

type TargetName = keyof typeof TARGETS;

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");

/** The message is one line for the user; the build exits with status 1. */
class BuildError extends Error {}

async function main(words: readonly string[]): Promise<void> {
  const own = ownTarget();
  const wanted = chooseTargets(words, own);
  for (const target of wanted) {
    const outfile = join(DIST, words.length === 0 ? "minismbd" : `minismbd-${target}`);
    await buildTarget(target, target === own ? process.execPath : await fetchRuntime(target), outfile);
    process.stdout.write(`${outfile}\n`);
  }
  if (words.length > 0 && wanted.includes(own))
    copyFileSync(join(DIST, `minismbd-${own}`), join(DIST, "minismbd"));
}

function chooseTargets(words: readonly string[], own: TargetName): TargetName[] {
  if (words.length === 0) return [own];
  const wanted: TargetName[] = [];
  for (let i = 0; i < words.length; i++) {
    if (words[i] === "--all") wanted.push(...(Object.keys(TARGETS) as TargetName[]));
    else if (words[i] === "--target") wanted.push(parseTarget(words[++i] ?? ""));
    else throw new BuildError(`'${words[i]}' is unknown, write --all or --target NAME`);
  }
  return [...new Set(wanted)];
}

function parseTarget(name: string): TargetName {
  if (Object.hasOwn(TARGETS, name)) return name as TargetName;
  throw new BuildError(`'${name}' is not a target, write one of ${Object.keys(TARGETS).join(", ")}`);
}

/** This machine's target, by the C library that the running Bun is linked with. */
function ownTarget(): TargetName {
  const cpu = process.arch === "arm64" ? "arm64" : "x64";
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return parseTarget(`linux-${cpu}${header.glibcVersionRuntime === undefined ? "-musl" : ""}`);
}

async function buildTarget(target: TargetName, executablePath: string, outfile: string): Promise<void> {
  const directory = join(DIST, `.build-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  const temporary = join(directory, "minismbd");
  const result = await Bun.build({
    entrypoints: [join(ROOT, "src/main.ts"), ...findWorkers()],
    root: join(ROOT, "src"),
    target: "bun",
    format: "esm",
    minify: { syntax: true, whitespace: true, identifiers: false },
    bytecode: true,
    sourcemap: "none",
    // What is imported when first used (RPC, Kerberos, the commands) stays out of the memory of an idle server.
    splitting: true,
    // The page's files, below `page/` in the executable.
    naming: { asset: "page/[name].[ext]" },
    plugins: [await pagePlugin(directory)],
    define: {
      MINISMBD_VERSION: JSON.stringify(readVersion()),
      MINISMBD_COMMIT: JSON.stringify(readCommit()),
    },
    compile: {
      target: TARGETS[target].bun,
      executablePath,
      outfile: temporary,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    throw: false,
  });
  // Atomic: a server that runs from the old file is not affected.
  if (result.success) renameSync(temporary, outfile);
  rmSync(directory, { recursive: true });
  if (!result.success) throw new BuildError(`the build of ${target} failed:\n${result.logs.join("\n")}`);
}

/** Worker modules are entry points besides main.ts. */
function findWorkers(): string[] {
  return [...new Bun.Glob("**/*-worker.ts").scanSync(join(ROOT, "src"))]
    .sort()
    .map((path) => join(ROOT, "src", path));
}

function readVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
}

/** Empty outside a git checkout. */
function readCommit(): string {
  if (!existsSync(join(ROOT, ".git"))) return "";
  const git = (...words: string[]) => Bun.spawnSync(["git", "-C", ROOT, ...words], { stderr: "ignore" });
  const head = Bun.which("git") === null ? undefined : git("rev-parse", "--short=10", "HEAD");
  if (!head?.success) return "";
  const isClean = git("status", "--porcelain", "--untracked-files=no").stdout.length === 0;
  return head.stdout.toString().trim() + (isClean ? "" : "+");
}

/** Downloads and verifies the target's Bun from its npm package; cached for later builds. */
async function fetchRuntime(target: TargetName): Promise<string> {
  const { npm } = TARGETS[target];
  const { version, integrity } = readLock(npm);
  const directory = join(cacheDirectory(), `${npm.replace("/", "-")}-${version}`);
  const executable = join(directory, "package/bin/bun");
  if (existsSync(executable)) return executable;
  const temporary = `${directory}.${process.pid}.tmp`;
  mkdirSync(temporary, { recursive: true });
  try {
    run(["npm", "pack", "--silent", "--pack-destination", temporary, `${npm}@${version}`]);
    const tarball = join(temporary, readdirSync(temporary).find((name) => name.endsWith(".tgz")) ?? "");
    await checkIntegrity(tarball, integrity, npm);
    run(["tar", "-xzf", tarball, "-C", temporary]);
    rmSync(tarball);
    rmSync(directory, { recursive: true, force: true });
    renameSync(temporary, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return executable;
}

function readLock(npm: string): { version: string; integrity: string } {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  const found = lock.packages[`node_modules/${npm}`];
  if (!found) throw new BuildError(`package-lock.json lacks ${npm}, run npm install`);
  if (found.version !== Bun.version)
    throw new BuildError(
      `${npm} is ${found.version} in package-lock.json, but this Bun is ${Bun.version}; run npm ci`,
    );
  return found;
}

async function checkIntegrity(file: string, integrity: string, npm: string): Promise<void> {
  const hash = new Bun.CryptoHasher("sha512").update(await Bun.file(file).arrayBuffer()).digest("base64");
  if (`sha512-${hash}` !== integrity)
    throw new BuildError(`${npm}: the downloaded package does not match package-lock.json`);
}

function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return join(base, "minismbd-build");
}

function run(command: readonly string[]): void {
  const { success, stderr } = Bun.spawnSync([...command], { stdout: "ignore", stderr: "pipe" });
  if (!success) throw new BuildError(`${command.join(" ")} failed: ${stderr.toString().trim()}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`build: ${error.message}\n`);
  process.exit(1);
}
