// House rules that a program can check: sizes, names, forms, and that everything advertised has a test. Imports: rooms.test.ts.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as features from "../src/wire/features.ts";
import { GROUPS } from "./groups.ts";

const ROOT = join(import.meta.dir, "..");
const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;

const sources = filesBelow("src");
const tests = filesBelow("test");

function filesBelow(directory: string): string[] {
  return [...new Bun.Glob("**/*.{ts,tsx}").scanSync(join(ROOT, directory))]
    .map((path) => `${directory}/${path}`)
    .sort();
}

function linesOf(path: string): string[] {
  return readFileSync(join(ROOT, path), "utf8").trimEnd().split("\n");
}

// ---- sizes

interface Block {
  readonly name: string;
  readonly lines: number;
}

const FUNCTION_HEAD =
  /^(\s*)(?:export )?(?:(?:private|protected|public|static|async|override|get|set) )*(?:function\*? (\w+)|(?:const|let) (\w+) = (?:async )?(?:<.*>)?\(|(?!(?:if|for|while|switch|catch|return|function|describe|test|it)\b)(#?\w+)(?:<.*>)?\()/;

/** Functions and methods by their indentation: the formatter puts the closing brace under the head. */
function functionsOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  for (const [start, line] of lines.entries()) {
    const head = FUNCTION_HEAD.exec(line);
    if (!head) continue;
    const indent = head[1] ?? "";
    const end = lines.findIndex(
      (other, i) => i > start && other.startsWith(`${indent}}`) && !other.endsWith("{"),
    );
    const between = lines.slice(start + 1, end);
    const isBroken = between.some(
      (other) =>
        other !== "" &&
        !other.startsWith(`${indent} `) &&
        !other.startsWith(`${indent})`) &&
        !other.startsWith(`${indent}}`),
    );
    const isCall = between.some((other) => other.startsWith(`${indent})`) && !other.endsWith("{"));
    if (end < 0 || isBroken || isCall) continue;
    blocks.push({ name: head[2] ?? head[3] ?? head[4] ?? "", lines: end - start + 1 });
  }
  return blocks;
}

/** Lines of test/house-allowed.txt: `PATH LINES` or `PATH#FUNCTION LINES`, a table or something older than the rule. */
function allowedSizes(): Map<string, number> {
  const rows = linesOf("test/house-allowed.txt").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(rows.map((row) => [row.split(/\s+/)[0] ?? "", Number(row.split(/\s+/)[1])]));
}

test("files and functions keep to their size", () => {
  const offenders = new Map<string, number>();
  for (const path of [...sources, ...tests]) {
    const lines = linesOf(path);
    if (lines.length > MAX_FILE_LINES) offenders.set(path, lines.length);
    for (const { name, lines: length } of functionsOf(lines))
      if (length > MAX_FUNCTION_LINES) offenders.set(`${path}#${name}`, length);
  }
  const allowed = allowedSizes();
  const grown = [...offenders].filter(([name, length]) => length > (allowed.get(name) ?? 0));
  expect(grown.map(([name, length]) => `${name} ${length}`)).toEqual([]);
  const stale = [...allowed.keys()].filter((name) => !offenders.has(name));
  expect(stale.map((name) => `${name} is within its size: take it off the list`)).toEqual([]);
});

test("the size report sees functions", () => {
  const text =
    "export function a(\n  b: number,\n): void {\n  c(\n    d,\n  );\n}\nclass E {\n  private f(): number {\n    return 1;\n  }\n}\n";
  expect(functionsOf(text.split("\n"))).toEqual([
    { name: "a", lines: 7 },
    { name: "f", lines: 3 },
  ]);
});

// ---- names and forms

test("no grab-bags, no odd file names", () => {
  const names = [...sources, ...tests].filter((path) => {
    const name = path.split("/").at(-1) ?? "";
    return (
      /^(utils?|helpers?|common|types|misc|index)\.tsx?$/.test(name) ||
      !/^[a-z0-9]+(-[a-z0-9]+)*(\.attack)?(\.test)?\.tsx?$/.test(name)
    );
  });
  expect(names).toEqual([]);
});

/** Source without comments and strings, so that prose does not count as code. */
function codeOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(["'`])(?:\\.|(?!\1)[^\\\n])*\1/g, '""')
    .replace(/(^|[^:\\])\/\/.*$/gm, "$1");
}

// linux/planned-memory.ts heeds the control group's limit.
test("the memory of the machine alone decides nothing", () => {
  expect(sources.filter((path) => /\btotalmem\b/.test(codeOf(path)))).toEqual([]);
});

test("nothing is exported that nothing uses, in its own file or elsewhere", () => {
  const EXPORT = /^export (?:async )?(?:function\*?|(?:abstract )?class|const|interface|type) (\w+)/;
  const uses = new Map<string, number>();
  for (const path of [...sources, ...tests, ...filesBelow("man"), ...filesBelow("board")])
    for (const [word] of linesOf(path)
      .join("\n")
      .matchAll(/[A-Za-z_]\w*/g))
      uses.set(word, (uses.get(word) ?? 0) + 1);
  const unused = sources.flatMap((path) =>
    linesOf(path).flatMap((line) => {
      const name = EXPORT.exec(line)?.[1];
      return name !== undefined && uses.get(name) === 1 ? [`${path} ${name}`] : [];
    }),
  );
  expect(unused).toEqual([]);
}, 60_000);

test.each([
  ["no default exports", /^export default\b/m],
  ["no enums", /^\s*(?:export )?(?:const |declare )*enum\b/m],
  ["no namespaces", /^\s*(?:export )?(?:declare )?namespace\b/m],
  ["no any", /[:<,|&(]\s*any\b(?!\s*[(:])|\bas any\b|\bany\[\]/],
] as const)("%s", (_, pattern) => {
  expect([...sources, ...tests].filter((path) => pattern.test(codeOf(path)))).toEqual([]);
});

test("timers and turns are those of src/loop: the event loop waits until the earliest timer that it knows is due", () => {
  const pattern = /(?<![.\w])(?:setTimeout|setInterval|setImmediate|nextTick)\b/;
  // A process of its own, without an event loop of ours.
  const other = "src/cli/status-watch.ts";
  // It runs in a browser.
  const page = "src/manager/web/page/";
  const own = sources.filter(
    (path) => !path.startsWith("src/loop/") && !path.startsWith(page) && path !== other,
  );
  expect(own.filter((path) => pattern.test(codeOf(path)))).toEqual([]);
});

test("no errors of the compiler are silenced", () => {
  const silenced = [...sources, ...tests].filter((path) =>
    /@ts-(?:ignore|nocheck|expect-error)/.test(
      linesOf(path)
        .join("\n")
        .replace(/\/@ts-[^/]*\//g, ""),
    ),
  );
  expect(silenced).toEqual([]);
});

test("no barrels: a file has something of its own", () => {
  const barrels = sources.filter((path) => {
    const code = codeOf(path).replace(/^(?:import|export)\b[^;]*?from\s*"";/gm, "");
    return code.trim() === "";
  });
  expect(barrels).toEqual([]);
});

test("every source file begins with what it is", () => {
  expect(sources.filter((path) => !/^\/\/ \S/.test(linesOf(path)[0] ?? ""))).toEqual([]);
});

// The formatter does not wrap comments.
test("comments of src have at most 110 columns", () => {
  const isLong = (line: string): boolean => line.length > 110 && /^\s*(?:\/\/|\/?\*)/.test(line);
  const long = sources.flatMap((path) =>
    linesOf(path).flatMap((line, index) => (isLong(line) ? [`${path}:${index + 1} ${line.length}`] : [])),
  );
  expect(long).toEqual([]);
});

test("every test file asserts, and none leaves others out", () => {
  const files = tests.filter((path) => path.endsWith(".test.ts"));
  expect(files.filter((path) => !codeOf(path).includes("expect"))).toEqual([]);
  expect(files.filter((path) => /\b(?:test|describe)\.only\b/.test(codeOf(path)))).toEqual([]);
});

test("`npm test` runs every test file once", () => {
  const found = GROUPS.flatMap(({ paths }) =>
    paths.flatMap((path) =>
      path.endsWith(".ts") ? [`test/${path}`] : tests.filter((name) => name.startsWith(`test/${path}/`)),
    ),
  ).filter((path) => path.endsWith(".test.ts"));
  expect(found.sort()).toEqual(tests.filter((path) => path.endsWith(".test.ts")));
});

// `share/` once hid board/openwrt/usr/share from a commit.
test("what Git ignores is at the root: no pattern hides a source file", () => {
  expect(linesOf(".gitignore").filter((line) => !line.startsWith("/"))).toEqual([]);
});

// ---- what is advertised

interface Advertised {
  readonly name: string;
  readonly test: string;
}

/** Rows of features.ts, wherever they stand in what it exports. */
function rowsIn(value: unknown, depth = 0): Advertised[] {
  if (typeof value !== "object" || value === null || depth > 4) return [];
  if ("name" in value && "test" in value) return [value as Advertised];
  return Object.values(value).flatMap((item) => rowsIn(item, depth + 1));
}

test("everything advertised names a test that exists", () => {
  const rows = rowsIn({ ...features });
  expect(rows.length).toBeGreaterThan(20);
  const missing = rows.filter(({ test: id }) => {
    const [path = "", name = ""] = id.split("#");
    return name === "" || !existsSync(join(ROOT, path)) || !linesOf(path).join("\n").includes(name);
  });
  expect(missing.map(({ name, test: id }) => `${name}: ${id}`)).toEqual([]);
});
