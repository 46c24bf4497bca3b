// `minismbd deluser USER`: deletes a user.
import { describeOptions, type Option, parseArguments } from "./arguments.ts";
import { deleteUser } from "./adduser.ts";
import { JSON_OPTION } from "./json-answer.ts";
import { changeUser, FILE_OPTIONS } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  ...FILE_OPTIONS,
  JSON_OPTION,
  { long: "help", short: "h", help: "print this help" },
];
const USAGE = "minismbd deluser [-P PWDDB] [-C CONF] USER";

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${USAGE}\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  return changeUser(args, USAGE, ({ name }) => deleteUser(args, name));
}
