// The extended attribute in which netatalk and Samba's vfs_fruit (`fruit:metadata = netatalk`) keep Finder
// information: an AppleDouble header with eight entries at fixed places, 402 bytes. netatalk's
// libatalk/adouble.
import { decodeAppleDouble, EntryId, type Extent } from "./apple-double.ts";

export const NETATALK_METADATA = "user.org.netatalk.Metadata";

const BYTES = 402;
const MAGIC = 0x0005_1607;
const VERSION = 0x0002_0000;
const ENTRIES_OFFSET = 26;
const FINDER_INFO: Extent = { offset: 122, length: 32 };
const COMMENT_ID = 4;
const DATES_ID = 8;
const DATES: Extent = { offset: 354, length: 16 };
/** Identifier, offset and length; private ones have letters as identifiers: device, inode, time, database. */
const ENTRIES: readonly (readonly [id: number, offset: number, length: number])[] = [
  [COMMENT_ID, 154, 0],
  [DATES_ID, DATES.offset, DATES.length],
  [EntryId.FINDER_INFO, FINDER_INFO.offset, FINDER_INFO.length],
  [14, 370, 4],
  [0x8044_4556, 374, 8],
  [0x8049_4e4f, 382, 8],
  [0x8053_594e, 390, 8],
  [0x8053_567e, 398, 4],
];
/** Dates are seconds since 2000. */
const EPOCH_SECONDS = 946_684_800;
const NO_DATE = 0x8000_0000;

/** Where the Finder information is in a value; undefined in a value of another form. */
export function finderInfoIn(value: Uint8Array): Extent | undefined {
  return decodeAppleDouble(value, value.length)?.finderInfo;
}

/** True where the value has more than Finder information that somebody may miss. */
export function hasComment(value: Uint8Array): boolean {
  const entries = decodeAppleDouble(value, value.length)?.entries ?? [];
  return entries.some(({ id, length }) => id === COMMENT_ID && length > 0);
}

/** A new value with this Finder information and this modification time. */
export function makeNetatalkMetadata(finderInfo: Uint8Array, modifySeconds: number): Uint8Array {
  const value = new Uint8Array(BYTES);
  const view = new DataView(value.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, VERSION);
  view.setUint16(24, ENTRIES.length);
  for (const [i, [id, offset, length]] of ENTRIES.entries()) {
    const at = ENTRIES_OFFSET + i * 12;
    view.setUint32(at, id);
    view.setUint32(at + 4, offset);
    view.setUint32(at + 8, length);
  }
  value.set(finderInfo.subarray(0, FINDER_INFO.length), FINDER_INFO.offset);
  const date = (modifySeconds - EPOCH_SECONDS) >>> 0;
  for (const [i, seconds] of [date, date, NO_DATE, date].entries())
    view.setUint32(DATES.offset + i * 4, seconds);
  return value;
}
