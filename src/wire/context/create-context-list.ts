// The list format of create contexts: heads, tags and Next offsets. create-context.ts has the contexts
// themselves. [MS-SMB2] 2.2.13.2 (SMB2_CREATE_CONTEXT).
import { EMPTY, Reader, type Writer, wireError } from "../cursor.ts";

/** A context whose tag is not in the table, kept as bytes. */
export interface RawContext {
  /** The tag (the Name field), one character per byte. */
  readonly tag: string;
  readonly data: Uint8Array;
}

/** Reads and writes the data of one context, without its head. */
export interface ContextCodec<T> {
  readonly decode: (reader: Reader) => T;
  readonly encode: (writer: Writer, value: T) => void;
}

/** Tag and codec for each property of `C` except `unknown`. */
export type ContextTable<C> = {
  readonly [K in Exclude<keyof C, "unknown">]-?: { readonly tag: string } & ContextCodec<NonNullable<C[K]>>;
};

// The loops treat all tables alike; ContextTable ensures that each key has the codec of its type.
type AnyTable = Readonly<Record<string, { readonly tag: string } & ContextCodec<never>>>;

/** Decodes a list of contexts. Throws WireError when a Next offset, tag or data is out of bounds. */
export function decodeContextList<C extends { unknown?: readonly RawContext[] }>(
  table: ContextTable<C>,
  data: Uint8Array,
): C {
  const known = table as unknown as AnyTable;
  const found: Record<string, unknown> = {};
  const unknown: RawContext[] = [];
  let at = 0;
  while (at < data.length) {
    const head = new Reader(data.subarray(at));
    const next = head.u32();
    // Next is at least the size of a context's fixed part, so the loop ends.
    if (next !== 0 && (next < 16 || next % 8 !== 0 || next >= data.length - at)) {
      throw wireError("create context list broken");
    }
    const end = next === 0 ? data.length - at : next;
    const { tag, value } = splitContext(head, data.subarray(at, at + end));
    const key = keyOf(known, tag);
    if (key === undefined) unknown.push({ tag, data: value });
    else if (!(key in found)) found[key] = known[key]?.decode(new Reader(value));
    if (next === 0) break;
    at += next;
  }
  if (unknown.length > 0) found["unknown"] = unknown;
  return found as C;
}

function splitContext(head: Reader, context: Uint8Array): { tag: string; value: Uint8Array } {
  const tagOffset = head.u16();
  const tagLength = head.u16();
  head.skip(2);
  const dataOffset = head.u16();
  const dataLength = head.u32();
  if (tagLength < 4 || tagOffset < 16 || tagOffset + tagLength > context.length) {
    throw wireError("create context tag out of bounds");
  }
  let tag = "";
  for (const byte of context.subarray(tagOffset, tagOffset + tagLength)) tag += String.fromCharCode(byte);
  if (dataLength === 0) return { tag, value: EMPTY };
  if (dataOffset < tagOffset + tagLength || dataOffset + dataLength > context.length) {
    throw wireError("create context data out of bounds");
  }
  return { tag, value: context.subarray(dataOffset, dataOffset + dataLength) };
}

function keyOf(table: AnyTable, tag: string): string | undefined {
  for (const key in table) if (table[key]?.tag === tag) return key;
  return undefined;
}

/** Writes the contexts in property order, and the unknown ones last. */
export function encodeContextList<C extends { unknown?: readonly RawContext[] }>(
  writer: Writer,
  table: ContextTable<C>,
  contexts: C,
): void {
  const known = table as unknown as Readonly<
    Record<string, { readonly tag: string } & ContextCodec<unknown>>
  >;
  let last = -1;
  const begin = () => {
    if (last >= 0) {
      writer.align(8);
      writer.patch32(last, writer.position - last);
    }
    last = writer.position;
  };
  for (const [key, value] of Object.entries(contexts)) {
    const codec = known[key];
    if (codec === undefined || value === undefined) continue;
    begin();
    encodeContext(writer, codec.tag, () => codec.encode(writer, value));
  }
  for (const raw of contexts.unknown ?? []) {
    begin();
    encodeContext(writer, raw.tag, () => writer.raw(raw.data));
  }
}

function encodeContext(writer: Writer, tag: string, encodeData: () => void): void {
  const start = writer.position;
  // As Windows does: DataOffset is set and the padding before it is written even when there is no data.
  const data = start + ((16 + tag.length + 7) & ~7);
  writer.u32(0);
  writer.u16(16);
  writer.u16(tag.length);
  writer.u16(0);
  writer.u16(data - start);
  writer.u32(0);
  for (let i = 0; i < tag.length; i++) writer.u8(tag.charCodeAt(i));
  writer.zero(data - writer.position);
  encodeData();
  writer.patch32(start + 12, writer.position - data);
}
