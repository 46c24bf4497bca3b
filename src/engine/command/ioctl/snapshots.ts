// Previous versions: which store a CREATE looks into, what nobody may do there, and the list of what there is.
// [MS-SMB2] 2.2.13.2.7 (TWrp), 2.2.32.2, 3.3.5.9, 3.3.5.15.1.
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

/** The three numbers of SRV_SNAPSHOT_ARRAY, and the least that a client leaves room for. */
const FIXED_BYTES = 12;
const MIN_OUTPUT_BYTES = 16;

/** FSCTL_SRV_ENUMERATE_SNAPSHOTS: all tokens, or how much room they need. */
export function enumerateSnapshots(
  exchange: Exchange,
  { tree }: Open,
  request: IoctlRequest,
): MaybePromise<NtStatus> {
  if (request.maxOutputResponse < MIN_OUTPUT_BYTES) return Status.INVALID_PARAMETER;
  return andThen(tree.store?.snapshots?.().times() ?? -Errno.EOPNOTSUPP, (times) => {
    // Who may not list them is told of none.
    const visible = times === -Errno.EACCES ? [] : times;
    if (typeof visible === "number")
      return visible === -Errno.EOPNOTSUPP ? Status.NOT_SUPPORTED : statusOf(visible);
    const arraySize = snapshotArraySize(visible.length);
    // All or none are listed.
    const fits = visible.length > 0 && FIXED_BYTES + arraySize <= request.maxOutputResponse;
    const tokens = fits ? visible.map(tokenOf) : [];
    const writer = new Writer(new Uint8Array(fits ? FIXED_BYTES + arraySize : MIN_OUTPUT_BYTES));
    encodeSnapshotArray(writer, { available: visible.length, arraySize, tokens });
    answerIoctl(exchange, request, writer.bytes.subarray(0, writer.position));
    return Status.SUCCESS;
  });
}
