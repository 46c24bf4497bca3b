// `minismbd users`: lists the names of the users.
import { loadConfiguration } from "../manager/config/load.ts";
import { defaultConfigFile } from "../manager/paths.ts";
import { findSpelling, readPasswordFile } from "../manager/users/password-file.ts";
import { foldUserName } from "../manager/users/user-name.ts";
import { CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { existsSync } from "node:fs";
import { FILE_OPTIONS, passwordFileOf } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  ...FILE_OPTIONS,
  { long: "help", short: "h", help: "print this help" },
];

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: minismbd users [-P PWDDB] [-C CONF]\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length > 0) throw new CliError("users takes no name, it lists all");
  const names = new Map([...readPasswordFile(passwordFileOf(args)).keys()].map((name) => [name, name]));
  const config = args.value("config") ?? defaultConfigFile();
  if (args.has("config") || existsSync(config)) {
    for (const name of loadConfiguration({ file: config }).users.keys())
      names.set(findSpelling(names, name) ?? name, `${name}\t(in ${config})`);
  }
  const order = (name: string): string => `${foldUserName(name)}\0${name}`;
  for (const name of [...names.keys()].sort((a, b) => (order(a) < order(b) ? -1 : 1)))
    process.stdout.write(`${names.get(name) ?? ""}\n`);
  return 0;
}
