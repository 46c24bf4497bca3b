// The create contexts of CREATE requests and responses, as tables of tags and codecs.
// [MS-SMB2] 2.2.13.2 (requests), 2.2.14.2 (responses).
import { type AppleRequest, appleRequest, type AppleResponse, appleResponse } from "./apple-context.ts";
import {
  type ContextCodec,
  type ContextTable,
  decodeContextList,
  encodeContextList,
  type RawContext,
} from "./create-context-list.ts";
import { EMPTY, type Reader, type Writer, wireError } from "../cursor.ts";
import { type FileId, takeFileId, writeFileId } from "../file-id.ts";
import { readTime, type Time, writeFiletime } from "../filetime.ts";
import { POSIX_EXTENSIONS_ID, type PosixFacts, readPosixFacts, writePosixFacts } from "../posix.ts";

export const LeaseState = { NONE: 0, READ: 0x1, HANDLE: 0x2, WRITE: 0x4 } as const;
export const LeaseFlag = { BREAK_IN_PROGRESS: 0x2, PARENT_LEASE_KEY_SET: 0x4 } as const;

/** RqLs of requests and responses, versions 1 and 2; [MS-SMB2] 2.2.13.2.8 and .10, 2.2.14.2.10 and .11. */
export interface LeaseContext {
  readonly version: 1 | 2;
  readonly key: Uint8Array;
  readonly state: number;
  readonly flags: number;
  /** 16 bytes in version 2; empty in version 1. */
  readonly parentKey: Uint8Array;
  /** 0 in version 1. */
  readonly epoch: number;
}

/** DH2Q of a request; [MS-SMB2] 2.2.13.2.11. */
export interface DurableRequestV2 {
  readonly timeoutMs: number;
  readonly flags: number;
  readonly createGuid: Uint8Array;
}

/** DH2C; [MS-SMB2] 2.2.13.2.12. */
export interface DurableReconnectV2 {
  readonly fileId: FileId;
  readonly createGuid: Uint8Array;
  readonly flags: number;
}

/** The contexts of a request; one that was not sent is a missing property. Of duplicates the first counts. */
export interface CreateRequestContexts {
  /** ExtA: a FILE_FULL_EA_INFORMATION list, not decoded here because its errors have their own statuses. */
  extendedAttributes?: Uint8Array;
  /** SecD: a self-relative security descriptor, not decoded. */
  securityDescriptor?: Uint8Array;
  /** DHnQ. */
  durableRequest?: true;
  /** DHnC. */
  durableReconnect?: FileId;
  /** AlSi, in bytes. */
  allocationSize?: number;
  /**
   * MxAc: with a `timestamp` a result is needed only if the file's LastWriteTime differs; undefined: always.
   */
  maximalAccess?: { readonly timestamp: Time | undefined };
  /** TWrp: the snapshot's time. */
  timewarp?: Time;
  /** QFid. */
  queryOnDiskId?: true;
  /** RqLs. */
  lease?: LeaseContext;
  /** DH2Q. */
  durableRequestV2?: DurableRequestV2;
  /** DH2C. */
  durableReconnectV2?: DurableReconnectV2;
  /** SMB2_CREATE_APP_INSTANCE_ID, 16 bytes. */
  appInstanceId?: Uint8Array;
  appInstanceVersion?: { readonly high: bigint; readonly low: bigint };
  /** AAPL. */
  apple?: AppleRequest;
  /** POSIX extensions: the permission bits of a new object. */
  posix?: { readonly mode: number };
  unknown?: readonly RawContext[];
}

export interface CreateResponseContexts {
  /** DHnQ. */
  durable?: true;
  /** MxAc. */
  maximalAccess?: { readonly queryStatus: number; readonly maximalAccess: number };
  /** QFid: the server's file ID and volume ID, 64 bits each. */
  onDiskId?: {
    readonly fileIdLow: number;
    readonly fileIdHigh: number;
    readonly volumeIdLow: number;
    readonly volumeIdHigh: number;
  };
  lease?: LeaseContext;
  /** DH2Q. */
  durableV2?: { readonly timeoutMs: number; readonly flags: number };
  apple?: AppleResponse;
  posix?: PosixFacts;
  unknown?: readonly RawContext[];
}

export const APP_INSTANCE_ID_TAG = tagOf("45bca66aefa7f74a9008fa462e144d74");
export const APP_INSTANCE_VERSION_TAG = tagOf("b982d0b73b56074fa07b524a8116a010");
const POSIX_TAG = String.fromCharCode(...POSIX_EXTENSIONS_ID);
/** SVHDX_OPEN_DEVICE_CONTEXT ([MS-RSVD], shared virtual disks), which has no codec and stays in `unknown`. */
export const SVHDX_TAG = tagOf("9ccbcf9e04c1e643980e158da1f6ec83");

const bytes: ContextCodec<Uint8Array> = {
  decode: (reader) => reader.range(reader.remaining),
  encode: (writer, value) => writer.raw(value),
};

const nothing: ContextCodec<true> = {
  decode: () => true,
  encode: () => undefined,
};

const fileId: ContextCodec<FileId> = { decode: takeFileId, encode: writeFileId };

const lease: ContextCodec<LeaseContext> = {
  decode(reader) {
    const version = exactly(reader, 32, 52) === 32 ? 1 : 2;
    const key = reader.range(16);
    const state = reader.u32();
    const flags = reader.u32();
    reader.skip(8);
    if (version === 1) return { version, key, state, flags, parentKey: EMPTY, epoch: 0 };
    return { version, key, state, flags, parentKey: reader.range(16), epoch: reader.u16() };
  },
  encode(writer, value) {
    writer.raw(value.key);
    writer.u32(value.state);
    writer.u32(value.flags);
    writer.zero(8);
    if (value.version === 1) return;
    writer.raw(value.parentKey);
    writer.u16(value.epoch);
    writer.u16(0);
  },
};

const requests: ContextTable<CreateRequestContexts> = {
  extendedAttributes: { tag: "ExtA", ...bytes },
  securityDescriptor: { tag: "SecD", ...bytes },
  durableRequest: {
    tag: "DHnQ",
    decode: nothing.decode,
    encode: (writer) => writer.zero(16),
  },
  durableReconnect: { tag: "DHnC", ...fileId },
  allocationSize: {
    tag: "AlSi",
    decode: (reader) => reader.u64(),
    encode: (writer, value) => writer.u64(value),
  },
  maximalAccess: {
    tag: "MxAc",
    decode: (reader) => ({ timestamp: exactly(reader, 0, 8) === 0 ? undefined : readTime(reader) }),
    encode(writer, { timestamp }) {
      if (timestamp !== undefined) writeFiletime(writer, timestamp.seconds, timestamp.nanoseconds);
    },
  },
  timewarp: {
    tag: "TWrp",
    decode: readTime,
    encode: (writer, value) => writeFiletime(writer, value.seconds, value.nanoseconds),
  },
  queryOnDiskId: { tag: "QFid", ...nothing },
  lease: { tag: "RqLs", ...lease },
  durableRequestV2: {
    tag: "DH2Q",
    decode(reader) {
      const timeoutMs = reader.u32();
      const flags = reader.u32();
      reader.skip(8);
      return { timeoutMs, flags, createGuid: reader.range(16) };
    },
    encode(writer, value) {
      writer.u32(value.timeoutMs);
      writer.u32(value.flags);
      writer.zero(8);
      writer.raw(value.createGuid);
    },
  },
  durableReconnectV2: {
    tag: "DH2C",
    decode: (reader) => ({
      fileId: takeFileId(reader),
      createGuid: reader.range(16),
      flags: reader.u32(),
    }),
    encode(writer, value) {
      writeFileId(writer, value.fileId);
      writer.raw(value.createGuid);
      writer.u32(value.flags);
    },
  },
  appInstanceId: {
    tag: APP_INSTANCE_ID_TAG,
    decode(reader) {
      if (reader.u16() !== 20) throw wireError("wrong StructureSize of an application instance id");
      reader.skip(2);
      return reader.range(16);
    },
    encode(writer, value) {
      writer.u16(20);
      writer.u16(0);
      writer.raw(value);
    },
  },
  appInstanceVersion: {
    tag: APP_INSTANCE_VERSION_TAG,
    decode(reader) {
      if (reader.u16() !== 24) throw wireError("wrong StructureSize of an application instance version");
      reader.skip(6);
      return { high: reader.big64(), low: reader.big64() };
    },
    encode(writer, value) {
      writer.u16(24);
      writer.zero(6);
      writer.big64(value.high);
      writer.big64(value.low);
    },
  },
  apple: { tag: "AAPL", ...appleRequest },
  posix: {
    tag: POSIX_TAG,
    decode: (reader) => ({ mode: reader.u32() }),
    encode: (writer, value) => writer.u32(value.mode),
  },
};

const responses: ContextTable<CreateResponseContexts> = {
  durable: { tag: "DHnQ", decode: nothing.decode, encode: (writer) => writer.zero(8) },
  maximalAccess: {
    tag: "MxAc",
    decode: (reader) => ({ queryStatus: reader.u32(), maximalAccess: reader.u32() }),
    encode(writer, value) {
      writer.u32(value.queryStatus);
      writer.u32(value.maximalAccess);
    },
  },
  onDiskId: {
    tag: "QFid",
    decode: (reader) => ({
      fileIdLow: reader.u32(),
      fileIdHigh: reader.u32(),
      volumeIdLow: reader.u32(),
      volumeIdHigh: reader.u32(),
    }),
    encode(writer, value) {
      writer.pair(value.fileIdLow, value.fileIdHigh);
      writer.pair(value.volumeIdLow, value.volumeIdHigh);
      writer.zero(16);
    },
  },
  lease: { tag: "RqLs", ...lease },
  durableV2: {
    tag: "DH2Q",
    decode: (reader) => ({ timeoutMs: reader.u32(), flags: reader.u32() }),
    encode(writer, value) {
      writer.u32(value.timeoutMs);
      writer.u32(value.flags);
    },
  },
  apple: { tag: "AAPL", ...appleResponse },
  posix: { tag: POSIX_TAG, decode: readPosixFacts, encode: writePosixFacts },
};

/** Throws WireError for a malformed list or context. */
export function decodeCreateRequestContexts(data: Uint8Array): CreateRequestContexts {
  return decodeContextList<CreateRequestContexts>(requests, data);
}
export function decodeCreateResponseContexts(data: Uint8Array): CreateResponseContexts {
  return decodeContextList<CreateResponseContexts>(responses, data);
}
/**
 * Writes the contexts in property order. The writer's position must be a multiple of 8 from the SMB2 header.
 */
export function encodeCreateRequestContexts(writer: Writer, contexts: CreateRequestContexts): void {
  encodeContextList(writer, requests, contexts);
}
export function encodeCreateResponseContexts(writer: Writer, contexts: CreateResponseContexts): void {
  encodeContextList(writer, responses, contexts);
}

function exactly(reader: Reader, first: number, second: number): number {
  const length = reader.remaining;
  if (length !== first && length !== second) throw wireError("create context of wrong length");
  return length;
}

function tagOf(hex: string): string {
  return hex.replace(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16)));
}
