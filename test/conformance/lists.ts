// The two lists beside this file: tests that may be run, and tests that must pass.
import { readFileSync, writeFileSync } from "node:fs";

export interface Candidate {
  readonly name: string;
  /** The test's own limit, where the usual one is too short. */
  readonly limitSeconds: number | undefined;
  /** Passes now and then whatever the server does: its passing is never news. */
  readonly isFlaky: boolean;
}

function readLines(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

/** One test a line; further columns, separated by tabs, are a limit in seconds or `flaky`. */
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

/** Rewrites the list behind its comment lines. */
export function writePassList(path: string, names: Iterable<string>): void {
  const comments = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("#"));
  const lines = [...comments, ...[...names].sort()];
  writeFileSync(path, `${lines.join("\n")}\n`);
}

/** True for a test of the suite: `smb2.lock` holds `smb2.lock.range`. */
export function isUnder(test: string, suite: string): boolean {
  return test === suite || test.startsWith(suite.endsWith(".") ? suite : `${suite}.`);
}

/** The suite that a test is counted in: its first two parts. */
export function suiteOf(test: string): string {
  return test.split(".").slice(0, 2).join(".");
}
