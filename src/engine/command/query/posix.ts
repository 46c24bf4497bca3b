// Information level 100 of the SMB3 POSIX extensions: stat(2) of files and directory entries, statvfs(3) of
// volumes. "POSIX Extensions to MS-FSCC" 2.3.
import type { MaybePromise } from "../../../port/port.ts";
import type { Writer } from "../../../wire/cursor.ts";
import {
  appendPosixEntry,
  encodeFsPosixInformation,
  encodePosixInformation,
  posixEntryRoom,
} from "../../../wire/posix.ts";
import type { QueryInfoRequest } from "../../../wire/command/query-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { DirectoryEntry, FileNode, VolumeInfo } from "../../vfs/store.ts";
import { statusOf } from "../errno-status.ts";
import { posixInformationOf } from "../open/posix-facts.ts";
import { statOfOpen, countReserved } from "../open/stat.ts";
import { answerQuery } from "./answer.ts";

/** The fixed part and two SIDs of 16 bytes. */
const FILE_BYTES = 80 + 32;
const VOLUME_BYTES = 56;

/** Level 100 of a file; STATUS_INVALID_INFO_CLASS unless it was opened with the POSIX create context. */
export function queryPosixFile(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<NtStatus> {
  if (!open.isPosix) return Status.INVALID_INFO_CLASS;
  if (request.outputBufferLength < FILE_BYTES) return Status.INFO_LENGTH_MISMATCH;
  return andThen(statOfOpen(open, node), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    exchange.context.changeTimes.apply(stat);
    countReserved(open, stat);
    return answerQuery(exchange, request, (writer) => {
      const deletePending = open.file?.deletePending === true;
      const links = deletePending ? Math.max(0, stat.links - 1) : stat.links;
      encodePosixInformation(writer, { ...posixInformationOf(stat), links });
    });
  });
}

/** Level 100 of a volume; STATUS_INVALID_INFO_CLASS as above. */
export function queryPosixVolume(
  exchange: Exchange,
  open: Open,
  request: QueryInfoRequest,
  volume: VolumeInfo,
): NtStatus {
  if (!open.isPosix) return Status.INVALID_INFO_CLASS;
  if (request.outputBufferLength < VOLUME_BYTES) return Status.INFO_LENGTH_MISMATCH;
  const { blockBytes } = volume;
  return answerQuery(exchange, request, (writer) =>
    encodeFsPosixInformation(writer, {
      transferBytes: blockBytes,
      blockBytes,
      blocks: Math.floor(volume.totalBytes / blockBytes),
      freeBlocks: Math.floor(volume.freeBytes / blockBytes),
      availableBlocks: Math.floor(volume.availableBytes / blockBytes),
      files: volume.files ?? 0,
      freeFiles: volume.freeFiles ?? 0,
      fsidLow: volume.serial,
      fsidHigh: 0,
    }),
  );
}

/** Size in bytes of an entry in level 100, with the padding before it. */
export function posixRoom(writer: Writer, entry: DirectoryEntry): number {
  return posixEntryRoom(writer, entry.name, posixInformationOf(entry.stat));
}

/** Appends an entry in level 100, as `appendDirectoryEntry` does for other classes. */
export function appendPosix(writer: Writer, entry: DirectoryEntry, previous: number): number {
  return appendPosixEntry(writer, entry.name, posixInformationOf(entry.stat), previous);
}
