// Named streams with the raw client. [MS-SMB2] 2.2.13, [MS-FSCC] 2.4 (FileStreamInformation).
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import {
  CreateDisposition,
  type CreateRequest,
  decodeCreateResponse,
} from "../../../src/wire/command/create.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { decodeStreams, type StreamInformation } from "../../../src/wire/fscc/stream.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import {
  closeFile,
  createCall,
  type Mount,
  openFile,
  queryInfoCall,
  READ_WRITE,
  readFile,
  writeFile,
} from "./raw-files.ts";

/** Sends a CREATE and returns the name of its status; closes what it opened. */
export async function tryCreate(
  mount: Mount,
  name: string,
  options: Partial<CreateRequest> = {},
): Promise<string> {
  const reply = await mount.client.request(createCall(mount, name, options));
  if (reply.status === Status.SUCCESS) {
    await closeFile(mount, decodeCreateResponse(reply.message).fileId);
  }
  return statusName(reply.status);
}

/** Creates or truncates a file or stream, writes `data` and closes it. Throws StatusError. */
export async function putStream(mount: Mount, name: string, data: string | Uint8Array): Promise<void> {
  const fileId = await openForWriting(mount, name, CreateDisposition.OVERWRITE_IF);
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  if (bytes.length > 0) await writeFile(mount, fileId, 0, bytes);
  await closeFile(mount, fileId);
}

export async function openForWriting(
  mount: Mount,
  name: string,
  createDisposition: CreateDisposition = CreateDisposition.OPEN_IF,
  options: Partial<CreateRequest> = {},
): Promise<FileId> {
  const opened = await openFile(mount, name, { desiredAccess: READ_WRITE, createDisposition, ...options });
  return opened.fileId;
}

export async function getBytes(mount: Mount, name: string, length = 65_536): Promise<Uint8Array> {
  const { fileId, file } = await openFile(mount, name);
  const data = file.size === 0 ? new Uint8Array() : await readFile(mount, fileId, 0, length);
  await closeFile(mount, fileId);
  return data;
}

export async function getText(mount: Mount, name: string): Promise<string> {
  return new TextDecoder().decode(await getBytes(mount, name));
}

/** FileStreamInformation as lines `name size` in the server's order; then the status if it is not success. */
export async function streamLines(mount: Mount, fileId: FileId, outputBytes?: number): Promise<string[]> {
  const { status, streams } = await queryStreamsOf(mount, fileId, outputBytes);
  const lines = streams.map(({ name, size }) => `${name} ${size}`);
  return status === Status.SUCCESS ? lines : [...lines, statusName(status)];
}

export async function queryStreamsOf(
  mount: Mount,
  fileId: FileId,
  outputBytes?: number,
): Promise<{ status: number; streams: StreamInformation[] }> {
  const call = queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.STREAM, outputBytes);
  const { status, message } = await mount.client.request(call);
  const hasList = status === Status.SUCCESS || status === Status.BUFFER_OVERFLOW;
  return { status, streams: hasList ? decodeStreams(decodeBufferResponse(message).buffer) : [] };
}

export async function listOf(mount: Mount, name: string): Promise<string[]> {
  const { fileId } = await openFile(mount, name);
  const lines = await streamLines(mount, fileId);
  await closeFile(mount, fileId);
  return lines;
}
