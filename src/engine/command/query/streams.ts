// FileStreamInformation: default data stream, then named streams ([MS-FSA] 2.1.5.12.31, [MS-FSCC] 2.4).
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise } from "../../../port/port.ts";
import { beginBufferResponse, finishBufferResponse } from "../../../wire/command/buffer-response.ts";
import { FileInfoClass, queryFileSize } from "../../../wire/fscc/info-class.ts";
import { appendStream, type StreamInformation, streamRoom } from "../../../wire/fscc/stream.ts";
import type { QueryInfoRequest } from "../../../wire/command/query-info.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import { FileKind, type FileNode, type FileStat } from "../../vfs/store.ts";
import { Appearance, appearanceOf } from "../../vfs/stream/appearance.ts";
import { allocatedFor } from "../../vfs/stream/stream-handle.ts";
import { listStreams } from "../../vfs/stream/stored-stream.ts";
import { type SizedStream, sizeStreams } from "../../vfs/stream/stream-content.ts";
import { statusOf } from "../errno-status.ts";

/** Fixed part of an entry with padding; also enough for the fixed part of the response. */
const MAX_ENTRY_BYTES = 32;

export function queryStreams(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  request: QueryInfoRequest,
): MaybePromise<NtStatus> {
  if (request.outputBufferLength < (queryFileSize(FileInfoClass.STREAM) ?? 0))
    return Status.INFO_LENGTH_MISMATCH;
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return statusOf(stat);
    const defaultStream = defaultStreamOf(stat, open);
    if (!open.tree.grant.streams) return answer(exchange, request, defaultStream);
    return andThen(listStreams(node.values), (streams) => {
      if (streams === -Errno.EOPNOTSUPP) return answer(exchange, request, defaultStream);
      if (typeof streams === "number") return statusOf(streams);
      if (streams.length === 0) return answer(exchange, request, defaultStream);
      return andThen(sizeStreams(node.values, streams, open.tree.grant.streamForm), (sized) =>
        typeof sized === "number"
          ? statusOf(sized)
          : answer(exchange, request, [
              ...defaultStream,
              ...sized.filter((stream) => isListed(stream, open.session.isApple)).map(informationOf),
            ]),
      );
    });
  });
}

/** Empty for a directory, which has no default data stream. */
function defaultStreamOf(stat: FileStat, open: Open): StreamInformation[] {
  if (stat.kind === FileKind.DIRECTORY) return [];
  const file = open.file?.base ?? open.file;
  const allocated = Math.max(stat.allocated, file?.reservedBytes ?? 0);
  return [{ name: "::$DATA", size: stat.size, allocated }];
}

function isListed({ name, size }: SizedStream, isApple: boolean): boolean {
  return appearanceOf(name, size, isApple) !== Appearance.ABSENT;
}

function informationOf({ name, size }: SizedStream): StreamInformation {
  return { name: `:${name}:$DATA`, size, allocated: allocatedFor(size) };
}

/** Writes as many complete entries as fit; STATUS_BUFFER_OVERFLOW if there are more. */
function answer(
  exchange: Exchange,
  request: QueryInfoRequest,
  streams: readonly StreamInformation[],
): NtStatus {
  let room = MAX_ENTRY_BYTES;
  for (const { name } of streams) room += MAX_ENTRY_BYTES + name.length * 2;
  const writer = exchange.reserve(Math.min(room, MAX_ENTRY_BYTES + request.outputBufferLength));
  const mark = beginBufferResponse(writer);
  const end = mark + request.outputBufferLength;
  let previous = -1;
  let isCut = false;
  for (const stream of streams) {
    isCut = writer.position + streamRoom(writer, stream) > end;
    if (isCut) break;
    previous = appendStream(writer, stream, previous);
  }
  finishBufferResponse(writer, mark);
  return isCut ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}
