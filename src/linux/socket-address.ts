// Socket addresses: struct sockaddr_in and sockaddr_in6 from and to text (RFC 4291 2.2, RFC 5952); ip(7),
// ipv6(7).
import { isIP } from "node:net";
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

export const Family = { INET: 2, INET6: 10 } as const;

/** Offsets; both structures begin with the family (host order) and the port (network order). */
export const SOCKADDR_OFFSETS = { family: 0, port: 2, address: 4 } as const;
export const SOCKADDR6_OFFSETS = { family: 0, port: 2, flowinfo: 4, addr: 8, scope_id: 24 } as const;
export const SOCKADDR_SIZE = 16;
export const SOCKADDR6_SIZE = 28;

export interface SocketAddress {
  readonly family: number;
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  readonly port: number;
  /** The interface's index of a link-local IPv6 address; else 0. */
  readonly scope: number;
}

/** Parses an IPv4 or IPv6 address without a zone; undefined for anything else. */
export function parseSocketAddress(text: string, port: number, scope = 0): SocketAddress | undefined {
  const version = isIP(text);
  if (version === 0 || text.includes("%")) return undefined;
  if (version === 4) return { family: Family.INET, bytes: parseDotted(text), port, scope: 0 };
  const bytes = new Uint8Array(16);
  const [head = "", tail] = text.split("::");
  const front = bytesOfGroups(head);
  const back = bytesOfGroups(tail ?? "");
  bytes.set(front);
  bytes.set(back, 16 - back.length);
  return { family: Family.INET6, bytes, port, scope };
}

function parseDotted(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/**
 * `text` is a part of a valid address: groups of hexadecimal digits, the last two perhaps as an IPv4 address.
 */
function bytesOfGroups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return [...parseDotted(group)];
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** Writes `address` into `room` for the kernel. Returns its length. */
export function encodeSocketAddress(room: Scratch, { family, bytes, port, scope }: SocketAddress): number {
  const isIpv4 = family === Family.INET;
  const length = isIpv4 ? SOCKADDR_SIZE : SOCKADDR6_SIZE;
  room.bytes.fill(0, 0, length);
  room.view.setUint16(SOCKADDR_OFFSETS.family, family, true);
  room.view.setUint16(SOCKADDR_OFFSETS.port, port, false);
  room.bytes.set(bytes, isIpv4 ? SOCKADDR_OFFSETS.address : SOCKADDR6_OFFSETS.addr);
  if (!isIpv4) room.view.setUint32(SOCKADDR6_OFFSETS.scope_id, scope, true);
  return length;
}

/** Reads an address that the kernel has written. */
export function decodeSocketAddress({ bytes, view }: Scratch): SocketAddress {
  const family = view.getUint16(SOCKADDR_OFFSETS.family, true);
  const port = view.getUint16(SOCKADDR_OFFSETS.port, false);
  if (family === Family.INET) {
    const at = SOCKADDR_OFFSETS.address;
    return { family, bytes: bytes.slice(at, at + 4), port, scope: 0 };
  }
  const at = SOCKADDR6_OFFSETS.addr;
  const scope = view.getUint32(SOCKADDR6_OFFSETS.scope_id, true);
  return { family, bytes: bytes.slice(at, at + 16), port, scope };
}

/**
 * The text of an address without its port: an IPv4-mapped address as IPv4, IPv6 by RFC 5952, a link-local
 * address with its zone where `zoneOf` knows the interface (fe80::1%eth0, or %3 where it has no name any
 * more).
 */
export function formatSocketAddress(
  { family, bytes, scope }: SocketAddress,
  zoneOf: (scope: number) => string = String,
): string {
  if (family === Family.INET) return bytes.join(".");
  const isMapped =
    bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (isMapped) return bytes.subarray(12).join(".");
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  const text =
    length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
  return scope === 0 ? text : `${text}%${zoneOf(scope)}`;
}

/** The longest run of zero groups, the first of several; RFC 5952 4.2.3. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end - 1);
  }
  return best;
}

const SIOCGIFNAME = 0x8910;
const SIOCGIFINDEX = 0x8933;
/** struct ifreq: the name in 16 bytes, then the index in a union of 24 bytes. */
const IFREQ_INDEX = 16;
const IFREQ_SIZE = 40;
const request = new Scratch(IFREQ_SIZE);

/**
 * Returns the name of the interface with that index, which a socket asks for; the index where there is none.
 */
export function interfaceName(socket: number, index: number): string {
  return findInterfaceName(socket, index) ?? String(index);
}

/** Undefined where no interface has that index any more. */
export function findInterfaceName(socket: number, index: number): string | undefined {
  request.bytes.fill(0);
  request.view.setInt32(IFREQ_INDEX, index, true);
  if (sys(Syscall.ioctl, socket, SIOCGIFNAME, request.address) < 0) return undefined;
  const end = request.bytes.indexOf(0);
  return new TextDecoder().decode(request.bytes.subarray(0, Math.min(end, IFREQ_INDEX)));
}

/** True if the machine has an interface of that name, up or down; any socket can ask. */
export function isInterfaceName(socket: number, name: string): boolean {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length >= IFREQ_INDEX) return false;
  request.bytes.fill(0);
  request.bytes.set(bytes);
  return sys(Syscall.ioctl, socket, SIOCGIFINDEX, request.address) >= 0;
}
