// What a directory is that somebody wants to share. Waits for the disk: for workers.
import { isAbsolute } from "node:path";
import { currentMounts, mountOf } from "../../linux/mountinfo.ts";
import { describeFault, walkDirectory } from "../directory-walk.ts";
import { SystemAccountFiles } from "../users/system-accounts.ts";
import type { ServerFiles } from "./read-configuration.ts";
import { type ShareableRules, whyNotShared } from "./shareable.ts";

export interface PathCheck {
  readonly exists: boolean;
  readonly isDirectory: boolean;
  /** Empty where there is nothing. */
  readonly fileSystem: string;
  readonly mountPoint: string;
  /** The user's name, or the number of one without a name. */
  readonly ownerName: string;
  /** Why it cannot be shared; empty: it can. */
  readonly message: string;
}

const NOTHING: PathCheck = {
  exists: false,
  isDirectory: false,
  fileSystem: "",
  mountPoint: "",
  ownerName: "",
  message: "",
};

export function checkPath(path: string, rules: ShareableRules, files: ServerFiles): PathCheck {
  if (!isAbsolute(path) || path.includes("\0"))
    return { ...NOTHING, message: "the path is not absolute: write /DIRECTORY" };
  const found = walkDirectory(path);
  const fault = describeFault(found);
  const accounts = new SystemAccountFiles().read();
  const message = fault === undefined ? (whyNotShared(path, rules, files, accounts) ?? "") : `it ${fault}`;
  if ("code" in found) return { ...NOTHING, message };
  const mount = mountOf(currentMounts(), path);
  const owner = [...accounts.users].find(([, { uid }]) => uid === found.uid);
  return {
    exists: true,
    isDirectory: found.isDirectory,
    fileSystem: mount?.fileSystem ?? "",
    mountPoint: mount?.mountPoint ?? "",
    ownerName: owner?.[0] ?? String(found.uid),
    message,
  };
}
