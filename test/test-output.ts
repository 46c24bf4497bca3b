// What `bun test` reports, made fit for people: hooks that fail get names, and tests that were skipped are listed.
import { readFileSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";

const HOOK = /\b(beforeAll|beforeEach|afterAll|afterEach)\(/;

/** `beforeAll at test/x.test.ts:12`, for the hook of the file that holds this line or begins before it. */
function describeHook(root: string, path: string, line: number): string {
  const full = isAbsolute(path) ? path : join(root, path);
  const name = relative(root, full);
  try {
    const lines = readFileSync(full, "utf8").split("\n").slice(0, line);
    for (const [at, text] of [...lines.entries()].reverse()) {
      const hook = HOOK.exec(text)?.[1];
      if (hook !== undefined) return `${hook} at ${name}:${at + 1}`;
    }
  } catch {
    // The name says enough.
  }
  return `a hook of ${name}`;
}

/**
 * Puts names in place of the runner's `(unnamed)`, line by line: it gives no other to a hook that fails, and the tests
 * behind a beforeAll are missing from its counts.
 */
export class HookNamer {
  private readonly root: string;
  private file = "";
  private line = 0;

  constructor(root: string) {
    this.root = root;
  }

  name(text: string): string {
    const head = /^(\S+\.test\.ts):$/.exec(text)?.[1];
    if (head !== undefined) {
      this.file = head;
      this.line = 0;
    }
    // The last frame in the test file itself is the hook's own.
    const frame = /^ +at .*?\(?([^\s()]+\.test\.ts):(\d+):\d+\)?$/.exec(text);
    if (frame?.[1]?.endsWith(this.file)) this.line = Number(frame[2]);
    if (!/^\((?:pass|fail|skip|todo)\) /.test(text)) return text;
    const isNamed = !/^\(fail\) (?:.* > )?\(unnamed\)/.test(text);
    const named = isNamed ? text : text.replace("(unnamed)", this.describe());
    this.line = 0;
    return named;
  }

  private describe(): string {
    return this.line > 0 ? describeHook(this.root, this.file, this.line) : `a hook of ${this.file}`;
  }
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return ENTITIES[name] ?? whole;
  });
}

export interface Skipped {
  /** `path: describe > test` of each. */
  readonly tests: readonly string[];
  /** The runner counts the hooks of groups that are skipped as tests without a name. */
  readonly hooks: number;
}

/** What a report in JUnit's form has as skipped. */
export function readSkipped(report: string): Skipped {
  const tests: string[] = [];
  let hooks = 0;
  for (const [, attributes = "", inside = ""] of report.matchAll(
    /<testcase\s([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    if (!inside.includes("<skipped")) continue;
    const read = (key: string): string =>
      decode(new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1] ?? "");
    if (read("name") === "(unnamed)") {
      hooks++;
      continue;
    }
    // The innermost group comes first there.
    const groups = read("classname").split(" > ").reverse();
    tests.push(`${read("file")}: ${[...groups, read("name")].filter((part) => part !== "").join(" > ")}`);
  }
  return { tests, hooks };
}
