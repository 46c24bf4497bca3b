// Extended attributes, attributes and times as a raw client asks for them; [MS-FSCC] 2.4.7, 2.4.15.
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

/** The bytes that `encode` writes. */
export function bytesOf(encode: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(new Uint8Array(140_000));
  encode(writer);
  return writer.bytes.slice(0, writer.position);
}

/** A list of attributes, by name and text. */
export function attributeList(attributes: Readonly<Record<string, string>>, flags = 0): Uint8Array {
  const list = Object.entries(attributes).map(([name, text]): ExtendedAttribute => ({
    flags,
    name,
    value: new Uint8Array(Buffer.from(text)),
  }));
  return bytesOf((writer) => encodeExtendedAttributes(writer, list));
}

/** A call with that many bytes to carry. */
export function roomFor(mount: Mount, call: Call, bytes: number): Call {
  return { ...call, room: bytes + 512, creditCharge: chargeFor(mount, bytes) };
}

/** The status of SET_INFO with a list of attributes. */
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

/** Attributes by name, as text; the status where there are none to tell. */
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

/** FileAllInformation; throws StatusError. */
export async function readAll(mount: Mount, fileId: FileId): Promise<AllInformation> {
  const call = queryInfoCall(mount, fileId, InfoType.FILE, FileInfoClass.ALL);
  const reply = await mount.client.demand("QUERY_INFO", call);
  return decodeAllInformation(decodeBufferResponse(reply.message).buffer);
}

/** The status of SET_INFO with FileBasicInformation; what is left out stays. */
export async function setBasic(mount: Mount, fileId: FileId, change: Partial<BasicChange>): Promise<number> {
  const all = { birth: undefined, access: undefined, modify: undefined, change: undefined, attributes: 0 };
  const buffer = bytesOf((writer) => encodeBasicChange(writer, { ...all, ...change }));
  return (await mount.client.request(setInfoCall(mount, fileId, FileInfoClass.BASIC, buffer))).status;
}
