// FSCTL_CREATE_OR_GET_OBJECT_ID: an id that a file keeps for its lifetime ([MS-FSCC] 2.1.3.1, 2.3;
// [MS-FSA] 2.1.5.10). As in Samba it consists of the volume's serial number and the inode number: it needs no
// storage and cannot be set. The other controls of object ids are refused, as smbd does, and the file
// system's attributes do not claim them; smb2.replay.channel-sequence and smb2.replay.replay-commands need
// this one.
import type { MaybePromise } from "../../../port/port.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { statusOf } from "../errno-status.ts";
import { answerIoctl } from "./answer.ts";

/** FILE_OBJECTID_BUFFER type 1: ObjectId, BirthVolumeId, BirthObjectId and DomainId (zero), 16 bytes each. */
const OBJECT_ID_BYTES = 64;

export function getObjectId(exchange: Exchange, open: Open, request: IoctlRequest): MaybePromise<NtStatus> {
  const { node, tree } = open;
  if (node === undefined || tree.store === undefined) return Status.NOT_SUPPORTED;
  if (request.maxOutputResponse < OBJECT_ID_BYTES) return Status.INVALID_PARAMETER;
  return andThen(tree.store.volume(node), (volume) => {
    if (typeof volume === "number") return statusOf(volume);
    const bytes = new Uint8Array(OBJECT_ID_BYTES);
    const view = new DataView(bytes.buffer);
    const { inodeLow, inodeHigh } = node.stat;
    for (const at of [0, 32]) {
      view.setUint32(at, volume.serial, true);
      view.setUint32(at + 8, inodeLow, true);
      view.setUint32(at + 12, inodeHigh, true);
    }
    view.setUint32(16, volume.serial, true);
    answerIoctl(exchange, request, bytes);
    return Status.SUCCESS;
  });
}
