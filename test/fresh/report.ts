// What the output of `npm test` says: its totals, and the tests that it names as left out.

export interface Totals {
  readonly line: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The last line's totals; undefined where the output ends otherwise. */
export function readTotals(output: string): Totals | undefined {
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  const match = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line);
  if (!match) return undefined;
  return { line, passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) };
}

/** What is wrong with what was left out; `nothing`: as root on Debian every test must run. */
export function findLeftOutFaults(output: string, nothing: boolean): string[] {
  const totals = readTotals(output);
  if (totals === undefined) return ["the last line does not tell the totals"];
  const faults: string[] = [];
  if (totals.failed > 0) faults.push(`${totals.failed} failed`);
  const named = output.split("\n").filter((line) => line.startsWith("skipped: ")).length;
  if (named !== totals.skipped) faults.push(`${totals.skipped} tests were skipped, ${named} are named`);
  if (nothing && totals.skipped > 0) faults.push(`as root ${totals.skipped} tests were skipped`);
  if (nothing && /^left out: /m.test(output)) faults.push("as root something was left out");
  return faults;
}

/** What is wrong where runs on one commit tell of different numbers of tests: some were left out without a word. */
export function findCountFaults(runs: readonly Totals[]): string[] {
  const counts = runs.map(({ passed, failed, skipped }) => passed + failed + skipped);
  return new Set(counts).size > 1 ? [`the runs know ${counts.join(" and ")} tests`] : [];
}
