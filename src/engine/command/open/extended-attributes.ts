// Extended attributes in QUERY_INFO, SET_INFO and CREATE: checks and changes; [MS-SMB2] 3.3.5.20.1,
// 3.3.5.21.1, [MS-FSA] 2.1.5.12.12, 2.1.5.15.5, 2.1.5.1.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { WireError } from "../../../wire/cursor.ts";
import { type ExtendedAttribute, NEED_EA } from "../../../wire/fscc/extended-attribute.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { FileKind, type FileNode } from "../../vfs/store.ts";
import { changeUserAttributes, isReservedAttribute, toStoredName } from "../../vfs/extended-attributes.ts";
import { statusOf } from "../errno-status.ts";

export function changeAttributes(
  tree: Tree,
  node: FileNode,
  attributes: readonly ExtendedAttribute[],
): MaybePromise<NtStatus> {
  if (node.stat.kind === FileKind.SYMLINK) return Status.EAS_NOT_SUPPORTED;
  return andThen(changeUserAttributes(node.values, attributes), (result) => {
    if (result === -Errno.EOPNOTSUPP) return Status.EAS_NOT_SUPPORTED;
    // `toStoredName` has checked the kernel's limit for names: ERANGE is the file system's limit for values.
    if (result === -Errno.E2BIG || result === -Errno.ERANGE) return Status.EA_TOO_LARGE;
    if (result === -Errno.ENOSPC && tree.store !== undefined) {
      // ext4 returns ENOSPC both for a full disk and for a value that does not fit beside the inode.
      return andThen(tree.store.volume(node), (volume) =>
        typeof volume === "number" || volume.availableBytes > 0 ? Status.EA_TOO_LARGE : Status.DISK_FULL,
      );
    }
    return result < 0 ? statusOf(result) : Status.SUCCESS;
  });
}

/** Returns SUCCESS, INVALID_EA_NAME, or ACCESS_DENIED for a name that the server reserves. */
export function checkAttributes(attributes: readonly ExtendedAttribute[]): NtStatus {
  for (const { flags, name } of attributes) {
    if (toStoredName(name) === undefined || (flags & ~NEED_EA) !== 0) return Status.INVALID_EA_NAME;
    if (isReservedAttribute(name)) return Status.ACCESS_DENIED;
  }
  return Status.SUCCESS;
}

export function decodeList<T>(data: Uint8Array, decode: (data: Uint8Array) => T[]): T[] | NtStatus {
  try {
    return decode(data);
  } catch (error) {
    if (error instanceof WireError) return Status.EA_LIST_INCONSISTENT;
    throw error;
  }
}
