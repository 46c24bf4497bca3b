// SMB2 CREATE: opens or creates a file, directory or pipe.
// [MS-SMB2] 2.2.13 (request), 2.2.14 (response).
import { BODY, checkStructureSize } from "../body.ts";
import {
  type CreateRequestContexts,
  type CreateResponseContexts,
  decodeCreateRequestContexts,
  decodeCreateResponseContexts,
  encodeCreateRequestContexts,
  encodeCreateResponseContexts,
} from "../context/create-context.ts";
import { decodeUtf16, type Message, type Writer } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";
import { attributesOnWire } from "../fscc/attributes.ts";
import { type FileMetadata, readTimes, writeTimes } from "../fscc/metadata.ts";

export const OplockLevel = { NONE: 0x00, II: 0x01, EXCLUSIVE: 0x08, BATCH: 0x09, LEASE: 0xff } as const;
export type OplockLevel = (typeof OplockLevel)[keyof typeof OplockLevel];

export const ImpersonationLevel = { ANONYMOUS: 0, IDENTIFICATION: 1, IMPERSONATION: 2, DELEGATE: 3 } as const;

export const ShareAccess = { READ: 0x1, WRITE: 0x2, DELETE: 0x4 } as const;

export const CreateDisposition = {
  SUPERSEDE: 0,
  OPEN: 1,
  CREATE: 2,
  OPEN_IF: 3,
  OVERWRITE: 4,
  OVERWRITE_IF: 5,
} as const;
export type CreateDisposition = (typeof CreateDisposition)[keyof typeof CreateDisposition];

export const CreateOption = {
  DIRECTORY_FILE: 0x0000_0001,
  WRITE_THROUGH: 0x0000_0002,
  SEQUENTIAL_ONLY: 0x0000_0004,
  NO_INTERMEDIATE_BUFFERING: 0x0000_0008,
  SYNCHRONOUS_IO_ALERT: 0x0000_0010,
  SYNCHRONOUS_IO_NONALERT: 0x0000_0020,
  NON_DIRECTORY_FILE: 0x0000_0040,
  CREATE_TREE_CONNECTION: 0x0000_0080,
  COMPLETE_IF_OPLOCKED: 0x0000_0100,
  NO_EA_KNOWLEDGE: 0x0000_0200,
  OPEN_REMOTE_INSTANCE: 0x0000_0400,
  RANDOM_ACCESS: 0x0000_0800,
  DELETE_ON_CLOSE: 0x0000_1000,
  OPEN_BY_FILE_ID: 0x0000_2000,
  OPEN_FOR_BACKUP_INTENT: 0x0000_4000,
  NO_COMPRESSION: 0x0000_8000,
  OPEN_REQUIRING_OPLOCK: 0x0001_0000,
  DISALLOW_EXCLUSIVE: 0x0002_0000,
  RESERVE_OPFILTER: 0x0010_0000,
  OPEN_REPARSE_POINT: 0x0020_0000,
  OPEN_NO_RECALL: 0x0040_0000,
  OPEN_FOR_FREE_SPACE_QUERY: 0x0080_0000,
} as const;

export const CreateAction = { SUPERSEDED: 0, OPENED: 1, CREATED: 2, OVERWRITTEN: 3 } as const;
export type CreateAction = (typeof CreateAction)[keyof typeof CreateAction];

export interface CreateRequest {
  readonly oplockLevel: number;
  readonly impersonationLevel: number;
  readonly desiredAccess: number;
  readonly fileAttributes: number;
  readonly shareAccess: number;
  readonly createDisposition: number;
  readonly createOptions: number;
  /** Relative to the share's root with backslashes, exactly as the client sent it. */
  readonly name: string;
  readonly contexts: CreateRequestContexts;
}

export interface CreateResponse {
  readonly oplockLevel: number;
  readonly flags: number;
  readonly createAction: number;
  readonly file: FileMetadata;
  readonly fileId: FileId;
  readonly contexts: CreateResponseContexts;
}

const REQUEST_SIZE = 57;
const RESPONSE_SIZE = 89;
const REQUEST_BUFFER = BODY + 56;
const RESPONSE_BUFFER = BODY + 88;

export function decodeCreateRequest(message: Message): CreateRequest {
  checkStructureSize(message, REQUEST_SIZE);
  const name = message.dynamic(message.u16(BODY + 44), message.u16(BODY + 46), REQUEST_BUFFER);
  const contexts = message.dynamic(message.u32(BODY + 48), message.u32(BODY + 52), REQUEST_BUFFER);
  return {
    oplockLevel: message.u8(BODY + 3),
    impersonationLevel: message.u32(BODY + 4),
    desiredAccess: message.u32(BODY + 24),
    fileAttributes: message.u32(BODY + 28),
    shareAccess: message.u32(BODY + 32),
    createDisposition: message.u32(BODY + 36),
    createOptions: message.u32(BODY + 40),
    name: decodeUtf16(name),
    contexts: decodeCreateRequestContexts(contexts),
  };
}

export function encodeCreateRequest(writer: Writer, request: CreateRequest): void {
  const body = writer.position;
  writer.u16(REQUEST_SIZE);
  writer.u8(0);
  writer.u8(request.oplockLevel);
  writer.u32(request.impersonationLevel);
  writer.zero(16);
  writer.u32(request.desiredAccess);
  writer.u32(request.fileAttributes);
  writer.u32(request.shareAccess);
  writer.u32(request.createDisposition);
  writer.u32(request.createOptions);
  writer.u16(REQUEST_BUFFER);
  writer.u16(request.name.length * 2);
  writer.zero(8);
  writer.utf16(request.name);
  if (Object.keys(request.contexts).length > 0) {
    writer.align(8);
    const start = writer.position;
    writer.patch32(body + 48, writer.offset());
    encodeCreateRequestContexts(writer, request.contexts);
    writer.patch32(body + 52, writer.position - start);
  } else if (request.name.length === 0) {
    // [MS-SMB2] 2.2.13: the Buffer MUST be at least one byte long.
    writer.u8(0);
  }
}

export function encodeCreateResponse(writer: Writer, response: CreateResponse): void {
  const body = writer.position;
  const file = response.file;
  writer.u16(RESPONSE_SIZE);
  writer.u8(response.oplockLevel);
  writer.u8(response.flags);
  writer.u32(response.createAction);
  writeTimes(writer, file);
  writer.u64(file.allocated);
  writer.u64(file.size);
  writer.u32(attributesOnWire(file.attributes));
  writer.u32(0);
  writeFileId(writer, response.fileId);
  writer.zero(8);
  if (Object.keys(response.contexts).length > 0) {
    const start = writer.position;
    writer.patch32(body + 80, writer.offset());
    encodeCreateResponseContexts(writer, response.contexts);
    writer.patch32(body + 84, writer.position - start);
  }
}

export function decodeCreateResponse(message: Message): CreateResponse {
  checkStructureSize(message, RESPONSE_SIZE);
  const contexts = message.dynamic(message.u32(BODY + 80), message.u32(BODY + 84), RESPONSE_BUFFER);
  return {
    oplockLevel: message.u8(BODY + 2),
    flags: message.u8(BODY + 3),
    createAction: message.u32(BODY + 4),
    file: {
      ...readTimes(message.reader(BODY + 8, 32)),
      allocated: message.u64(BODY + 40),
      size: message.u64(BODY + 48),
      attributes: message.u32(BODY + 56),
    },
    fileId: readFileId(message, BODY + 64),
    contexts: decodeCreateResponseContexts(contexts),
  };
}
