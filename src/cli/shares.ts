// `minismbd shares`: lists the shares that the configuration serves, and says which it leaves out.
import { loadConfiguration } from "../manager/config/load.ts";
import type { Share } from "../manager/config/share.ts";
import { CONFIG_FILE, servedConfigFile } from "../manager/paths.ts";
import { CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";

export const OPTIONS: readonly Option[] = [
  { long: "config", short: "C", value: "CONF", help: `the configuration, by default ${CONFIG_FILE}` },
  { long: "help", short: "h", help: "print this help" },
];

/**
 * One line a share, with tabs: name, path, `ro` or `rw`, `guest` or `users`. Warnings go to standard error.
 */
export function run(words: readonly string[]): number {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: minismbd shares [-C CONF]\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length > 0) throw new CliError("shares takes no name, it lists all");
  const { shares, warnings } = loadConfiguration({ file: args.value("config") ?? servedConfigFile() });
  for (const share of shares.values()) process.stdout.write(`${describeShare(share)}\n`);
  for (const warning of warnings)
    if (warning.includes("left out")) process.stderr.write(`warning: ${warning}\n`);
  return 0;
}

function describeShare({ name, path, readOnly, guestOk }: Share): string {
  return [name, path, readOnly ? "ro" : "rw", guestOk ? "guest" : "users"].join("\t");
}
