// The groups of tests that `npm test` runs, in this order: what is quick and tells most comes first.

export interface Group {
  readonly name: string;
  /** Files and directories below test/. */
  readonly paths: readonly string[];
  /** It runs beside the group before it. */
  readonly isBeside?: true;
}

const HOUSE = ["house", "rooms", "tools", "docs", "build", "memory-holders", "parameter-effects"] as const;

// Two halves that take about as long run at the same time: a test mostly waits for its server or client.
const END_TO_END = [
  ...["client", "config", "control", "copy", "interop", "metadata", "names", "notify", "open", "rpc"],
  "session",
] as const;
const END_TO_END_BESIDE = ["discovery", "mac", "web", "security", "streams", "volumes"] as const;

export const GROUPS: readonly Group[] = [
  { name: "house", paths: HOUSE.map((name) => `${name}.test.ts`) },
  { name: "units", paths: ["wire", "crypto", "linux", "loop", "engine", "manager"] },
  { name: "commands", paths: ["cli"] },
  { name: "packages and boards", paths: ["package", "openwrt"] },
  { name: "fuzz", paths: ["fuzz"] },
  { name: "end to end", paths: END_TO_END.map((name) => `e2e/${name}`) },
  {
    name: "end to end, disks and Macs",
    paths: END_TO_END_BESIDE.map((name) => `e2e/${name}`),
    isBeside: true,
  },
  { name: "benchmark", paths: ["bench"] },
];
