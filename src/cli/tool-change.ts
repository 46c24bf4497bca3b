// The common part of adduser and addshare: -a, -u and -d say what must be there before a change.
import { type Arguments, CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { printToolVersion } from "./version.ts";

/** Without a flag a tool decides itself what must be there. */
export type ChangeFlag = "add" | "update" | "delete" | undefined;

export interface Change {
  readonly args: Arguments;
  readonly flag: ChangeFlag;
}

/** Undefined where the words asked for help or the version, which is printed. Throws CliError. */
export function parseChange(
  words: readonly string[],
  options: readonly Option[],
  tool: string,
  usage: string,
): Change | undefined {
  const args = parseArguments(words, options);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${tool} ${usage}\n\n${describeOptions(options)}`);
    return undefined;
  }
  if (args.has("version")) {
    printToolVersion(tool);
    return undefined;
  }
  const flags = (["add", "update", "delete"] as const).filter((name) => args.has(name));
  if (flags.length > 1) throw new CliError("-a, -u and -d exclude each other, use one of them");
  return { args, flag: flags[0] };
}
