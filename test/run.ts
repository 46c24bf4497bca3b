// `npm test`: type check, format check, build, then every test; on Debian as root it installs what they need.
// With CI=true nothing may be left out. The last line is `N passed, N failed, N skipped`.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Group, GROUPS } from "./groups.ts";
import { HookNamer, readSkipped } from "./test-output.ts";
import { findProgram, isThere, SEARCH_PATH, TOOLS } from "./tools.ts";

const ROOT = join(import.meta.dir, "..");
const BUN = process.execPath;
const IS_CI = process.env.CI === "true";
const IS_ROOT = process.geteuid?.() === 0;

/** For tests that say nothing else: what takes two seconds takes ten on a machine with other work. */
const TEST_LIMIT_MS = 30_000;

const counts = { passed: 0, failed: 0, skipped: 0 };
const faults: string[] = [];
const leftOut: string[] = [];
const skipped: string[] = [];

async function main(): Promise<void> {
  provideTools();
  await step("type check", [BUN, "check", "--no-script"]);
  await step("format check", [BUN, "fmt", "--no-script", "--check", ...formatted()]);
  if (await step("build", [BUN, "build.ts"])) {
    for (const round of findRounds())
      await Promise.all(
        round.map(({ name, paths }) =>
          runTests(
            name,
            paths.map((path) => join("test", path)),
          ),
        ),
      );
  }
  if (IS_CI && counts.skipped > 0) faults.push(`${counts.skipped} tests were skipped, in CI none may be`);
  process.stdout.write("\n");
  for (const name of skipped) process.stdout.write(`skipped: ${name}\n`);
  process.stdout.write(leftOut.join(""));
  for (const fault of faults) process.stdout.write(`FAILED: ${fault}\n`);
  const isFine = counts.failed === 0 && faults.length === 0;
  if (!isFine && counts.failed === 0) counts.failed = faults.length;
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  // Not process.exit: it would cut off what a pipe has not taken yet.
  process.exitCode = isFine ? 0 : 1;
}

/** Installs missing tools where that is possible and says what is left out otherwise. */
function provideTools(): void {
  const findMissing = () => TOOLS.filter((tool) => !isThere(tool));
  let missing = findMissing();
  if (missing.length > 0 && IS_ROOT && existsSync("/etc/debian_version") && findProgram("apt-get") !== null) {
    install(missing.flatMap(({ packages }) => packages));
    missing = findMissing();
  }
  if (!IS_ROOT)
    leftOut.push("left out: tests of mounts, other users' files and smbd, because they need root\n");
  for (const { name, packages, needed } of missing) {
    const hint = `apt-get install ${packages.join(" ")}`;
    if (IS_CI) faults.push(`${name} is missing, needed for ${needed}: ${hint}`);
    else leftOut.push(`left out: ${needed}, because ${name} is missing; as root: ${hint}\n`);
  }
  process.stdout.write(leftOut.join(""));
}

function install(packages: readonly string[]): void {
  process.stdout.write(`installing ${packages.join(" ")}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...words: string[]) =>
    Bun.spawnSync(words, { env, stdin: "ignore", stdout: "ignore", stderr: "inherit" }).success;
  if (packages.some((name) => name.endsWith(":arm64"))) apt("dpkg", "--add-architecture", "arm64");
  apt("apt-get", "update", "-qq");
  // A Samba that starts by itself would take port 445 and is not needed.
  const policy = "/usr/sbin/policy-rc.d";
  const isOurs = !existsSync(policy);
  if (isOurs)
    Bun.spawnSync(["sh", "-c", `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod +x ${policy}`]);
  try {
    apt("apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages);
  } finally {
    if (isOurs) Bun.spawnSync(["rm", "-f", policy]);
  }
}

/** True: the step went well. */
async function step(name: string, words: readonly string[]): Promise<boolean> {
  process.stdout.write(`\n== ${name}\n`);
  const child = Bun.spawn([...words], { cwd: ROOT, stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  const isFine = (await child.exited) === 0;
  if (!isFine) faults.push(name);
  return isFine;
}

/** The groups that run at the same time, in turn. */
function findRounds(): Group[][] {
  const rounds: Group[][] = [];
  for (const group of GROUPS)
    if (group.isBeside) rounds.at(-1)?.push(group);
    else rounds.push([group]);
  return rounds;
}

async function runTests(name: string, paths: readonly string[]): Promise<void> {
  process.stdout.write(`\n== ${name}: ${paths.join(" ")}\n`);
  const startMs = performance.now();
  const files = paths.map((path) => `./${path}`);
  const temporary = mkdtempSync(join(tmpdir(), "tests-"));
  // As /tmp is: servers that run as other users write there, too.
  chmodSync(temporary, 0o1777);
  const list = join(temporary, "report.xml");
  const words = ["--timeout", String(TEST_LIMIT_MS), "--reporter=junit", `--reporter-outfile=${list}`];
  const child = Bun.spawn([BUN, "test", ...words, ...files], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
    env: { ...process.env, PATH: SEARCH_PATH, TMPDIR: temporary, AGENT: "1", FORCE_COLOR: "0" },
  });
  const report = await passOn(child.stderr);
  const status = await child.exited;
  const count = (word: string) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(report)?.[1] ?? 0);
  counts.passed += count("pass");
  counts.failed += count("fail");
  counts.skipped += count("skip") + count("todo");
  const { tests, hooks } = readSkipped(existsSync(list) ? readFileSync(list, "utf8") : "");
  counts.skipped -= hooks;
  skipped.push(...tests);
  if (status !== 0) faults.push(`${name}: ${paths.join(" ")} (status ${status})`);
  rmSync(list, { force: true });
  removeTemporary(name, temporary);
  process.stdout.write(`${name}: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
}

/** Writes a runner's output on, whole lines at a time, with names for hooks; returns all of it. */
async function passOn(stream: ReadableStream<Uint8Array>): Promise<string> {
  const namer = new HookNamer(ROOT);
  const decoder = new TextDecoder();
  let report = "";
  let rest = "";
  const write = (lines: string): void => {
    report += lines;
    process.stdout.write(lines);
  };
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    write(lines.map((line) => `${namer.name(line)}\n`).join(""));
  }
  write(namer.name(rest));
  return report;
}

/** Removes a group's temporary directory, in which tests must not leave anything. */
function removeTemporary(name: string, path: string): void {
  const left = readdirSync(path);
  if (left.length > 0) faults.push(`${name}: left in the temporary directory: ${left.join(" ")}`);
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const inside = mounts.map((line) => line.split(" ")[1] ?? "").filter((point) => point.startsWith(path));
  for (const point of inside.reverse())
    Bun.spawnSync(["umount", "-l", point], { env: { PATH: SEARCH_PATH } });
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    faults.push(`${name}: ${path} cannot be removed: ${String(error)}`);
  }
}

/** The files that are formatted: sources, not vectors and lists. */
function formatted(): string[] {
  const patterns = ["src/**/*.ts", "src/**/*.tsx", "test/**/*.ts", "man/*.ts", "board/**/*.ts", "*.ts"];
  return patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)]).sort();
}

await main();
