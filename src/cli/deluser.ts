// `minismbd deluser USER`: deletes a user.
import { describeOptions, type Option, parseArguments } from "./arguments.ts";
import { FILE_OPTIONS, passwordFileOf, removeUser, userOperand } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  ...FILE_OPTIONS,
  { long: "help", short: "h", help: "print this help" },
];
const USAGE = "minismbd deluser [-P PWDDB] USER";

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${USAGE}\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  removeUser(passwordFileOf(args), userOperand(args, USAGE));
  return 0;
}
