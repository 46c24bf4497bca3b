// File operations of a logged-on raw client: open, read, write, list, query, change, close; [MS-SMB2] 3.2.4.
// A `…Call` function only makes the request, for tests that change it before they send it.
import { Access } from "../../../src/wire/security/access.ts";
import { decodeCloseResponse, encodeCloseRequest } from "../../../src/wire/command/close.ts";
import {
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  type CreateResponse,
  decodeCreateResponse,
  encodeCreateRequest,
  ImpersonationLevel,
  OplockLevel,
  ShareAccess,
} from "../../../src/wire/command/create.ts";
import { EMPTY, Writer } from "../../../src/wire/cursor.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../../src/wire/file-id.ts";
import { decodeDirectoryEntries, type DirectoryRecord } from "../../../src/wire/fscc/directory-entry.ts";
import { encodeDispositionInformation } from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { encodeRenameInformation } from "../../../src/wire/fscc/rename.ts";
import { Command } from "../../../src/wire/header.ts";
import { encodeIoctlRequest, IoctlFlag } from "../../../src/wire/command/ioctl.ts";
import {
  decodeQueryDirectoryResponse,
  encodeQueryDirectoryRequest,
} from "../../../src/wire/command/query-directory.ts";
import { encodeQueryInfoRequest, InfoType } from "../../../src/wire/command/query-info.ts";
import { decodeReadResponse, encodeReadRequest } from "../../../src/wire/command/read.ts";
import { encodeSetInfoRequest } from "../../../src/wire/command/set-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { decodeWriteResponse, encodeWriteRequest } from "../../../src/wire/command/write.ts";
import type { FrameSocket, Place, RawSocket } from "./raw-socket.ts";
import type { Call, LogOnOptions, NegotiateOptions } from "./raw-calls.ts";
import { RawClient, StatusError } from "./raw-client.ts";
import type { RawSession } from "./raw-session.ts";

/** A client that is logged on and connected to a share. */
export interface Mount<S extends FrameSocket = FrameSocket> {
  readonly client: RawClient<S>;
  readonly session: RawSession;
  readonly treeId: number;
}

export type Protection = "plain" | "signed" | "sealed";

/** Connects, negotiates, logs on and connects to a share. Throws StatusError. */
export async function mountShare(
  place: Place,
  logOn: LogOnOptions,
  share: string,
  options: NegotiateOptions & { readonly protection?: Protection } = {},
): Promise<Mount<RawSocket>> {
  const client = await RawClient.connect(place);
  try {
    await client.negotiate(options);
    const session = await client.logOn(logOn);
    const protection = options.protection ?? "signed";
    session.seals = protection === "sealed";
    const treeId = await client.connectTree(session, share);
    // Signing stops only here: 3.1.1 requires a signed TREE_CONNECT even when no other request is signed.
    if (protection === "plain") session.signs = false;
    return { client, session, treeId };
  } catch (error) {
    client.close();
    throw error;
  }
}

const PAYLOAD_UNIT = 65_536;

/** CreditCharge for a payload of `bytes`; 0 in dialect 2.0.2. 3.1.5.2. */
export function chargeFor(mount: Mount, bytes: number): number {
  if (mount.client.algorithms.dialect <= 0x0202) return 0;
  return Math.max(1, Math.ceil(bytes / PAYLOAD_UNIT));
}

/** A request of any command in the mount's session and tree. */
export function callOn(mount: Mount, command: number, body: (writer: Writer) => void): Call {
  return { command, session: mount.session, treeId: mount.treeId, body };
}

export function createCall(mount: Mount, name: string, options: Partial<CreateRequest> = {}): Call {
  return callOn(mount, Command.CREATE, (writer) =>
    encodeCreateRequest(writer, {
      oplockLevel: OplockLevel.NONE,
      impersonationLevel: ImpersonationLevel.IMPERSONATION,
      desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES,
      fileAttributes: 0,
      shareAccess: ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE,
      createDisposition: CreateDisposition.OPEN,
      createOptions: 0,
      name,
      contexts: {},
      ...options,
    }),
  );
}

export const READ_WRITE: number =
  Access.READ_DATA |
  Access.WRITE_DATA |
  Access.APPEND_DATA |
  Access.READ_ATTRIBUTES |
  Access.WRITE_ATTRIBUTES |
  Access.DELETE;

/** Opens with CREATE. Throws StatusError. */
export async function openFile(
  mount: Mount,
  name: string,
  options: Partial<CreateRequest> = {},
): Promise<CreateResponse> {
  const reply = await mount.client.demand(`CREATE ${name}`, createCall(mount, name, options));
  return decodeCreateResponse(reply.message);
}

/** Creates or truncates a file and opens it for reading, writing and deleting. Throws StatusError. */
export async function createFile(mount: Mount, name: string): Promise<FileId> {
  const created = await openFile(mount, name, {
    desiredAccess: READ_WRITE,
    createDisposition: CreateDisposition.OVERWRITE_IF,
    createOptions: CreateOption.NON_DIRECTORY_FILE,
  });
  return created.fileId;
}

export async function createDirectory(mount: Mount, name: string): Promise<FileId> {
  const created = await openFile(mount, name, {
    desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES | Access.DELETE,
    createDisposition: CreateDisposition.OPEN_IF,
    createOptions: CreateOption.DIRECTORY_FILE,
  });
  return created.fileId;
}

export function closeCall(mount: Mount, fileId: FileId, flags = 0): Call {
  return callOn(mount, Command.CLOSE, (writer) => encodeCloseRequest(writer, { flags, fileId }));
}

export async function closeFile(mount: Mount, fileId: FileId): Promise<void> {
  const reply = await mount.client.demand("CLOSE", closeCall(mount, fileId));
  decodeCloseResponse(reply.message);
}

export function readCall(mount: Mount, fileId: FileId, offset: number, length: number): Call {
  return {
    ...callOn(mount, Command.READ, (writer) =>
      encodeReadRequest(writer, {
        padding: 0x50,
        flags: 0,
        length,
        offset,
        fileId,
        minimumCount: 0,
        channel: 0,
        remainingBytes: 0,
        channelInfo: EMPTY,
      }),
    ),
    creditCharge: chargeFor(mount, length),
  };
}

/** Reads; returns an empty array at the end of the file. Throws StatusError. */
export async function readFile(
  mount: Mount,
  fileId: FileId,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  await mount.client.awaitCredits(chargeFor(mount, length));
  const reply = await mount.client.request(readCall(mount, fileId, offset, length));
  if (reply.status === Status.END_OF_FILE) return EMPTY;
  if (reply.status !== Status.SUCCESS) throw new StatusError("READ", reply.status);
  return decodeReadResponse(reply.message).data;
}

export function writeCall(mount: Mount, fileId: FileId, offset: number, data: Uint8Array): Call {
  return {
    ...callOn(mount, Command.WRITE, (writer) =>
      encodeWriteRequest(writer, {
        data,
        offset,
        fileId,
        channel: 0,
        remainingBytes: 0,
        channelInfo: EMPTY,
        flags: 0,
      }),
    ),
    creditCharge: chargeFor(mount, data.length),
    room: data.length + 256,
  };
}

/** Writes and returns the Count of the WRITE response. Throws StatusError. */
export async function writeFile(
  mount: Mount,
  fileId: FileId,
  offset: number,
  data: Uint8Array,
): Promise<number> {
  await mount.client.awaitCredits(chargeFor(mount, data.length));
  const reply = await mount.client.demand("WRITE", writeCall(mount, fileId, offset, data));
  return decodeWriteResponse(reply.message).count;
}

export interface ListOptions {
  readonly infoClass?: number;
  readonly flags?: number;
  readonly pattern?: string;
  readonly outputBufferLength?: number;
}

export function queryDirectoryCall(mount: Mount, fileId: FileId, options: ListOptions = {}): Call {
  const outputBufferLength = options.outputBufferLength ?? PAYLOAD_UNIT;
  return {
    ...callOn(mount, Command.QUERY_DIRECTORY, (writer) =>
      encodeQueryDirectoryRequest(writer, {
        infoClass: options.infoClass ?? FileInfoClass.ID_BOTH_DIRECTORY,
        flags: options.flags ?? 0,
        fileIndex: 0,
        fileId,
        pattern: options.pattern ?? "*",
        outputBufferLength,
      }),
    ),
    creditCharge: chargeFor(mount, Math.min(outputBufferLength, 8 * 1024 * 1024)),
  };
}

/** Lists an open directory to its end. Throws StatusError. */
export async function listDirectory(
  mount: Mount,
  fileId: FileId,
  options: ListOptions = {},
): Promise<DirectoryRecord[]> {
  const records: DirectoryRecord[] = [];
  for (;;) {
    const reply = await mount.client.request(queryDirectoryCall(mount, fileId, options));
    if (reply.status === Status.NO_MORE_FILES) return records;
    if (reply.status !== Status.SUCCESS) throw new StatusError("QUERY_DIRECTORY", reply.status);
    const { buffer } = decodeQueryDirectoryResponse(reply.message);
    records.push(...decodeDirectoryEntries(options.infoClass ?? FileInfoClass.ID_BOTH_DIRECTORY, buffer));
  }
}

/** The names in a directory without `.` and `..`, sorted. Throws StatusError. */
export async function listNames(
  mount: Mount,
  name: string,
  options: Partial<CreateRequest> = {},
): Promise<string[]> {
  const { fileId } = await openFile(mount, name, options);
  const records = await listDirectory(mount, fileId);
  await closeFile(mount, fileId);
  return records
    .map((record) => record.name)
    .filter((each) => each !== "." && each !== "..")
    .sort();
}

export function queryInfoCall(
  mount: Mount,
  fileId: FileId,
  infoType: number,
  infoClass: number,
  outputBufferLength = PAYLOAD_UNIT,
): Call {
  return callOn(mount, Command.QUERY_INFO, (writer) =>
    encodeQueryInfoRequest(writer, {
      infoType,
      infoClass,
      outputBufferLength,
      additionalInformation: 0,
      flags: 0,
      fileId,
      inputBuffer: EMPTY,
    }),
  );
}

export function setInfoCall(mount: Mount, fileId: FileId, infoClass: number, buffer: Uint8Array): Call {
  return callOn(mount, Command.SET_INFO, (writer) =>
    encodeSetInfoRequest(writer, {
      infoType: InfoType.FILE,
      infoClass,
      additionalInformation: 0,
      fileId,
      buffer,
    }),
  );
}

function encoded(encode: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(new Uint8Array(70_000));
  encode(writer);
  return writer.bytes.slice(0, writer.position);
}

export function renameCall(mount: Mount, fileId: FileId, name: string, replaceIfExists: boolean): Call {
  const flags = replaceIfExists ? 1 : 0;
  const buffer = encoded((writer) => encodeRenameInformation(writer, { flags, name }));
  return setInfoCall(mount, fileId, FileInfoClass.RENAME, buffer);
}

export function linkCall(mount: Mount, fileId: FileId, name: string, replaceIfExists: boolean): Call {
  const flags = replaceIfExists ? 1 : 0;
  const buffer = encoded((writer) => encodeRenameInformation(writer, { flags, name }));
  return setInfoCall(mount, fileId, FileInfoClass.LINK, buffer);
}

export function deleteCall(mount: Mount, fileId: FileId): Call {
  const buffer = encoded((writer) => encodeDispositionInformation(writer, true));
  return setInfoCall(mount, fileId, FileInfoClass.DISPOSITION, buffer);
}

/** Opens, renames and closes. Throws StatusError. */
export async function renameFile(mount: Mount, from: string, to: string, replaces = false): Promise<void> {
  const { fileId } = await openFile(mount, from, { desiredAccess: READ_WRITE });
  await mount.client.demand("rename", renameCall(mount, fileId, to, replaces));
  await closeFile(mount, fileId);
}

/** Opens, deletes and closes. Throws StatusError. */
export async function removeFile(mount: Mount, name: string): Promise<void> {
  const { fileId } = await openFile(mount, name, { desiredAccess: READ_WRITE });
  await mount.client.demand("delete", deleteCall(mount, fileId));
  await closeFile(mount, fileId);
}

export function ioctlCall(
  mount: Mount,
  ctlCode: number,
  input: Uint8Array,
  fileId: FileId = FILE_ID_ALL_ONES,
  maxOutputResponse = PAYLOAD_UNIT,
): Call {
  return callOn(mount, Command.IOCTL, (writer) =>
    encodeIoctlRequest(writer, {
      ctlCode,
      fileId,
      input,
      maxInputResponse: 0,
      maxOutputResponse,
      flags: IoctlFlag.IS_FSCTL,
    }),
  );
}
