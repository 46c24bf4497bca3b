// Level 100 of the POSIX extensions: what stat(2) and statvfs(3) say of a file, of the entries of a directory and of a
// volume. "POSIX Extensions to MS-FSCC" 2.3.
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

/** Everything but the SIDs, which have 16 bytes each. */
const FILE_BYTES = 80 + 32;
const VOLUME_BYTES = 56;

/** Level 100 of a file: for who opened it by POSIX's rules. */
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

/** Level 100 of a volume. */
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

/** Bytes that an entry takes in level 100, the padding before it included. */
export function posixRoom(writer: Writer, entry: DirectoryEntry): number {
  return posixEntryRoom(writer, entry.name, posixInformationOf(entry.stat));
}

/** Appends an entry in level 100; see `appendDirectoryEntry`. */
export function appendPosix(writer: Writer, entry: DirectoryEntry, previous: number): number {
  return appendPosixEntry(writer, entry.name, posixInformationOf(entry.stat), previous);
}
