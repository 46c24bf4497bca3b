// The create context AAPL, by which macOS asks for Apple's extensions of SMB; smb_2.h of Apple's published
// SMBClient sources.
import type { ContextCodec } from "./create-context-list.ts";
import type { Reader, Writer } from "../cursor.ts";

export const AppleCommand = { SERVER_QUERY: 1, RESOLVE_ID: 2 } as const;

/** What a query asks for and its answer contains. */
export const AppleBitmap = { SERVER_CAPS: 1, VOLUME_CAPS: 2, MODEL_INFO: 4 } as const;

/** Capabilities of client and server. */
export const AppleCapability = {
  READ_DIR_ATTR: 0x1,
  OSX_COPYFILE: 0x2,
  UNIX_BASED: 0x4,
  NFS_ACE: 0x8,
  READ_DIR_ATTR_V2: 0x10,
} as const;

/**
 * RESOLVE_ID, which asks for the path of a file's identifier, is not served, as by smbd: Macs are told no
 * identifiers (`fruit:zero_file_id`), and Linux has no way from an inode number to a path. A file handle for
 * open_by_handle_at(2) needs the inode's generation, too, and the kernel may know no name of what it opens.
 */
export const AppleVolumeCapability = { RESOLVE_ID: 0x1, CASE_SENSITIVE: 0x2, FULL_SYNC: 0x4 } as const;

/** The bitmaps have 64 bits, of which the high half is unused. */
export type AppleRequest =
  | { readonly command: 1; readonly requestBitmap: number; readonly clientCapabilities: number }
  | { readonly command: 2; readonly fileIdLow: number; readonly fileIdHigh: number }
  /** A command of a later macOS. */
  | { readonly command: 0 };

export interface AppleQueryResponse {
  readonly command: 1;
  /** Present if the client has asked for it. */
  readonly serverCapabilities?: number;
  readonly volumeCapabilities?: number;
  readonly model?: string;
}

/** `path`: from the root of the share, separated by backslashes; empty for the root and with a failure. */
export interface AppleResolveResponse {
  readonly command: 2;
  /** NTSTATUS. */
  readonly status: number;
  readonly path: string;
}

export type AppleResponse = AppleQueryResponse | AppleResolveResponse;

/** Largest size of an answer's data without its text. */
export const APPLE_RESPONSE_BYTES = 40;

export const appleRequest: ContextCodec<AppleRequest> = {
  decode(reader) {
    const command = reader.u32();
    reader.skip(4);
    if (command === AppleCommand.RESOLVE_ID)
      return { command, fileIdLow: reader.u32(), fileIdHigh: reader.u32() };
    if (command !== AppleCommand.SERVER_QUERY) return { command: 0 };
    return { command, requestBitmap: readBitmap(reader), clientCapabilities: readBitmap(reader) };
  },
  encode(writer, value) {
    writer.pair(value.command, 0);
    if (value.command === AppleCommand.RESOLVE_ID) writer.pair(value.fileIdLow, value.fileIdHigh);
    if (value.command !== AppleCommand.SERVER_QUERY) return;
    writer.pair(value.requestBitmap, 0);
    writer.pair(value.clientCapabilities, 0);
  },
};

export const appleResponse: ContextCodec<AppleResponse> = {
  decode(reader) {
    const command = reader.u32();
    reader.skip(4);
    if (command === AppleCommand.RESOLVE_ID)
      return { command, status: reader.u32(), path: reader.utf16(reader.u32()) };
    const bitmap = readBitmap(reader);
    const has = (bit: number) => (bitmap & bit) !== 0;
    return {
      command: AppleCommand.SERVER_QUERY,
      ...(has(AppleBitmap.SERVER_CAPS) ? { serverCapabilities: readBitmap(reader) } : {}),
      ...(has(AppleBitmap.VOLUME_CAPS) ? { volumeCapabilities: readBitmap(reader) } : {}),
      ...(has(AppleBitmap.MODEL_INFO) ? { model: readModel(reader) } : {}),
    };
  },
  encode(writer, value) {
    writer.pair(value.command, 0);
    if (value.command === AppleCommand.RESOLVE_ID) {
      writer.u32(value.status);
      writeText(writer, value.path);
      return;
    }
    const { serverCapabilities, volumeCapabilities, model } = value;
    const bitmap =
      (serverCapabilities === undefined ? 0 : AppleBitmap.SERVER_CAPS) |
      (volumeCapabilities === undefined ? 0 : AppleBitmap.VOLUME_CAPS) |
      (model === undefined ? 0 : AppleBitmap.MODEL_INFO);
    writer.pair(bitmap, 0);
    if (serverCapabilities !== undefined) writer.pair(serverCapabilities, 0);
    if (volumeCapabilities !== undefined) writer.pair(volumeCapabilities, 0);
    if (model === undefined) return;
    writer.u32(0);
    writeText(writer, model);
  },
};

function readBitmap(reader: Reader): number {
  const low = reader.u32();
  reader.skip(4);
  return low;
}

function readModel(reader: Reader): string {
  reader.skip(4);
  return reader.utf16(reader.u32());
}

function writeText(writer: Writer, text: string): void {
  writer.u32(text.length * 2);
  writer.utf16(text);
}
