// FSCTL_DFS_GET_REFERRALS and its _EX form: where a DFS path leads. [MS-DFSC] 2.2.2 (REQ_GET_DFS_REFERRAL),
// 2.2.3 (REQ_GET_DFS_REFERRAL_EX), 2.2.4 and 2.2.5 (RESP_GET_DFS_REFERRAL and its entries).
import { Reader, type Writer, wireError } from "../cursor.ts";

export interface ReferralRequest {
  readonly maxLevel: number;
  readonly path: string;
}

export function decodeReferralRequest(data: Uint8Array): ReferralRequest {
  const reader = new Reader(data);
  const maxLevel = reader.u16();
  const text = reader.utf16(reader.remaining);
  const end = text.indexOf("\0");
  if (end < 0) throw wireError("referral path without its NUL");
  return { maxLevel, path: text.slice(0, end) };
}

export function encodeReferralRequest(writer: Writer, request: ReferralRequest): void {
  writer.u16(request.maxLevel);
  writer.utf16(request.path);
  writer.u16(0);
}

/** Ignores the client's site, which only domains have. */
export function decodeReferralRequestEx(data: Uint8Array): ReferralRequest {
  const reader = new Reader(data);
  const maxLevel = reader.u16();
  // RequestFlags and RequestDataLength.
  reader.u16();
  reader.u32();
  const [path = ""] = reader.utf16(reader.u16()).split("\0", 1);
  return { maxLevel, path };
}

export function encodeReferralRequestEx(writer: Writer, request: ReferralRequest): void {
  const length = bytesOf(request.path);
  writer.u16(request.maxLevel);
  writer.u16(0);
  writer.u32(2 + length);
  writer.u16(length);
  writeText(writer, request.path);
}

/** ReferralHeaderFlags. */
export const ReferralFlag = { REFERRAL_SERVERS: 1, STORAGE_SERVERS: 2 } as const;

/** Where a path leads: to DFS roots, or to other shares. */
export interface Referrals {
  readonly isRoot: boolean;
  /** The prefix of the requested path that the targets stand for. */
  readonly path: string;
  readonly targets: readonly string[];
  readonly ttlSeconds: number;
}

/** A decoded response; `version` is that of its entries, 0 without one. */
export interface ReferralResponse extends Referrals {
  readonly version: number;
  readonly pathConsumed: number;
  readonly flags: number;
}

const HEADER_BYTES = 8;
/** The fixed part of an entry, by version. */
const ENTRY_BYTES = [0, 8, 22, 34, 34] as const;
const MAX_VERSION = 4;
const SITE_GUID_BYTES = 16;
/** ReferralEntryFlags of version 4: the first target of a set, of which there is one. */
const TARGET_SET_BOUNDARY = 0x0004;
/** ServerType. */
const ROOT_TARGET = 1;

/**
 * Writes the response in the highest version that the client knows, with as many targets as fit into `room`
 * bytes, at most 64 KiB. Returns their number; 0: nothing is written.
 */
export function encodeReferrals(
  writer: Writer,
  maxLevel: number,
  referrals: Referrals,
  room: number,
): number {
  const version = Math.max(1, Math.min(maxLevel, MAX_VERSION));
  const { path, isRoot, ttlSeconds } = referrals;
  const fixed = ENTRY_BYTES[version] ?? 0;
  const targets = fittingTargets(version, referrals, room);
  if (targets.length === 0) return 0;
  writer.u16(path.length * 2);
  writer.u16(targets.length);
  writer.u32(ReferralFlag.STORAGE_SERVERS | (isRoot ? ReferralFlag.REFERRAL_SERVERS : 0));
  // Bytes from the current entry to its strings, which follow all entries.
  let ahead = targets.length * fixed;
  for (const [index, target] of targets.entries()) {
    writer.u16(version);
    writer.u16(version === 1 ? fixed + bytesOf(target) : fixed);
    writer.u16(isRoot ? ROOT_TARGET : 0);
    writer.u16(version === MAX_VERSION && index === 0 ? TARGET_SET_BOUNDARY : 0);
    if (version === 1) {
      writeText(writer, target);
      continue;
    }
    // Proximity.
    if (version === 2) writer.u32(0);
    writer.u32(ttlSeconds);
    // DFSPathOffset, DFSAlternatePathOffset (the same path), NetworkAddressOffset.
    for (const count of [0, 1, 2]) writer.u16(ahead + count * bytesOf(path));
    if (version >= 3) writer.zero(SITE_GUID_BYTES);
    ahead += 2 * bytesOf(path) + bytesOf(target) - fixed;
  }
  if (version === 1) return targets.length;
  for (const target of targets) for (const text of [path, path, target]) writeText(writer, text);
  return targets.length;
}

function fittingTargets(version: number, { path, targets }: Referrals, room: number): string[] {
  let left = room - HEADER_BYTES;
  const found: string[] = [];
  for (const target of targets) {
    left -= (ENTRY_BYTES[version] ?? 0) + bytesOf(target) + (version === 1 ? 0 : 2 * bytesOf(path));
    if (left < 0) break;
    found.push(target);
  }
  return found;
}

function bytesOf(text: string): number {
  return 2 * (text.length + 1);
}

function writeText(writer: Writer, text: string): void {
  writer.utf16(text);
  writer.u16(0);
}

/** Throws WireError for entries that lie outside of the response. */
export function decodeReferrals(data: Uint8Array): ReferralResponse {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const u16 = (at: number): number => {
    if (at + 2 > data.length) throw wireError("referral outside of its response");
    return view.getUint16(at, true);
  };
  const textAt = (at: number): string => {
    let text = "";
    for (let end = at; u16(end) !== 0; end += 2) text += String.fromCharCode(u16(end));
    return text;
  };
  const targets: string[] = [];
  let path = "";
  let version = 0;
  let ttlSeconds = 0;
  let isRoot = false;
  let at = HEADER_BYTES;
  for (let count = u16(2); count > 0; count--, at += u16(at + 2)) {
    version = u16(at);
    isRoot = u16(at + 4) === ROOT_TARGET;
    const times = at + (version === 2 ? 12 : 8);
    if (version === 1) {
      targets.push(textAt(times));
      continue;
    }
    ttlSeconds = u16(times) + 0x1_0000 * u16(times + 2);
    path = textAt(at + u16(times + 4));
    targets.push(textAt(at + u16(times + 8)));
  }
  return { version, pathConsumed: u16(0), flags: u16(4), isRoot, path, targets, ttlSeconds };
}
