// AfpInfo, the 60 bytes of the stream AFP_AfpInfo in which macOS keeps an object's Finder information, as
// Apple's smbfs has it; big-endian. Signature "AFP" and a zero, version, a reserved field, the time of the
// last backup, 32 bytes of Finder information, six of ProDOS and six reserved ones.

export const AFP_INFO_BYTES = 60;
export const FINDER_INFO_OFFSET = 16;
export const FINDER_INFO_BYTES = 32;
const PRODOS_END = 54;
export const NO_FINDER_INFO = new Uint8Array(FINDER_INFO_BYTES);
const SIGNATURE = 0x4146_5000;
const VERSION = 0x0000_0100;
/** Never backed up. */
const NO_BACKUP = 0x8000_0000;

/** The stream of an object with these 32 bytes of Finder information, or without any. */
export function makeAfpInfo(finderInfo?: Uint8Array): Uint8Array {
  const info = withAfpHeader(new Uint8Array(AFP_INFO_BYTES));
  new DataView(info.buffer).setUint32(12, NO_BACKUP);
  if (finderInfo !== undefined) info.set(finderInfo.subarray(0, FINDER_INFO_BYTES), FINDER_INFO_OFFSET);
  return info;
}

/** A copy with the right signature and version. */
export function withAfpHeader(bytes: Uint8Array): Uint8Array {
  const info = bytes.slice();
  const view = new DataView(info.buffer);
  view.setUint32(0, SIGNATURE);
  view.setUint32(4, VERSION);
  return info;
}

export function isAfpInfo(bytes: Uint8Array): boolean {
  if (bytes.length !== AFP_INFO_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, AFP_INFO_BYTES);
  return view.getUint32(0) === SIGNATURE && view.getUint32(4) === VERSION;
}

/** True where Finder and ProDOS information are all zeros: macOS removes the stream by writing that. */
export function isBlankAfpInfo(info: Uint8Array): boolean {
  return info.subarray(FINDER_INFO_OFFSET, PRODOS_END).every((byte) => byte === 0);
}

export function finderInfoOf(info: Uint8Array): Uint8Array {
  return info.subarray(FINDER_INFO_OFFSET, FINDER_INFO_OFFSET + FINDER_INFO_BYTES);
}

export function isBlankFinderInfo(finderInfo: Uint8Array): boolean {
  return finderInfo.every((byte) => byte === 0);
}
