// FSCTL requests of the raw client: server-side copy and sparse files. [MS-SMB2] 2.2.31; [MS-FSCC] 2.3.
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import {
  type CopyChunk,
  type CopyChunkResponse,
  decodeCopyChunkResponse,
  decodeResumeKey,
  encodeCopyChunkRequest,
} from "../../../src/wire/fscc/copychunk.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { decodeFileRanges, type FileRange } from "../../../src/wire/fscc/sparse.ts";
import { decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import type { Call, Reply } from "./raw-calls.ts";
import { chargeFor, ioctlCall, type Mount } from "./raw-files.ts";

export function encode(room: number, write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(new Uint8Array(room));
  write(writer);
  return writer.bytes.slice(0, writer.position);
}

/** Two little-endian unsigned 64-bit numbers: the input of several FSCTLs. */
export function pair(first: bigint, second: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, first, true);
  view.setBigUint64(8, second, true);
  return bytes;
}

export function outputOf(reply: Reply): Uint8Array {
  return decodeIoctlResponse(reply.message).output;
}

export async function resumeKey(mount: Mount, file: FileId): Promise<Uint8Array> {
  const call = ioctlCall(mount, Fsctl.SRV_REQUEST_RESUME_KEY, new Uint8Array(0), file, 32);
  return decodeResumeKey(outputOf(await mount.client.demand("resume key", call)));
}

export function copyCall(
  mount: Mount,
  target: FileId,
  sourceKey: Uint8Array,
  chunks: readonly CopyChunk[],
  ctlCode: number = Fsctl.SRV_COPYCHUNK,
): Call {
  const room = 32 + chunks.length * 24;
  const input = encode(room, (writer) => encodeCopyChunkRequest(writer, { sourceKey, chunks }));
  return {
    ...ioctlCall(mount, ctlCode, input, target, 12),
    room: room + 64,
    creditCharge: chargeFor(mount, room),
  };
}

export function copied(reply: Reply): CopyChunkResponse {
  return decodeCopyChunkResponse(outputOf(reply));
}

export function rangesOf(reply: Reply): FileRange[] {
  return decodeFileRanges(outputOf(reply));
}
