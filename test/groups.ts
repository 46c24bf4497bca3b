// The groups of tests that `npm test` runs, in this order: what is quick and tells most comes first.

export interface Group {
  readonly name: string;
  /** Files and directories below test/. */
  readonly paths: readonly string[];
  /** It runs beside the group before it. */
  readonly isBeside?: true;
}

const HOUSE = ["house", "rooms", "tools", "docs", "build", "memory-holders", "parameter-effects"] as const;

const END_TO_END = [
  ...["client", "config", "control", "copy", "interop", "metadata", "names", "notify", "open", "rpc"],
  ...["security", "session", "streams", "volumes"],
] as const;

export const GROUPS: readonly Group[] = [
  { name: "house", paths: HOUSE.map((name) => `${name}.test.ts`) },
  { name: "units", paths: ["wire", "crypto", "linux", "loop", "engine", "manager"] },
  { name: "commands", paths: ["cli"] },
  { name: "packages and boards", paths: ["package", "openwrt"] },
  { name: "fuzz", paths: ["fuzz"] },
  { name: "end to end", paths: END_TO_END.map((name) => `e2e/${name}`) },
  // In networks of their own, where they mostly wait.
  {
    name: "discovery, Macs and the web page",
    paths: ["e2e/discovery", "e2e/mac", "e2e/web"],
    isBeside: true,
  },
  { name: "benchmark", paths: ["bench"] },
];
