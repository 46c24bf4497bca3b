// `minismbd passwd USER`: changes a user's password.
import { CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { FILE_OPTIONS, PASSWORD_OPTION, setPassword, userOperand } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  PASSWORD_OPTION,
  ...FILE_OPTIONS,
  { long: "help", short: "h", help: "print this help" },
];
const USAGE = "minismbd passwd [-p PWD] [-P PWDDB] USER";

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${USAGE}\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length === 0) throw new CliError(`a user name is needed: ${USAGE}`);
  await setPassword(args, userOperand(args, USAGE), "present");
  return 0;
}
