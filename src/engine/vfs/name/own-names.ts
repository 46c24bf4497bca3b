// Names that the server itself makes on a disk, hidden from every client: sidecar directories and temporary names.
import { randomBytes } from "node:crypto";

/**
 * The sidecar: a hidden directory in a folder, with the values of the folder and of its files. A folder brings its files' values along when it is renamed, moved or copied, by
 * whatever program.
 */
export const SIDECAR_DIRECTORY = ".minismbd";

/** Whether a name on disk, or as a client asks for it, is that of the sidecar. FAT looks up without case. */
export function isSidecarName(name: string): boolean {
  return name.length === SIDECAR_DIRECTORY.length && name.toLowerCase() === SIDECAR_DIRECTORY;
}

const TEMPORARY = /^\.minismbd-[0-9a-f]{16}$/;

/** A name in the form that `isTemporaryName` knows. */
export function temporaryName(): string {
  return `.minismbd-${randomBytes(8).toString("hex")}`;
}

/** Whether a name on disk is one that an object has for a moment while it is moved or linked. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}
