// A share as clients with the SMB3 POSIX extensions see it: unmapped, case-sensitive names, and symlinks that
// are not followed. "SMB3 POSIX Extensions" 3.3.5.9.
import type { ShareGrant } from "../../../port/port.ts";

/** The share's settings for such a store; plain data, so that it can be posted to a volume's worker. */
export interface PosixGrant extends ShareGrant {
  readonly isPosixView: true;
}

/** `followSymlinks`: of the recycle bin, whose paths the server chooses. */
export function posixView(grant: ShareGrant, followSymlinks = false): PosixGrant {
  return { ...grant, isPosixView: true, caseSensitive: true, followSymlinks };
}

export function isPosixView(grant: ShareGrant): grant is PosixGrant {
  return "isPosixView" in grant;
}
