// `minismbd users`: lists the names of the users.
import { existsSync, readFileSync } from "node:fs";
import { loadConfiguration } from "../manager/config/load.ts";
import { servedConfigFile } from "../manager/paths.ts";
import { findSpelling, readPasswordFile, updatePasswordFile } from "../manager/users/password-file.ts";
import { parseSmbpasswd } from "../manager/users/smbpasswd.ts";
import { compareUserNames, showName } from "../manager/users/user-name.ts";
import { CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { notifyRunningServer } from "./notify.ts";
import { FILE_OPTIONS, passwordFileOf } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  {
    long: "import",
    value: "FILE",
    help: "add the users of a smbpasswd file, or of `pdbedit -Lw` with - for standard input; known users stay",
  },
  ...FILE_OPTIONS,
  { long: "help", short: "h", help: "print this help" },
];

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(
      `Usage: minismbd users [--import FILE] [-P PWDDB] [-C CONF]\n\n${describeOptions(OPTIONS)}`,
    );
    return 0;
  }
  const imported = args.value("import");
  if (imported !== undefined) return importUsers(passwordFileOf(args), imported);
  if (args.operands.length > 0) throw new CliError("users takes no name, it lists all");
  const names = new Map([...readPasswordFile(passwordFileOf(args)).keys()].map((name) => [name, name]));
  const config = args.value("config") ?? servedConfigFile();
  if (args.has("config") || existsSync(config)) {
    for (const name of loadConfiguration({ file: config }).users.keys())
      names.set(findSpelling(names, name) ?? name, `${name}\t(in ${config})`);
  }
  for (const name of [...names.keys()].sort(compareUserNames))
    process.stdout.write(`${names.get(name) ?? ""}\n`);
  return 0;
}

function importUsers(passwordFile: string, from: string): number {
  let text: string;
  try {
    text = readFileSync(from === "-" ? 0 : from, "utf8");
  } catch (error) {
    throw new CliError(`${from} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const { users, leftOut } = parseSmbpasswd(text);
  for (const line of leftOut) process.stderr.write(`${line}\n`);
  if (users.length === 0) throw new CliError(`${from} has no user to import, nothing was changed`);
  const added: string[] = [];
  updatePasswordFile(passwordFile, (table) => {
    for (const { name, ntHash } of users) {
      if (findSpelling(table, name) !== undefined)
        process.stderr.write(`user '${showName(name)}' is left out: it is in ${passwordFile} already\n`);
      else {
        table.set(name, ntHash);
        added.push(name);
      }
    }
  });
  notifyRunningServer(added.length === 1 ? "1 user imported" : `${added.length} users imported`);
  return 0;
}
