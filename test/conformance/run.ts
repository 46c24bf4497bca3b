// Runs smbtorture's smb2, rpc and vfs.fruit (Macs) tests against the server, one process per test, and compares the results with
// pass.txt. Usage: npm run conformance -- [--suite NAME]... [--list FILE] [--jobs N] [--timeout SECONDS]
// [--update] [--server smbd] [--logs DIR] [--folder DIR] [--default-settings]
// --folder tests the disk of a folder (disks.txt has the results), --default-settings leaves out `acl = nt`.
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../e2e/client/server.ts";
import { startSmbd } from "../peer/smbd.ts";
import { makeDirectory, removeDirectory, TESTER_UID, type TestServer } from "../peer/test-server.ts";
import { type Candidate, isUnder, readCandidates, readPassList, suiteOf, writePassList } from "./lists.ts";
import { listTests, type Result, Torturer } from "./torture.ts";
import { makeVolume, useFolder } from "./volume.ts";

const SHARE = "test";
const PASS_LIST = join(import.meta.dir, "pass.txt");
const CANDIDATES = join(import.meta.dir, "candidates.txt");

/** Parameters with which smbd supports what these tests need. */
const SMBD_PARAMETERS = {
  "vfs objects": "acl_xattr streams_xattr",
  "store dos attributes": "yes",
  "ea support": "yes",
  "map archive": "no",
  "map readonly": "no",
  "kernel oplocks": "no",
  "kernel share modes": "no",
  "posix locking": "no",
  "server multi channel support": "yes",
  "kernel change notify": "no",
  "csc policy": "manual",
};

/** The same for vfs.fruit, the tests of what macOS does: the modules and settings that Samba's wiki advises for Macs. */
const SMBD_PARAMETERS_FOR_MACS = {
  "vfs objects": "catia fruit streams_xattr acl_xattr",
  "ea support": "yes",
  "fruit:resource": "file",
  "fruit:metadata": "stream",
  "fruit:veto_appledouble": "no",
  "fruit:copyfile": "yes",
};

interface Options {
  readonly suites: readonly string[];
  readonly list: string | undefined;
  readonly jobs: number;
  readonly limitSeconds: number;
  readonly isUpdate: boolean;
  readonly server: string;
  readonly logs: string | undefined;
  readonly isQuiet: boolean;
  readonly folder: string | undefined;
  readonly hasDefaults: boolean;
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      suite: { type: "string", multiple: true },
      list: { type: "string" },
      jobs: { type: "string", default: "2" },
      timeout: { type: "string", default: "60" },
      update: { type: "boolean", default: false },
      server: { type: "string", default: "minismbd" },
      logs: { type: "string" },
      quiet: { type: "boolean", default: false },
      folder: { type: "string" },
      "default-settings": { type: "boolean", default: false },
    },
  });
  const jobs = Number(values.jobs);
  const limitSeconds = Number(values.timeout);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error("--jobs must be a positive integer");
  if (!(limitSeconds > 0)) throw new Error("--timeout must be a positive number of seconds");
  if (values.server !== "minismbd" && values.server !== "smbd")
    throw new Error("--server must be minismbd or smbd");
  if (values.update && values.server !== "minismbd")
    throw new Error("--update works with --server minismbd only");
  if (values.update && (values.folder !== undefined || values["default-settings"]))
    throw new Error("--update works without --folder and --default-settings only");
  return {
    suites: values.suite ?? [],
    list: values.list,
    jobs,
    limitSeconds,
    isUpdate: values.update,
    server: values.server,
    logs: values.logs,
    isQuiet: values.quiet,
    folder: values.folder,
    hasDefaults: values["default-settings"],
  };
}

/** The tests to run, in the order of candidates.txt or of the file given with --list. */
function chooseTests(options: Options): Candidate[] {
  const all = readCandidates(CANDIDATES);
  const byName = new Map(all.map((candidate) => [candidate.name, candidate]));
  const pool = options.list
    ? readCandidates(options.list).map((entry) => ({
        ...entry,
        limitSeconds: entry.limitSeconds ?? byName.get(entry.name)?.limitSeconds,
      }))
    : all;
  if (options.suites.length === 0) return pool;
  return pool.filter((entry) => options.suites.some((suite) => isUnder(entry.name, suite)));
}

/** Starts a server with the tests' share, and the share `noperm` without any access, which two tests need. */
function start(options: Options, test: string, path: string): Promise<TestServer> {
  const isSmbd = options.server === "smbd";
  const isForMacs = isUnder(test, "vfs.fruit") || isUnder(test, "vfs.fruit_file_id");
  // acl = nt, because the reference results were recorded with smbd's acl_xattr, which stores NT ACLs. Macs are served
  // with default settings.
  const own = options.hasDefaults || isForMacs ? {} : { acl: "nt" };
  const parameters = isSmbd ? (isForMacs ? SMBD_PARAMETERS_FOR_MACS : SMBD_PARAMETERS) : own;
  const shares = [
    { name: SHARE, path, parameters },
    { name: "noperm", path: `${path}-noperm` },
  ];
  if (isSmbd) return startSmbd({ shares });
  return startServer({ shares, parameters: { "server multi channel support": "yes", "log level": "info" } });
}

/** Makes the share directories of a worker: each has its own, because tests of a suite use the same names. */
function makeShare(volume: string, worker: number): string {
  const path = join(volume, `worker${worker}`);
  mkdirSync(path);
  if (process.getuid?.() === 0) giveTo(path);
  mkdirSync(`${path}-noperm`, { mode: 0 });
  return path;
}

/** FAT and exFAT refuse owners: the disk must be mounted for the tester's account. */
function giveTo(path: string): void {
  try {
    chownSync(path, TESTER_UID, TESTER_UID);
  } catch (error) {
    if (statSync(path).uid !== TESTER_UID) throw error;
  }
}

function empty(directory: string): void {
  for (const entry of readdirSync(directory)) {
    rmSync(join(directory, entry), { recursive: true, force: true });
  }
}

/**
 * Runs one test against a separate server, so that wrong passwords in one test do not delay the log-ons of
 * the next, and a server that crashes or logs errors is attributed to the right test.
 */
async function runOne(
  options: Options,
  candidate: Candidate,
  path: string,
  torturer: Torturer,
): Promise<Result> {
  empty(path);
  const server = await start(options, candidate.name, path);
  const result = await torturer.run(
    candidate.name,
    server,
    SHARE,
    candidate.limitSeconds ?? options.limitSeconds,
  );
  try {
    await server.stop();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return {
      ...result,
      verdict: "error",
      message: text.replace(/\s+/g, " ").slice(0, 300),
      output: result.output + text,
    };
  }
  return result;
}

/** Runs all tests, each worker on its own share. A test of the pass list that fails is run a second time. */
async function runAll(
  options: Options,
  tests: readonly Candidate[],
  passList: ReadonlySet<string>,
  volume: string,
  torturer: Torturer,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = [...tests];
  const work = async (worker: number): Promise<void> => {
    const path = makeShare(volume, worker);
    for (
      let candidate = queue.shift();
      candidate !== undefined && !torturer.isStopped;
      candidate = queue.shift()
    ) {
      let result = await runOne(options, candidate, path, torturer);
      if (result.verdict !== "pass" && passList.has(candidate.name)) {
        result = await runOne(options, candidate, path, torturer);
      }
      results.push(result);
      if (options.logs) writeFileSync(join(options.logs, candidate.name.replaceAll("/", "_")), result.output);
      if (options.isQuiet && result.verdict === "pass") continue;
      console.log(`${result.test}\t${result.verdict}\t${result.seconds.toFixed(1)}\t${result.message}`);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, (_, index) => work(index + 1)));
  return results;
}

/** Prints the results per suite and the differences from the pass list. Returns true if there are none. */
function report(
  tests: readonly Candidate[],
  results: readonly Result[],
  passList: ReadonlySet<string>,
): boolean {
  const verdicts = new Map(results.map((result) => [result.test, result.verdict]));
  const suites = new Map<string, { passed: number; listed: number; total: number }>();
  const lost: string[] = [];
  const gained: string[] = [];
  for (const { name, isFlaky } of tests) {
    const count = suites.get(suiteOf(name)) ?? { passed: 0, listed: 0, total: 0 };
    suites.set(suiteOf(name), count);
    const hasPassed = verdicts.get(name) === "pass";
    count.total++;
    if (hasPassed) count.passed++;
    if (passList.has(name)) count.listed++;
    if (passList.has(name) && !hasPassed) lost.push(name);
    if (!passList.has(name) && hasPassed && !isFlaky) gained.push(name);
  }
  console.log(`\n${"suite".padEnd(36)}passed  listed   total`);
  let passed = 0;
  for (const [suite, count] of suites) {
    passed += count.passed;
    const cells = [count.passed, count.listed, count.total].map((cell) => String(cell).padStart(8));
    console.log(`${suite.padEnd(34)}${cells.join("")}`);
  }
  console.log(`${passed} of ${tests.length} passed`);
  for (const name of lost) console.log(`no longer passes: ${name} (${verdicts.get(name)})`);
  for (const name of gained) console.log(`passes and is missing from pass.txt: ${name}`);
  return lost.length + gained.length === 0;
}

async function main(): Promise<number> {
  const options = parseOptions();
  const known = listTests();
  if (known.size === 0) {
    console.error("conformance: smbtorture is not installed (Debian: apt-get install samba-testsuite)");
    return 2;
  }
  const tests = chooseTests(options);
  if (tests.length === 0) throw new Error("--suite and --list select no test");
  if (options.logs && !existsSync(options.logs)) mkdirSync(options.logs, { recursive: true });
  // Against smbd all selected tests must pass.
  const passList = options.server === "smbd" ? new Set<string>() : readPassList(PASS_LIST);
  const volume = options.folder === undefined ? makeVolume() : useFolder(options.folder);
  const directory = makeDirectory("minismbd-conformance");
  try {
    console.log(
      `${tests.length} tests against ${options.server} on ${volume.kind}, ${options.jobs} at a time`,
    );
    const torturer = new Torturer(known, directory);
    process.once("SIGINT", () => torturer.stop());
    const results = await runAll(options, tests, passList, volume.path, torturer);
    if (torturer.isStopped) return 2;
    if (options.server === "smbd") {
      report(tests, results, new Set(results.filter((r) => r.verdict === "pass").map((r) => r.test)));
      return results.every((result) => result.verdict === "pass") ? 0 : 1;
    }
    const isSame = report(tests, results, passList);
    if (!options.isUpdate) return isSame ? 0 : 1;
    updatePassList(tests, results, passList);
    return 0;
  } finally {
    volume.remove();
    removeDirectory(directory);
  }
}

/** Updates pass.txt with the verdicts of the tests that were run; other entries are kept. */
function updatePassList(
  tests: readonly Candidate[],
  results: readonly Result[],
  passList: ReadonlySet<string>,
): void {
  const flaky = new Set(tests.filter((test) => test.isFlaky).map((test) => test.name));
  const names = new Set(passList);
  for (const { test, verdict } of results) {
    if (verdict === "pass" && !flaky.has(test)) names.add(test);
    else names.delete(test);
  }
  writePassList(PASS_LIST, names);
  console.log(`${resolve(PASS_LIST)}: ${names.size} tests`);
}

process.exitCode = await main();
