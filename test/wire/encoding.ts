// Encodes a body behind an empty header, or a structure without a header, for round trips.
import { Message, Writer } from "../../src/wire/cursor.ts";
import { HEADER_SIZE } from "../../src/wire/header.ts";

const ROOM = 16_384;

export function encodeMessage<T>(encode: (writer: Writer, value: T) => void, value: T): Message {
  const writer = new Writer(new Uint8Array(ROOM), 0, HEADER_SIZE);
  encode(writer, value);
  return new Message(writer.bytes.slice(0, writer.position));
}

export function encodeBytes<T>(encode: (writer: Writer, value: T) => void, value: T): Uint8Array {
  const writer = new Writer(new Uint8Array(ROOM));
  encode(writer, value);
  return writer.bytes.slice(0, writer.position);
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/\s+/g, ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
