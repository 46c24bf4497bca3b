// The commands on users: they change the password file, and have the server read it.
import type { ServerFiles } from "../administration/read-configuration.ts";
import type { Configuration } from "../config/load.ts";
import { Refusal } from "../refusal.ts";
import { setUpInWorker } from "../setup/page-setup-queue.ts";
import { ntHash, passwordFault } from "../users/nt-hash.ts";
import { changePasswordFile, type PasswordChange } from "../users/password-change.ts";
import { findSpelling } from "../users/password-file.ts";
import { refuseNamedUser } from "../users/user-change.ts";
import { foldUserName, showName, userNameFault } from "../users/user-name.ts";
import type { Answer } from "./operation.ts";
import type { UserItem } from "./operations/users.ts";
import { ControlError } from "./protocol.ts";
import { told, toldAfterReload } from "./told.ts";

/** What the commands use of the server. */
export interface UserHost {
  readonly files: ServerFiles;
  configuration(): Configuration;
  userNames(): Iterable<string>;
  /** The user may administrate the server by the web page. */
  isAdministrator(user: string): boolean;
  /** Reads configuration and users again; returns why the configuration cannot be used. */
  reload(): Promise<string | undefined>;
  note(text: string): void;
}

export function* listUsers(host: UserHost): Iterable<UserItem> {
  for (const name of host.userNames()) yield itemOf(host, name);
}

function itemOf(host: UserHost, name: string): UserItem {
  const isStored = findSpelling(host.configuration().users, name) === undefined;
  return { name, isAdmin: host.isAdministrator(name), isStored };
}

interface NewUser {
  readonly name: string;
  readonly password: string;
}

export async function addUser(host: UserHost, { name, password }: NewUser): Promise<Answer> {
  const fault = userNameFault(name);
  if (fault !== undefined) throw new ControlError(fault, "bad-argument");
  const hash = hashOf(password);
  await change(host, name, { kind: "set", hash, expected: "absent" }, "added");
  return { items: [itemOf(host, name)] };
}

export async function setPassword(host: UserHost, { name, password }: NewUser): Promise<Answer> {
  const hash = hashOf(password);
  await change(host, name, { kind: "set", hash, expected: "present" }, "got another password");
  return { items: [] };
}

let removals: Promise<unknown> = Promise.resolve();

/** One after the other: of two at once each could leave the other as the last administrator. */
export function removeUser(host: UserHost, user: { readonly name: string }): Promise<Answer> {
  const mine = removals.then(() => removeNow(host, user));
  removals = mine.catch(() => undefined);
  return mine;
}

async function removeNow(host: UserHost, { name }: { readonly name: string }): Promise<Answer> {
  const { files } = host;
  await told(async () => {
    refuseNamedUser(host.configuration(), name, files.file ?? "the command line");
    refuseLastAdministrator(host, name);
  });
  await change(host, name, { kind: "delete" }, "deleted");
  return { items: [] };
}

interface FirstUser {
  readonly code: string;
  readonly user: string;
  readonly password: string;
  readonly share: { readonly name: string; readonly path: string } | undefined;
}

export async function setUp(host: UserHost, { code, user, password, share }: FirstUser): Promise<Answer> {
  const fault = userNameFault(user);
  if (fault !== undefined) throw new ControlError(fault, "bad-argument");
  const hash = hashOf(password);
  const left = await told(() => setUpInWorker({ files: host.files, code, user, hash, share }));
  host.note(`set up, '${showName(user)}' is the administrator`);
  if (left !== undefined) host.note(`the first password is still shown: ${left}`);
  await host.reload();
  return { items: [] };
}

function hashOf(password: string): string {
  const fault = passwordFault(password);
  if (fault !== undefined) throw new ControlError(fault, "bad-argument");
  return ntHash(password);
}

/** Throws Refusal: whoever is logged on must not shut everybody out of the web page by accident. */
function refuseLastAdministrator(host: UserHost, name: string): void {
  if (!host.isAdministrator(name)) return;
  const folded = foldUserName(name);
  for (const other of host.userNames())
    if (foldUserName(other) !== folded && host.isAdministrator(other)) return;
  throw new Refusal(
    "refused",
    `'${name}' is the last user whom 'web admin users' names: nobody could administrate then`,
  );
}

type Change =
  | Pick<PasswordChange & { readonly kind: "set" }, "kind" | "hash" | "expected">
  | Pick<PasswordChange & { readonly kind: "delete" }, "kind">;

async function change(host: UserHost, user: string, what: Change, done: string): Promise<void> {
  const { passwordFile: file } = host.files;
  if (file === null) throw new ControlError("the server runs without a password file", "refused");
  if (what.kind === "delete" || what.expected === "present") refuseUserOfConfiguration(host, user);
  await toldAfterReload(host, () => changePasswordFile({ ...what, file, user }));
  host.note(`user '${showName(user)}' ${done}`);
  await host.reload();
}

function refuseUserOfConfiguration(host: UserHost, user: string): void {
  if (findSpelling(host.configuration().users, user) !== undefined)
    throw new ControlError(`'${user}' is a section of the configuration: change it there`, "refused");
}
