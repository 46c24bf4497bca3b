// Which directories an administrator may share over the network. He acts as root in his shares, but is not
// root of the machine: a share of /etc, of a home or of the server's own files would make him that. What root
// has named in `client share directories` is free.
import { realpathSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { isBelow } from "../../linux/mountinfo.ts";
import type { Configuration } from "../config/load.ts";
import type { ServerFiles } from "./read-configuration.ts";
import { type SystemAccounts, SystemAccountFiles } from "../users/system-accounts.ts";
import { placeOf } from "../volumes/places.ts";

/** Of the reserved directories, those that have people's own files. */
const OF_PEOPLE = ["/home", "/tmp"] as const;
/** The first one that login.defs(5) gives to people. */
const FIRST_UID = 1000;
const NOBODY = 65_534;

export type ShareableRules = Pick<Configuration, "clientShareDirectories" | "files" | "volumeDirectories">;

/**
 * Why the directory of that path, after its symbolic links, may not be shared; undefined: it may. Waits for
 * the disk.
 */
export function whyNotShared(
  path: string,
  { clientShareDirectories, files, volumeDirectories }: ShareableRules,
  { passwordFile }: Pick<ServerFiles, "passwordFile">,
  accounts: SystemAccounts = new SystemAccountFiles().read(),
): string | undefined {
  const fixed = withoutVariables(path);
  if (fixed !== path && path.split("/").includes("..")) return `${path} leads up: write it without '..'`;
  const directory = followLinks(fixed);
  if (clientShareDirectories.some((named) => isBelow(directory, followLinks(named)))) return undefined;
  const ownFiles = passwordFile === null ? files : [...files, passwordFile];
  const why = faultOf(directory, volumeDirectories, ownFiles.map(followLinks), accounts);
  return why && `${directory} ${why}; root can name it in 'client share directories'`;
}

function faultOf(
  directory: string,
  volumeDirectories: readonly string[],
  ownFiles: readonly string[],
  { users }: SystemAccounts,
): string | undefined {
  if (ownFiles.some((file) => isBelow(file, directory))) return "has files of this server";
  const place = placeOf(directory, volumeDirectories);
  const isOfPeople = OF_PEOPLE.some((parent) => isBelow(directory, parent));
  if (place === "system" || (place === "reserved" && !isOfPeople)) return "belongs to the system";
  for (const { home: written, uid } of users.values()) {
    if (written === "" || (uid !== 0 && (uid < FIRST_UID || uid === NOBODY))) continue;
    const home = followLinks(written);
    if (isBelow(home, directory)) return `has the home directory ${home}`;
    const [, first = ""] = isBelow(directory, home) ? directory.slice(home.length).split("/") : [];
    if (first.startsWith(".")) return `has settings of the home directory ${home}`;
  }
  return undefined;
}

/** The directory above the first name that differs by user or client. */
function withoutVariables(path: string): string {
  const at = path.indexOf("%");
  return at < 0 ? path : path.slice(0, path.lastIndexOf("/", at) + 1);
}

/** What is missing of a path is taken as it is written. */
function followLinks(path: string): string {
  const written = normalize(path).replace(/(.)\/+$/, "$1");
  try {
    return realpathSync(written);
  } catch {
    return written === "/" || !written.startsWith("/")
      ? written
      : join(followLinks(dirname(written)), basename(written));
  }
}
