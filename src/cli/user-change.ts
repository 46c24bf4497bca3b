// Common parts of adduser, passwd and deluser: options, changing ksmbdpwd.db, notifying the running server.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { hideArgument, hideVariable } from "../manager/users/hide-secret.ts";
import { ntHash, passwordFault } from "../manager/users/nt-hash.ts";
import { PASSWORD_FILE } from "../manager/paths.ts";
import { findSpelling, readPasswordFile } from "../manager/users/password-file.ts";
import {
  changeUserInFile,
  checkExpectation,
  type Expectation,
  type FindUser,
} from "../manager/users/user-change.ts";
import { showName, userNameFault } from "../manager/users/user-name.ts";
import { type Arguments, CliError, type Option } from "./arguments.ts";
import { answerInJson, jsonText, readJsonInput } from "./json-answer.ts";
import { notifyRunningServer } from "./notify.ts";
import { promptNewPassword } from "./prompt.ts";

export const FILE_OPTIONS: readonly Option[] = [
  { long: "pwddb", short: "P", value: "PWDDB", help: `the users' file, by default ${PASSWORD_FILE}` },
  { long: "config", short: "C", value: "CONF", help: "the configuration" },
  { long: "verbose", short: "v", help: "print more messages" },
];

export const PASSWORD_OPTION: Option = {
  long: "password",
  short: "p",
  value: "PWD",
  help:
    "the password; other users can see it in the process list for a moment, " +
    "unlike MINISMBD_PASSWORD or the prompt",
};

/** What a verb is to change. */
export interface UserRequest {
  readonly name: string;
  /** Takes the password from where the user gives it. Throws CliError. */
  readonly password: () => string | Promise<string>;
}

/**
 * Makes the change that the arguments, or with --json standard input, ask for. Returns the exit status.
 * Throws CliError and ConfigError, but with --json prints their message.
 */
export async function changeUser(
  args: Arguments,
  usage: string,
  change: (request: UserRequest) => void | Promise<void>,
): Promise<number> {
  if (args.has("json")) {
    return answerInJson(async () => {
      await change(readJsonRequest(args, usage));
      return [];
    });
  }
  await change({ name: userOperand(args, usage), password: () => givenPassword(args) });
  return 0;
}

function readJsonRequest(args: Arguments, usage: string): UserRequest {
  if (args.operands.length > 0 || args.has("password"))
    throw new CliError(`--json takes name and password from standard input alone: ${usage}`);
  const input = readJsonInput();
  return { name: checkedName(jsonText(input, "user")), password: () => jsonText(input, "password") };
}

/** The user name, which must be the only operand. Throws CliError. */
function userOperand(args: Arguments, usage: string): string {
  const [name, ...more] = args.operands;
  if (name === undefined || more.length > 0) throw new CliError(`one user name is needed: ${usage}`);
  return checkedName(name);
}

function checkedName(name: string): string {
  const fault = userNameFault(name);
  if (fault !== undefined) throw new CliError(fault);
  return name;
}

export function passwordFileOf(args: Arguments): string {
  return args.value("pwddb") ?? PASSWORD_FILE;
}

/** The password from the option, the environment or the prompt. Throws CliError. */
async function givenPassword(args: Arguments): Promise<string> {
  return args.value("password") ?? takeEnvironmentPassword() ?? (await promptNewPassword());
}

/**
 * Removes MINISMBD_PASSWORD from the environment, so that children do not inherit it and /proc/PID/environ
 * does not show it, and returns it.
 */
export function takeEnvironmentPassword(): string | undefined {
  const password = process.env.MINISMBD_PASSWORD;
  delete process.env.MINISMBD_PASSWORD;
  hideVariable("MINISMBD_PASSWORD");
  return password;
}

/** Sets a password. Throws CliError, Refusal if the expectation fails, ConfigError for errors of the file. */
export async function setPassword(
  args: Arguments,
  { name, password }: UserRequest,
  expected: Expectation,
  find: FindUser = findSpelling,
): Promise<void> {
  const file = passwordFileOf(args);
  for (const word of args.values("password")) hideArgument(word);
  if (file === PASSWORD_FILE) mkdirSync(dirname(file), { recursive: true });
  // Checked before the prompt as well, so that nobody types a password in vain.
  checkExpectation(find(readPasswordFile(file), name), name, expected, file);
  const given = await password();
  const fault = passwordFault(given);
  if (fault !== undefined) throw new CliError(fault);
  const before = changeUserInFile(file, name, ntHash(given), expected, find);
  const done = `${describeUser(name, before)} ${before === undefined ? "added" : "updated"}`;
  notifyRunningServer(done, args.has("json"));
}

/** Deletes a user. Throws Refusal if there is no such user. */
export function removeUser(args: Arguments, name: string, find: FindUser = findSpelling): void {
  const before = changeUserInFile(passwordFileOf(args), name, undefined, "present", find);
  notifyRunningServer(`${describeUser(name, before)} deleted`, args.has("json"));
}

/** `before` is the spelling in the file, which counts; names are compared without case. */
function describeUser(name: string, before: string | undefined): string {
  const given = before === undefined || before === name ? "" : `, given as '${showName(name)}',`;
  return `User '${showName(before ?? name)}'${given}`;
}

/** ksmbd.adduser's rule: users whose names differ by case are two. */
export const findExact: FindUser = (table, name) => (table.has(name) ? name : undefined);
