// FSCTL_SRV_ENUMERATE_SNAPSHOTS: the list of previous versions ([MS-SMB2] 2.2.32.2, 3.3.5.15.1).
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { Writer } from "../../../wire/cursor.ts";
import { encodeSnapshotArray, snapshotArraySize } from "../../../wire/fscc/snapshot.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { tokenOf } from "../../vfs/snapshot/names.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";

/** NumberOfSnapShots, NumberOfSnapShotsReturned and SnapShotArraySize of SRV_SNAPSHOT_ARRAY. */
const FIXED_BYTES = 12;
/** A smaller MaxOutputResponse is refused. */
const MIN_OUTPUT_BYTES = 16;

/** Returns all @GMT tokens, or only their number and size if they do not fit. */
export function enumerateSnapshots(
  exchange: Exchange,
  { tree }: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  if (request.maxOutputResponse < MIN_OUTPUT_BYTES) return Status.INVALID_PARAMETER;
  return andThen(tree.store?.snapshots?.().times() ?? -Errno.EOPNOTSUPP, (times) => {
    // A user who may not list the snapshot directory sees none.
    const visible = times === -Errno.EACCES ? [] : times;
    if (typeof visible === "number")
      return visible === -Errno.EOPNOTSUPP ? Status.NOT_SUPPORTED : statusOf(visible);
    const arraySize = snapshotArraySize(visible.length);
    // 3.3.5.15.1: the array holds all tokens or none.
    const fits = visible.length > 0 && FIXED_BYTES + arraySize <= request.maxOutputResponse;
    const tokens = fits ? visible.map(tokenOf) : [];
    const writer = new Writer(new Uint8Array(fits ? FIXED_BYTES + arraySize : MIN_OUTPUT_BYTES));
    encodeSnapshotArray(writer, { available: visible.length, arraySize, tokens });
    answerIoctl(exchange, request, writer.bytes.subarray(0, writer.position));
    return Status.SUCCESS;
  });
}
