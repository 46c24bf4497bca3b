// `minismbd passwd USER`: changes a user's password.
import { describeOptions, type Option, parseArguments } from "./arguments.ts";
import { JSON_OPTION } from "./json-answer.ts";
import { changeUser, FILE_OPTIONS, PASSWORD_OPTION, setPassword } from "./user-change.ts";

export const OPTIONS: readonly Option[] = [
  PASSWORD_OPTION,
  ...FILE_OPTIONS,
  JSON_OPTION,
  { long: "help", short: "h", help: "print this help" },
];
const USAGE = "minismbd passwd [-p PWD] [-P PWDDB] USER";

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${USAGE}\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  return changeUser(args, USAGE, (request) => setPassword(args, request, "present"));
}
