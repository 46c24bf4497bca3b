// Reads and writes candidates.txt (the tests to run) and pass.txt (the tests that must pass).
import { readFileSync, writeFileSync } from "node:fs";

export interface Candidate {
  readonly name: string;
  /** The test's own time limit, if the default is too short. */
  readonly limitSeconds: number | undefined;
  /** Passes or fails at random, whatever the server does: never added to the pass list. */
  readonly isFlaky: boolean;
}

function readLines(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

/**
 * Reads a list with one test per line; further columns, separated by tabs, are a limit in seconds or `flaky`.
 */
export function readCandidates(path: string): Candidate[] {
  return readLines(path).map((line) => {
    const [name = "", ...marks] = line.split("\t");
    const limit = marks.find((mark) => /^\d+$/.test(mark));
    return {
      name,
      limitSeconds: limit === undefined ? undefined : Number(limit),
      isFlaky: marks.includes("flaky"),
    };
  });
}

export function readPassList(path: string): Set<string> {
  return new Set(readLines(path).map((line) => line.split("\t")[0] ?? ""));
}

/** Writes the sorted list after the file's comment lines, which are kept. */
export function writePassList(path: string, names: Iterable<string>): void {
  const comments = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("#"));
  const lines = [...comments, ...[...names].sort()];
  writeFileSync(path, `${lines.join("\n")}\n`);
}

/** Whether the test is part of the suite, as `smb2.lock.range` of `smb2.lock`. */
export function isUnder(test: string, suite: string): boolean {
  return test === suite || test.startsWith(suite.endsWith(".") ? suite : `${suite}.`);
}

/** The suite in which a test is counted: the first two parts of its name. */
export function suiteOf(test: string): string {
  return test.split(".").slice(0, 2).join(".");
}
