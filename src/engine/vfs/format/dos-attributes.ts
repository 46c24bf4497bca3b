// The extended attribute user.DOSATTRIB, in which Samba and ksmbd store DOS attributes and the creation time:
// Samba's librpc/idl/xattr.idl (xattr_DOSATTRIB) as NDR, little-endian. Versions 1, 3, 4, 5 and the older
// bare text are read; version 4 is written, the latest that ksmbd reads; Samba reads it too.

export const DOS_ATTRIBUTES_XATTR = "user.DOSATTRIB";

/** Decoded user.DOSATTRIB; fields that it does not contain are undefined. */
export interface DosAttributes {
  attributes: number | undefined;
  birthSeconds: number | undefined;
  birthNanoseconds: number;
}

// xattr_DosInfo_Valid.
const Valid = { ATTRIBUTES: 0x01, CREATE_TIME: 0x10 } as const;

/** Largest value that is decoded; version 2, which contains a name, is not supported. */
export const MAX_DOS_ATTRIBUTES_BYTES = 128;
/** Size of what is written. */
const WRITTEN_BYTES = 32;

const SECONDS_1601_TO_1970 = 11_644_473_600;
const TICKS = 10_000_000n;

/** Offset of the creation time in the body, by version. */
const createTimeAt: Readonly<Record<number, number>> = { 3: 28, 4: 16, 5: 8 };

/** Decodes the first `length` bytes of `view`; undefined where they are not a valid value. */
export function readDosAttributes(view: DataView, length: number): DosAttributes | undefined {
  const afterText = skipText(view, length);
  if (afterText === undefined) return undefined;
  if (afterText + 4 > length) return readTextOnly(view, length);
  const version = view.getUint16(afterText, true);
  // The union's discriminant repeats the version; the body is aligned to four bytes.
  const body = (afterText + 4 + 3) & ~3;
  if (version === 1) {
    if (body + 4 > length) return undefined;
    return { attributes: view.getUint32(body, true), birthSeconds: undefined, birthNanoseconds: 0 };
  }
  const timeAt = createTimeAt[version];
  if (timeAt === undefined || body + timeAt + 8 > length) return undefined;
  const valid = view.getUint32(body, true);
  const found: DosAttributes = { attributes: undefined, birthSeconds: undefined, birthNanoseconds: 0 };
  if ((valid & Valid.ATTRIBUTES) !== 0) found.attributes = view.getUint32(body + 4, true);
  const ticks = view.getBigUint64(body + timeAt, true);
  if ((valid & Valid.CREATE_TIME) !== 0 && ticks !== 0n) {
    found.birthSeconds = Number(ticks / TICKS) - SECONDS_1601_TO_1970;
    found.birthNanoseconds = Number(ticks % TICKS) * 100;
  }
  return found;
}

/** Samba before 3.5 stored the text alone. */
function readTextOnly(view: DataView, length: number): DosAttributes | undefined {
  let text = "";
  for (let i = 0; i < length && view.getUint8(i) !== 0; i++) text += String.fromCharCode(view.getUint8(i));
  if (!/^0x[0-9a-f]{1,8}$/i.test(text)) return undefined;
  return { attributes: Number.parseInt(text, 16), birthSeconds: undefined, birthNanoseconds: 0 };
}

/**
 * The value starts with the attributes as NUL-terminated text (`0x20`), padded to two bytes; it is ignored.
 */
function skipText(view: DataView, length: number): number | undefined {
  for (let i = 0; i < length && i < 16; i++) if (view.getUint8(i) === 0) return (i + 2) & ~1;
  return undefined;
}

/** Encodes version 4, with an itime of zero: Samba would derive the file's ID from itime. */
export function writeDosAttributes(
  attributes: number,
  birthSeconds: number,
  birthNanoseconds: number,
): Uint8Array {
  const bytes = new Uint8Array(WRITTEN_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, 4, true);
  view.setUint16(4, 4, true);
  view.setUint32(8, Valid.ATTRIBUTES | Valid.CREATE_TIME, true);
  view.setUint32(12, attributes >>> 0, true);
  const whole = BigInt(Math.max(birthSeconds + SECONDS_1601_TO_1970, 0));
  view.setBigUint64(24, whole * TICKS + BigInt(Math.floor(birthNanoseconds / 100)), true);
  return bytes;
}
