// The list of tools holds every program that tests call, and what the runner's output becomes for people.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findCountFaults, findLeftOutFaults, readTotals, type Totals } from "./fresh/report.ts";
import { HookNamer, readSkipped } from "./test-output.ts";
import { BASE_PROGRAMS, findProgram, TOOLS } from "./tools.ts";

const ROOT = join(import.meta.dir, "..");

/** What `npm test` does not call, what installs the tools, and the samples below. */
const ELSEWHERE =
  /^(?:box\/|clients\/|fresh\/|gluster\/|openwrt\/luci\/|package\/(?:machine|try)\.ts$|run\.ts$|tools\.test\.ts$)/;
/** Words that begin a command of the shell and are no programs, and minismbd's own commands. */
const NO_PROGRAMS = new Set([
  ...[
    "cd",
    "do",
    "done",
    "echo",
    "else",
    "exec",
    "exit",
    "export",
    "fi",
    "for",
    "if",
    "printf",
    "read",
    "set",
  ],
  ...["shift", "test", "then", "trap", "ulimit", "umask", "wait", "while", "until"],
  ...[
    "adduser",
    "addshare",
    "control",
    "deluser",
    "passwd",
    "serve",
    "setup",
    "shares",
    "testparm",
    "users",
    "version",
  ],
  ...["ksmbd.adduser", "ksmbd.addshare", "ksmbd.control", "ksmbd.mountd"],
]);

const CALLS: readonly RegExp[] = [
  // spawn(["name" …]) and its kin, and the test whether a program is there.
  /\b(?:spawn|spawnSync|execFile|execFileSync|exec|execSync|runProgram|which|findProgram)\(\s*\[?\s*["'`]([\w./+-]+)["'`]/g,
  /\bsubprocess\.\w+\(\s*\[\s*["']([\w./+-]+)["']/g,
  /["'`]\/(?:usr\/)?(?:local\/)?s?bin\/([\w.+-]+)["'`]/g,
  // Words of a command in a table: a name and an option.
  /\[\s*["']([a-z][\w./+-]*)["'],\s*["']--?[a-z][\w-]*["']/gi,
];
const SHELL: readonly RegExp[] = [
  /\bBun\.\$`([^`]*)`/g,
  /["'](?:ba)?sh["'],\s*["']-c["'],\s*["'`]([^"'`]+)["'`]/g,
];
/** Where a file calls a shell: the script that it keeps in a constant. */
const SHELL_CONSTANT = /\b(?:script|[A-Z_]*SCRIPT)\s*=\s*["'`]([^"`]*)["'`]/g;
const SHELL_CALL = /["'](?:ba)?sh["'],\s*["']-c["']/;
/** A script for the runtime, not for a shell. */
const JAVASCRIPT = /=>|\bimport\b|\bconst\b/;

/** First words of a shell's commands. */
function commandsOf(script: string): string[] {
  return script
    .replace(/\$\{[^}]*\}/g, "X")
    .split(/\n|&&|\|\||[;|&({]|\b(?:do|then|else|while|until|if|exec)\b/)
    .map((part) => /^\s*(?:\w+=\S*\s+)*([a-z][\w.-]*)(?=\s|$)/.exec(part)?.[1] ?? "")
    .filter((word) => word !== "");
}

/** Programs that a test's source calls by a name that stands there. */
function programsIn(source: string): string[] {
  const found = CALLS.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] ?? ""));
  // A helper that runs a program: `run("mount", …)`.
  if (/\bfunction run\((?:\.\.\.)?command\b/.test(source))
    found.push(...[...source.matchAll(/\brun\("([\w.-]+)"/g)].map((match) => match[1] ?? ""));
  const patterns = SHELL_CALL.test(source) ? [...SHELL, SHELL_CONSTANT] : SHELL;
  const scripts = patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] ?? ""));
  found.push(...scripts.filter((script) => !JAVASCRIPT.test(script)).flatMap(commandsOf));
  return [...new Set(found)].filter((word) => !NO_PROGRAMS.has(word) && !word.includes("/")).sort();
}

test("every program that tests call is in the list of tools", () => {
  const known = new Set([...BASE_PROGRAMS, ...TOOLS.flatMap(({ programs }) => programs)]);
  const paths = [...new Bun.Glob("**/*.{ts,py}").scanSync(join(ROOT, "test"))];
  const faults = paths
    .filter((path) => !ELSEWHERE.test(path))
    .sort()
    .flatMap((path) => {
      const source = readFileSync(join(ROOT, "test", path), "utf8");
      const unknown = programsIn(source).filter((word) => !known.has(word));
      return unknown.map((word) => `test/${path} calls ${word}: add its package to test/tools.ts`);
    });
  expect(faults).toEqual([]);
});

test("programs are seen in calls, tables, shells and Python", () => {
  const source = [
    'spawnSync("one", []); Bun.spawn(["two", "-x"]); execFileSync(\n  "three"); Bun.which("four");',
    'const MAKERS = { a: ["mkfs.five", "-q"] }; run(["serve", "-n"]);',
    "await Bun.$`six ${path} && seven | eight`.quiet();",
    'Bun.spawn(["sh", "-c", "while nine; do ten x; done"]);',
    'subprocess.run(["eleven", path]); const TWELVE = "/usr/sbin/twelve";',
  ].join("\n");
  const names = "one two three four mkfs.five six seven eight sh nine ten eleven twelve";
  expect(programsIn(source)).toEqual(names.split(" ").sort());
});

test("programs in the directories of sbin are found without them in the PATH", () => {
  const script = 'import("./test/tools.ts").then(({ findProgram }) => console.log(findProgram("losetup")))';
  const child = Bun.spawnSync([process.execPath, "-e", script], {
    cwd: ROOT,
    env: { PATH: "/usr/bin:/bin" },
  });
  expect(child.stdout.toString().trim()).toBe(String(findProgram("losetup")));
});

test("each tool tells its packages and what is left out without it", () => {
  for (const { packages, needed } of TOOLS)
    expect([packages.length > 0, needed !== ""]).toEqual([true, true]);
  const names = TOOLS.flatMap(({ programs }) => programs);
  expect(names).toEqual([...new Set(names)]);
});

test("a hook that fails is reported with its kind, file and line", () => {
  const namer = new HookNamer(ROOT);
  const own = "test/crypto/select.test.ts";
  const lines = [
    `${own}:`,
    "error: no such share",
    "      at start (/somewhere/test/e2e/server.ts:12:3)",
    `      at <anonymous> (${join(ROOT, own)}:1:9)`,
    "(fail) group > (unnamed) [6.62ms]",
    "(fail) group > a test with a name [1.00ms]",
    "(fail) (unnamed) [53.72ms]",
  ];
  const named = lines.map((line) => namer.name(line));
  expect(named[4]).toBe(`(fail) group > a hook of ${own} [6.62ms]`);
  expect(named[5]).toBe(lines[5] as string);
  expect(named[6]).toBe(`(fail) a hook of ${own} [53.72ms]`);
  const text = readFileSync(join(ROOT, "test/e2e/session/rpc.test.ts"), "utf8").split("\n");
  const at = text.findIndex((line) => /\bbeforeAll\(/.test(line)) + 1;
  const hook = [
    "test/e2e/session/rpc.test.ts:",
    `      at async <anonymous> (test/e2e/session/rpc.test.ts:${at + 1}:7)`,
  ];
  for (const line of hook) namer.name(line);
  expect(namer.name("(fail) (unnamed)")).toBe(`(fail) beforeAll at test/e2e/session/rpc.test.ts:${at}`);
});

test("skipped tests are listed with their files and groups", () => {
  const report = `<testcase name="one" classname="" file="a.test.ts" />
    <testcase name="&quot;two&quot;" classname="inner &gt; outer" file="test/b.test.ts" line="9" assertions="0">
      <skipped />
    </testcase>
    <testcase name="three" classname="" file="a.test.ts"><failure type="Error" message="x">y</failure></testcase>
    <testcase name="four" classname="" file="a.test.ts"><skipped message="TODO" /></testcase>
    <testcase name="(unnamed)" classname="group" file="a.test.ts"><skipped /></testcase>`;
  const tests = ['test/b.test.ts: outer > inner > "two"', "a.test.ts: four"];
  expect(readSkipped(report)).toEqual({ tests, hooks: 1 });
});

test("what a bare machine leaves out is held against what the output names", () => {
  const output = (...lines: readonly string[]): string => `noise\n${lines.join("\n")}\n`;
  const green = output(
    "skipped: a.test.ts: one",
    "left out: x, because y",
    "",
    "5 passed, 0 failed, 1 skipped",
  );
  expect(findLeftOutFaults(green, false)).toEqual([]);
  expect(findLeftOutFaults(green, true)).toEqual([
    "as root 1 tests were skipped",
    "as root something was left out",
  ]);
  expect(findLeftOutFaults(output("5 passed, 2 failed, 3 skipped"), false)).toEqual([
    "2 failed",
    "3 tests were skipped, 0 are named",
  ]);
  const runs = [green, output("6 passed, 0 failed, 0 skipped")].map((text) => readTotals(text) as Totals);
  expect(findCountFaults(runs)).toEqual([]);
  expect(findCountFaults([...runs, { ...(runs[0] as Totals), skipped: 0 }])).toHaveLength(1);
  expect(findLeftOutFaults(output("killed"), false)).toEqual(["the last line does not tell the totals"]);
});
