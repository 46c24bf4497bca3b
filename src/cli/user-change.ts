// What adduser, passwd and deluser share: the options, the change of ksmbdpwd.db, the word to a running server.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { notifyServer } from "../manager/lock-file.ts";
import { ntHash, passwordFault } from "../manager/users/nt-hash.ts";
import { defaultLockFile, PASSWORD_FILE } from "../manager/paths.ts";
import {
  findSpelling,
  type PasswordTable,
  putUser,
  readPasswordFile,
} from "../manager/users/password-file.ts";
import { updatePasswordFile } from "../manager/users/password-file.ts";
import { showName, userNameFault } from "../manager/users/user-name.ts";
import { type Arguments, CliError, type Option } from "./arguments.ts";
import { promptNewPassword } from "./prompt.ts";

/** What must be true of the user beforehand. */
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
  help: "the password; other users can see it in the process list, unlike MINISMBD_PASSWORD or the prompt",
};

/** The one operand, checked. Throws CliError. */
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

/** From the option, the environment or the prompt. Throws CliError. */
export async function readPassword(args: Arguments): Promise<string> {
  const password = args.value("password") ?? takeEnvironmentPassword() ?? (await promptNewPassword());
  const fault = passwordFault(password);
  if (fault !== undefined) throw new CliError(fault);
  return password;
}

/** MINISMBD_PASSWORD, once: children do not inherit it. */
export function takeEnvironmentPassword(): string | undefined {
  const password = process.env.MINISMBD_PASSWORD;
  delete process.env.MINISMBD_PASSWORD;
  return password;
}

/** Sets a password. Throws CliError where the expectation fails, ConfigError for the file. */
export async function setPassword(args: Arguments, name: string, expected: Expectation): Promise<void> {
  const file = passwordFileOf(args);
  if (file === PASSWORD_FILE) mkdirSync(dirname(file), { recursive: true });
  // Looked at before the prompt as well: nobody should type a password in vain.
  checkExpectation(readPasswordFile(file), name, expected, file);
  const hash = ntHash(await readPassword(args));
  updatePasswordFile(file, (table) => {
    checkExpectation(table, name, expected, file);
    putUser(table, name, hash);
  });
  tellServer(`User '${showName(name)}' ${expected === "present" ? "updated" : "added"}`);
}

/** Throws CliError where there is no such user. */
export function removeUser(file: string, name: string): void {
  updatePasswordFile(file, (table) => {
    checkExpectation(table, name, "present", file);
    table.delete(findSpelling(table, name) ?? name);
  });
  tellServer(`User '${showName(name)}' deleted`);
}

function checkExpectation(table: PasswordTable, name: string, expected: Expectation, file: string): void {
  const isThere = findSpelling(table, name) !== undefined;
  if (expected === "absent" && isThere)
    throw new CliError(`user '${showName(name)}' is in ${file} already, use passwd to change the password`);
  if (expected === "present" && !isThere)
    throw new CliError(`there is no user '${showName(name)}' in ${file}, use adduser to add one`);
}

function tellServer(done: string): void {
  const isTold = notifyServer(defaultLockFile(), "SIGHUP");
  process.stdout.write(`${done}${isTold ? ", the running server was notified" : ""}\n`);
}
