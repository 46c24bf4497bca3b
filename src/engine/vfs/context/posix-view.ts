// A share as clients with the POSIX extensions see it: names as they stand on the disk, case and all, and symlinks
// that are themselves. "SMB3 POSIX Extensions" 3.3.5.9.
import type { ShareGrant } from "../../../port/port.ts";

/** The share's settings for a store of POSIX names; plain data, as volumes' workers need it. */
export interface PosixGrant extends ShareGrant {
  readonly isPosixView: true;
}

export function posixView(grant: ShareGrant): PosixGrant {
  return { ...grant, isPosixView: true, caseSensitive: true, followSymlinks: false };
}

export function isPosixView(grant: ShareGrant): grant is PosixGrant {
  return "isPosixView" in grant;
}
