// Store and path syntax of an open: Windows' or those of the SMB3 POSIX extensions.
import type { NtStatus } from "../../../wire/status.ts";
import type { Open } from "../../state/open.ts";
import { type ParsedPath, parsePath, parsePosixPath } from "../../vfs/name/client-path.ts";
import type { FileStore } from "../../vfs/store.ts";

/** The store of the open's tree, as its POSIX view for a POSIX open. */
export function storeOf({ tree, isPosix }: Pick<Open, "tree" | "isPosix">): FileStore | undefined {
  const { store } = tree;
  return isPosix ? (store?.posixView?.() ?? store) : store;
}

/** Parses the new name in a request on `open`. */
export function parsePathFor(open: Open, name: string): ParsedPath | NtStatus {
  return open.isPosix ? parsePosixPath(name) : parsePath(name);
}
