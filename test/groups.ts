// The groups of tests that `npm test` runs, in this order: what is quick and tells most comes first.

export interface Group {
  readonly name: string;
  /** Files and directories below test/. */
  readonly paths: readonly string[];
}

const HOUSE = ["house", "rooms", "tools", "docs", "build", "memory-holders", "parameter-effects"] as const;

export const GROUPS: readonly Group[] = [
  { name: "house", paths: HOUSE.map((name) => `${name}.test.ts`) },
  { name: "units", paths: ["wire", "crypto", "linux", "loop", "engine", "manager"] },
  { name: "commands", paths: ["cli"] },
  { name: "packages and boards", paths: ["package", "openwrt"] },
  { name: "fuzz", paths: ["fuzz"] },
  { name: "end to end", paths: ["e2e"] },
  { name: "benchmark", paths: ["bench"] },
];
