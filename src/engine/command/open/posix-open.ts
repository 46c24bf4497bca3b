// The rules that an open follows: Windows' or those of the SMB3 POSIX extensions.
import type { NtStatus } from "../../../wire/status.ts";
import type { Open } from "../../state/open.ts";
import { type ParsedPath, parsePath, parsePosixPath } from "../../vfs/name/client-path.ts";
import type { FileStore } from "../../vfs/store.ts";

/** The store by whose rules an open goes. */
export function storeOf(open: Open): FileStore | undefined {
  const { store } = open.tree;
  return open.isPosix ? (store?.posixView?.() ?? store) : store;
}

/** A path in a request on `open`: a new name, by the rules that the open goes by. */
export function parsePathFor(open: Open, name: string): ParsedPath | NtStatus {
  return open.isPosix ? parsePosixPath(name) : parsePath(name);
}
