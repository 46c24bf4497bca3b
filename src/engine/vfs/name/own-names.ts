// Names of the server's own objects on disk, hidden from every client: sidecar directories and temporary
// names.
import { randomBytes } from "node:crypto";

/**
 * The sidecar: a hidden directory in a folder that stores the named values of the folder and of its files.
 * The values move with the folder, whichever program renames, moves or copies it.
 */
export const SIDECAR_DIRECTORY = ".minismbd";

/** True for the sidecar's name, on disk or from a client, in any case: FAT looks up names without case. */
export function isSidecarName(name: string): boolean {
  return name.length === SIDECAR_DIRECTORY.length && name.toLowerCase() === SIDECAR_DIRECTORY;
}

const TEMPORARY = /^\.minismbd-[0-9a-f]{16}$/;

/** Returns a random name that `isTemporaryName` recognizes. */
export function temporaryName(): string {
  return `.minismbd-${randomBytes(8).toString("hex")}`;
}

/** True for the name that an object has for a moment during a rename or link. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}
