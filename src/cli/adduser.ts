// `minismbd adduser`, and ksmbd.adduser with ksmbd-tools' flags: adds, updates or deletes a user.
import { type Configuration, loadConfiguration } from "../manager/config/load.ts";
import { servedConfigFile } from "../manager/paths.ts";
import { findSpelling } from "../manager/users/password-file.ts";
import { type FindUser, refuseNamedUser } from "../manager/users/user-change.ts";
import type { Arguments, Option } from "./arguments.ts";
import { parseChange } from "./tool-change.ts";
import { JSON_OPTION } from "./json-answer.ts";
import {
  changeUser,
  FILE_OPTIONS,
  findExact,
  PASSWORD_OPTION,
  removeUser,
  setPassword,
} from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  { long: "add", short: "a", help: "add the user; it must not exist" },
  { long: "update", short: "u", help: "change the password; the user must exist" },
  { long: "delete", short: "d", help: "delete the user" },
  PASSWORD_OPTION,
  ...FILE_OPTIONS,
  JSON_OPTION,
  { long: "version", short: "V", help: "print the version" },
  { long: "help", short: "h", help: "print this help" },
];

const USAGE = "[-a | -u | -d] [-p PWD] [-P PWDDB] [-C CONF] USER";

/** `minismbd adduser`: adds a user; with -u updates, with -d deletes. */
export async function run(words: readonly string[]): Promise<number> {
  return change(words, "minismbd adduser", "absent", findSpelling);
}

/**
 * `ksmbd.adduser`: as above, but without a flag it adds or updates, and names that differ by case are two
 * users.
 */
export async function runTool(words: readonly string[]): Promise<number> {
  return change(words, "ksmbd.adduser", "either", findExact);
}

async function change(
  words: readonly string[],
  tool: string,
  usual: "absent" | "either",
  find: FindUser,
): Promise<number> {
  const parsed = parseChange(words, OPTIONS, tool, USAGE);
  if (parsed === undefined) return 0;
  const { args, flag } = parsed;
  const expected = flag === "add" ? "absent" : flag === "update" ? "present" : usual;
  return changeUser(args, `${tool} ${USAGE}`, (request) => {
    if (flag !== "delete") return setPassword(args, request, expected, find);
    return deleteUser(args, request.name, find);
  });
}

/** Throws Refusal if there is no such user, or the configuration names it. */
export function deleteUser(args: Arguments, name: string, find: FindUser = findSpelling): void {
  const file = args.value("config") ?? servedConfigFile();
  const configuration = tryToLoad(file);
  if (configuration !== undefined) refuseNamedUser(configuration, name, file);
  removeUser(args, name, find);
}

/** Without a readable configuration nothing names the user. */
function tryToLoad(file: string): Configuration | undefined {
  try {
    return loadConfiguration({ file });
  } catch {
    return undefined;
  }
}
