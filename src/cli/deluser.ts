// `minismbd deluser USER`: deletes a user.
import { describeOptions, type Option, parseArguments } from "./arguments.ts";
import { refuseNamedUser } from "./adduser.ts";
import { FILE_OPTIONS, passwordFileOf, removeUser, userOperand } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  ...FILE_OPTIONS,
  { long: "help", short: "h", help: "print this help" },
];
const USAGE = "minismbd deluser [-P PWDDB] [-C CONF] USER";

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${USAGE}\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  const name = userOperand(args, USAGE);
  refuseNamedUser(args, name);
  removeUser(passwordFileOf(args), name);
  return 0;
}
