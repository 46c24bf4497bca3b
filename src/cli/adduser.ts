// `minismbd adduser`, and ksmbd.adduser with ksmbd-tools' flags: adds, updates or deletes a user.
import { loadConfiguration } from "../manager/config/load.ts";
import { defaultConfigFile } from "../manager/paths.ts";
import { type Arguments, CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { FILE_OPTIONS, PASSWORD_OPTION, passwordFileOf, removeUser } from "./user-change.ts";
import { setPassword, userOperand } from "./user-change.ts";
import { printToolVersion } from "./version.ts";

export const OPTIONS: readonly Option[] = [
  { long: "add", short: "a", help: "add the user; it must not exist" },
  { long: "update", short: "u", help: "change the password; the user must exist" },
  { long: "delete", short: "d", help: "delete the user" },
  PASSWORD_OPTION,
  ...FILE_OPTIONS,
  { long: "version", short: "V", help: "print the version" },
  { long: "help", short: "h", help: "print this help" },
];

const USAGE = "[-a | -u | -d] [-p PWD] [-P PWDDB] [-C CONF] USER";

/** `minismbd adduser`: adds a user; with -u updates, with -d deletes. */
export async function run(words: readonly string[]): Promise<number> {
  return change(words, "minismbd adduser", "absent");
}

/** `ksmbd.adduser`: as above, but without a flag it adds or updates. */
export async function runTool(words: readonly string[]): Promise<number> {
  return change(words, "ksmbd.adduser", "either");
}

async function change(words: readonly string[], tool: string, usual: "absent" | "either"): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${tool} ${USAGE}\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.has("version")) return printToolVersion(tool);
  if (["add", "update", "delete"].filter((flag) => args.has(flag)).length > 1)
    throw new CliError("-a, -u and -d exclude each other, use one of them");
  const name = userOperand(args, `${tool} ${USAGE}`);
  if (args.has("delete")) {
    refuseGuestAccount(args, name);
    removeUser(passwordFileOf(args), name);
  } else {
    await setPassword(args, name, args.has("add") ? "absent" : args.has("update") ? "present" : usual);
  }
  return 0;
}

/** Throws CliError if the configuration uses the account for guests. */
function refuseGuestAccount(args: Arguments, name: string): void {
  const file = args.value("config") ?? defaultConfigFile();
  let guests: string[];
  try {
    const { guestAccount, shares } = loadConfiguration({ file });
    guests = [guestAccount, ...[...shares.values()].map((share) => share.guestAccount)];
  } catch {
    // Without a readable configuration nothing uses the account.
    return;
  }
  if (guests.includes(name)) throw new CliError(`'${name}' is a guest account of ${file}, change that first`);
}
