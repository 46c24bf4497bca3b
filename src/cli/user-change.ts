// Common parts of adduser, passwd and deluser: options, changing ksmbdpwd.db, notifying the running server.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { hideArgument, hideVariable } from "../manager/users/hide-secret.ts";
import { ntHash, passwordFault } from "../manager/users/nt-hash.ts";
import { PASSWORD_FILE } from "../manager/paths.ts";
import { findSpelling, type PasswordTable, readPasswordFile } from "../manager/users/password-file.ts";
import { updatePasswordFile } from "../manager/users/password-file.ts";
import { showName, userNameFault } from "../manager/users/user-name.ts";
import { type Arguments, CliError, type Option } from "./arguments.ts";
import { notifyRunningServer } from "./notify.ts";
import { promptNewPassword } from "./prompt.ts";

/** Returns the user's name as the table spells it. */
export type FindUser = (table: PasswordTable, name: string) => string | undefined;

/** Whether the user must exist before the change. */
export type Expectation = "absent" | "present" | "either";

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

/** The user name, which must be the only operand. Throws CliError. */
export function userOperand(args: Arguments, usage: string): string {
  const [name, ...more] = args.operands;
  if (name === undefined || more.length > 0) throw new CliError(`one user name is needed: ${usage}`);
  const fault = userNameFault(name);
  if (fault !== undefined) throw new CliError(fault);
  return name;
}

export function passwordFileOf(args: Arguments): string {
  return args.value("pwddb") ?? PASSWORD_FILE;
}

/** Takes the password from the option, the environment or the prompt. Throws CliError. */
export async function readPassword(args: Arguments): Promise<string> {
  const password = args.value("password") ?? takeEnvironmentPassword() ?? (await promptNewPassword());
  const fault = passwordFault(password);
  if (fault !== undefined) throw new CliError(fault);
  return password;
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

/** Sets a password. Throws CliError if the expectation fails, ConfigError for errors of the file. */
export async function setPassword(
  args: Arguments,
  name: string,
  expected: Expectation,
  find: FindUser = findSpelling,
): Promise<void> {
  const file = passwordFileOf(args);
  for (const given of args.values("password")) hideArgument(given);
  if (file === PASSWORD_FILE) mkdirSync(dirname(file), { recursive: true });
  // Checked before the prompt as well, so that nobody types a password in vain.
  checkExpectation(find(readPasswordFile(file), name), name, expected, file);
  const hash = ntHash(await readPassword(args));
  let before: string | undefined;
  updatePasswordFile(file, (table) => {
    before = find(table, name);
    checkExpectation(before, name, expected, file);
    table.set(before ?? name, hash);
  });
  notifyRunningServer(`${describeUser(name, before)} ${before === undefined ? "added" : "updated"}`);
}

/** Deletes a user. Throws CliError if there is no such user. */
export function removeUser(file: string, name: string, find: FindUser = findSpelling): void {
  let before: string | undefined;
  updatePasswordFile(file, (table) => {
    before = find(table, name);
    checkExpectation(before, name, "present", file);
    table.delete(before ?? name);
  });
  notifyRunningServer(`${describeUser(name, before)} deleted`);
}

/** `before` is the spelling in the file, which counts; names are compared without case. */
function describeUser(name: string, before: string | undefined): string {
  const given = before === undefined || before === name ? "" : `, given as '${showName(name)}',`;
  return `User '${showName(before ?? name)}'${given}`;
}

/** ksmbd.adduser's rule: users whose names differ by case are two. */
export const findExact: FindUser = (table, name) => (table.has(name) ? name : undefined);

function checkExpectation(
  spelling: string | undefined,
  name: string,
  expected: Expectation,
  file: string,
): void {
  const isThere = spelling !== undefined;
  if (expected === "absent" && isThere) {
    const as = spelling === name ? "" : ` as '${showName(spelling)}': names have no case`;
    throw new CliError(
      `user '${showName(name)}' is in ${file} already${as}, use passwd to change the password`,
    );
  }
  if (expected === "present" && !isThere)
    throw new CliError(`there is no user '${showName(name)}' in ${file}, use adduser to add one`);
}
