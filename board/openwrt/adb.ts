// apk-tools' binary format of version 3 (apk-v3(5)): tagged 32-bit values, what does not fit into 28 bits stands elsewhere
// in the block and is named by its offset.

const Tag = {
  INT: 0x1000_0000,
  INT_32: 0x2000_0000,
  INT_64: 0x3000_0000,
  BLOB_8: 0x8000_0000,
  BLOB_16: 0x9000_0000,
  BLOB_32: 0xa000_0000,
  ARRAY: 0xd000_0000,
  OBJECT: 0xe000_0000,
} as const;
/** What fits into a tag word. */
const VALUE_LIMIT = 0x1000_0000;
const NULL = 0;
/** Version 0, and the root's value. */
const HEADER_BYTES = 8;

export const BlockType = { ADB: 0, DATA: 2 } as const;
/** A longer block has an extended header. */
const BLOCK_LIMIT = 0x3fff_ffff;
const EXTENDED_BLOCK = 3;
const BLOCK_ALIGNMENT = 8;

/** A tagged value. */
export type Value = number;

/** Builds the ADB block from its leaves to its root. */
export class AdbWriter {
  private readonly parts: Uint8Array[] = [new Uint8Array(HEADER_BYTES)];
  private length = HEADER_BYTES;

  text(text: string): Value {
    return this.blob(Buffer.from(text));
  }

  blob(bytes: Uint8Array): Value {
    const { length } = bytes;
    if (length === 0) return NULL;
    const [tag, width] =
      length > 0xffff
        ? ([Tag.BLOB_32, 4] as const)
        : length > 0xff
          ? ([Tag.BLOB_16, 2] as const)
          : ([Tag.BLOB_8, 1] as const);
    const head = Buffer.alloc(width);
    head.writeUIntLE(length, 0, width);
    return tag + this.append(Buffer.concat([head, bytes]), width);
  }

  int(value: number): Value {
    if (value < VALUE_LIMIT) return Tag.INT + value;
    const isWide = value > 0xffff_ffff;
    const bytes = Buffer.alloc(isWide ? 8 : 4);
    if (isWide) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeUInt32LE(value);
    return (isWide ? Tag.INT_64 : Tag.INT_32) + this.append(bytes, 4);
  }

  /** `fields` by their numbers, which begin with 1. */
  object(fields: Readonly<Record<number, Value>>): Value {
    const last = Math.max(
      0,
      ...Object.keys(fields)
        .map(Number)
        .filter((at) => fields[at] !== NULL),
    );
    return this.slots(
      Tag.OBJECT,
      Array.from({ length: last }, (_, at) => fields[at + 1] ?? NULL),
    );
  }

  array(values: readonly Value[]): Value {
    return this.slots(Tag.ARRAY, values);
  }

  /** The block's content. */
  finish(root: Value): Buffer {
    const all = Buffer.concat(this.parts);
    all.writeUInt32LE(root, 4);
    return all;
  }

  private slots(tag: number, values: readonly Value[]): Value {
    if (values.length === 0) return NULL;
    const bytes = Buffer.alloc(4 * (values.length + 1));
    [values.length + 1, ...values].forEach((value, at) => bytes.writeUInt32LE(value, 4 * at));
    return tag + this.append(bytes, 4);
  }

  private append(bytes: Uint8Array, alignment: number): number {
    const gap = -this.length & (alignment - 1);
    this.parts.push(new Uint8Array(gap), bytes);
    const offset = this.length + gap;
    this.length = offset + bytes.length;
    return offset;
  }
}

/** A block with its header, and padding up to the next one. */
export function block(type: number, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const isLong = length + 4 > BLOCK_LIMIT;
  const head = Buffer.alloc(isLong ? 16 : 4);
  if (isLong) {
    head.writeUInt32LE(EXTENDED_BLOCK * 2 ** 30 + type);
    head.writeBigUInt64LE(BigInt(length + head.length), 8);
  } else head.writeUInt32LE(type * 2 ** 30 + head.length + length);
  const padding = -(length + head.length) & (BLOCK_ALIGNMENT - 1);
  return Buffer.concat([head, ...parts, new Uint8Array(padding)]);
}
