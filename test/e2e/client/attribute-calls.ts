// Extended attributes, attributes and times with the raw client. [MS-FSCC] 2.4.7, 2.4.15.
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import {
  decodeExtendedAttributes,
  encodeAttributeNames,
  encodeExtendedAttributes,
  type ExtendedAttribute,
} from "../../../src/wire/fscc/extended-attribute.ts";
import {
  type AllInformation,
  type BasicChange,
  decodeAllInformation,
  encodeBasicChange,
} from "../../../src/wire/fscc/file-information.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Command } from "../../../src/wire/header.ts";
import { encodeQueryInfoRequest, InfoType } from "../../../src/wire/command/query-info.ts";
import { Status } from "../../../src/wire/status.ts";
import type { Call, Reply } from "./raw-calls.ts";
import { callOn, chargeFor, type Mount, queryInfoCall, setInfoCall } from "./raw-files.ts";

export function bytesOf(encode: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(new Uint8Array(140_000));
  encode(writer);
  return writer.bytes.slice(0, writer.position);
}

/** Encodes a FileFullEaInformation list from names and text values. */
export function attributeList(attributes: Readonly<Record<string, string>>, flags = 0): Uint8Array {
  const list = Object.entries(attributes).map(([name, text]): ExtendedAttribute => ({
    flags,
    name,
    value: new Uint8Array(Buffer.from(text)),
  }));
  return bytesOf((writer) => encodeExtendedAttributes(writer, list));
}

/** Returns `call` with room and credits for a payload of `bytes`. */
export function roomFor(mount: Mount, call: Call, bytes: number): Call {
  return { ...call, room: bytes + 512, creditCharge: chargeFor(mount, bytes) };
}

/** Sets extended attributes (an object, or an encoded list) and returns the status. */
export async function setAttributes(
  mount: Mount,
  fileId: FileId,
  attributes: Readonly<Record<string, string>> | Uint8Array,
  flags = 0,
): Promise<number> {
  const list = attributes instanceof Uint8Array ? attributes : attributeList(attributes, flags);
  const call = setInfoCall(mount, fileId, FileInfoClass.FULL_EA, list);
  return (await mount.client.request(roomFor(mount, call, list.length))).status;
}

export interface AttributeQuery {
  readonly names?: readonly string[];
  readonly input?: Uint8Array;
  readonly flags?: number;
  readonly index?: number;
  readonly room?: number;
}

export function attributesCall(mount: Mount, fileId: FileId, query: AttributeQuery = {}): Call {
  const { names } = query;
  const inputBuffer = query.input ?? bytesOf((writer) => names && encodeAttributeNames(writer, names));
  return callOn(mount, Command.QUERY_INFO, (writer) =>
    encodeQueryInfoRequest(writer, {
      infoType: InfoType.FILE,
      infoClass: FileInfoClass.FULL_EA,
      outputBufferLength: query.room ?? 65_536,
      additionalInformation: query.index ?? 0,
      flags: query.flags ?? 1,
      fileId,
      inputBuffer,
    }),
  );
}

/** Returns the extended attributes as text by name, or the status if not success or BUFFER_OVERFLOW. */
export async function readAttributes(
  mount: Mount,
  fileId: FileId,
  query: AttributeQuery = {},
): Promise<Record<string, string> | number> {
  const reply = await mount.client.request(attributesCall(mount, fileId, query));
  if (reply.status !== Status.SUCCESS && reply.status !== Status.BUFFER_OVERFLOW) return reply.status;
  return attributesOf(reply);
}

export function attributesOf(reply: Reply): Record<string, string> {
  const list = decodeExtendedAttributes(decodeBufferResponse(reply.message).buffer);
  return Object.fromEntries(list.map(({ name, value }) => [name, Buffer.from(value).toString()]));
}

/** Queries FileAllInformation. Throws StatusError. */
export async function readAll(mount: Mount, fileId: FileId): Promise<AllInformation> {
  const call = queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.ALL);
  const reply = await mount.client.demand("QUERY_INFO", call);
  return decodeAllInformation(decodeBufferResponse(reply.message).buffer);
}

/** Sets FileBasicInformation and returns the status; fields missing in `change` keep their values. */
export async function setBasic(mount: Mount, fileId: FileId, change: Partial<BasicChange>): Promise<number> {
  const all = { birth: undefined, access: undefined, modify: undefined, change: undefined, attributes: 0 };
  const buffer = bytesOf((writer) => encodeBasicChange(writer, { ...all, ...change }));
  return (await mount.client.request(setInfoCall(mount, fileId, FileInfoClass.BASIC, buffer))).status;
}
