// `hosts allow` and `hosts deny` (smb.conf(5), hosts_access(5)): addresses, networks, host names, and the
// interfaces that connections come in over (`interface:br-lan`, which smbd does not have).
import { ConfigError } from "./parse.ts";

export interface AddressRange {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
  readonly bytes: Uint8Array;
  readonly bits: number;
}

interface Hosts {
  readonly ranges: readonly AddressRange[];
  /** Lower case. */
  readonly names: readonly string[];
  readonly interfaces: readonly string[];
}

interface HostList extends Hosts {
  readonly except: Hosts;
}

/** What the words of the lists mean on this machine. */
export interface NameTable {
  /** The addresses of a host name; undefined: they are not known. */
  addressesOf(name: string): readonly Uint8Array[] | undefined;
  /** The machine has, or has had, an interface of that name. */
  hasInterface(name: string): boolean;
}

const NO_NAMES: NameTable = { addressesOf: () => undefined, hasInterface: () => false };

/** Where a connection comes from. */
export interface Peer {
  readonly address: string;
  /** The interface that it came in over; empty: not known. */
  readonly arrival: string;
}

/** Both lists of one section. */
export interface HostRule {
  readonly allow: HostList | null;
  readonly deny: HostList | null;
}

const EVERYWHERE: AddressRange = { bytes: new Uint8Array(16), bits: 0 };

/** Null if both lists are empty. Throws ConfigError for a word that is neither an address nor a host name. */
export function parseHostRule(
  allow: { words: readonly string[]; position: string },
  deny: { words: readonly string[]; position: string },
): HostRule | null {
  if (allow.words.length === 0 && deny.words.length === 0) return null;
  return {
    allow: allow.words.length === 0 ? null : parseHostList(allow.words, `${allow.position}: 'hosts allow'`),
    deny: deny.words.length === 0 ? null : parseHostList(deny.words, `${deny.position}: 'hosts deny'`),
  };
}

/**
 * True if the address is on the allow list, or if there is a deny list and the address is not on it. Loopback
 * addresses are allowed unless denied; an address that does not parse is not allowed. A name whose addresses
 * are not known, and an interface that the machine does not have, admit nobody and keep everybody out, except
 * for loopback addresses.
 */
export function isHostAllowed(rule: HostRule | null, peer: Peer, names: NameTable = NO_NAMES): boolean {
  if (!rule) return true;
  const bytes = parseAddress(peer.address);
  if (!bytes) return false;
  const isLocal = isLoopback(bytes);
  const from = { bytes, arrival: peer.arrival };
  const denied = rule.deny !== null && matches(rule.deny, from, names, !isLocal);
  if (isLocal && !denied) return true;
  if (rule.allow !== null && matches(rule.allow, from, names, false)) return true;
  return rule.deny === null ? false : !denied;
}

/** The host names of both lists. */
export function namesOf({ allow, deny }: HostRule): string[] {
  return [allow, deny].flatMap((list) => (list ? [...list.names, ...list.except.names] : []));
}

/** The interfaces of both lists. */
export function interfacesOf({ allow, deny }: HostRule): string[] {
  return [allow, deny].flatMap((list) => (list ? [...list.interfaces, ...list.except.interfaces] : []));
}

/** 16 bytes of an IPv4 or IPv6 address as a socket reports it; ignores a scope after `%`. */
export function parseAddress(text: string): Uint8Array | undefined {
  const bare = text.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  if (tail) {
    const low = parseIpv4(tail[2] ?? "");
    if (!low) return undefined;
    const groups = [((low[0] ?? 0) << 8) | (low[1] ?? 0), ((low[2] ?? 0) << 8) | (low[3] ?? 0)];
    return parseIpv6((tail[1] ?? "") + groups.map((group) => group.toString(16)).join(":"));
  }
  if (bare.includes(":")) return parseIpv6(bare);
  const short = parseIpv4(bare);
  return short && mapIpv4(short);
}

function parseHostList(words: readonly string[], position: string): HostList {
  const at = words.findIndex((word) => word.toUpperCase() === "EXCEPT");
  const before = at < 0 ? words : words.slice(0, at);
  const after = at < 0 ? [] : words.slice(at + 1);
  if (after.some((word) => word.toUpperCase() === "EXCEPT"))
    throw new ConfigError(position, "EXCEPT is written twice, write it once");
  return { ...parseHosts(before, position), except: parseHosts(after, position) };
}

function parseHosts(words: readonly string[], position: string): Hosts {
  const ranges: AddressRange[] = [];
  const names: string[] = [];
  const interfaces: string[] = [];
  for (const word of words) {
    const [, after] = INTERFACE_WORD.exec(word) ?? [];
    if (after !== undefined) interfaces.push(parseInterface(after, position));
    else if (isHostName(word)) names.push(word.toLowerCase());
    else ranges.push(parseRange(word, position));
  }
  return { ranges, names, interfaces };
}

const INTERFACE_WORD = /^interface:(.*)$/i;

/** The kernel's rule for names (dev_valid_name), without the patterns that `interfaces` has. */
function parseInterface(name: string, position: string): string {
  if (/^[^\s/:*?]{1,15}$/.test(name) && name !== "." && name !== "..") return name;
  throw new ConfigError(position, `'${name}' is not an interface's name, write interface:br-lan`);
}

/** RFC 1123, 2.1. A word of digits and dots is an address with a mistake. */
function isHostName(word: string): boolean {
  if (/^(all|localhost|fail)$|^\d+\.\d+\./i.test(word) || !/[a-z]/i.test(word) || word.length > 253)
    return false;
  return /^(?!-)[\w-]{1,63}(\.[\w-]{1,63})*\.?$/.test(word);
}

interface From {
  readonly bytes: Uint8Array;
  readonly arrival: string;
}

/** `ifUnknown`: whether a name or an interface that is not known means this connection. */
function matches(list: HostList, from: From, names: NameTable, ifUnknown: boolean): boolean {
  return includes(list, from, names, ifUnknown) && !includes(list.except, from, names, !ifUnknown);
}

function includes(
  { interfaces, names, ranges }: Hosts,
  { arrival, bytes: address }: From,
  table: NameTable,
  ifUnknown: boolean,
): boolean {
  if (ranges.some((range) => contains(range, address))) return true;
  for (const name of interfaces)
    if (name === arrival || (ifUnknown && (arrival === "" || !table.hasInterface(name)))) return true;
  return names.some((name) => {
    const known = table.addressesOf(name);
    return known === undefined
      ? ifUnknown
      : known.some((one) => contains({ bytes: one, bits: 128 }, address));
  });
}

function contains(range: AddressRange, address: Uint8Array): boolean {
  for (let i = 0; i < 16; i++) {
    const bits = Math.min(Math.max(range.bits - i * 8, 0), 8);
    const mask = (0xff00 >> bits) & 0xff;
    if (((range.bytes[i] ?? 0) & mask) !== ((address[i] ?? 0) & mask)) return false;
  }
  return true;
}

function parseRange(word: string, position: string): AddressRange {
  if (word.toUpperCase() === "ALL") return EVERYWHERE;
  if (word.toLowerCase() === "localhost") return { bytes: mapIpv4([127, 0, 0, 0]), bits: 96 + 8 };
  const range = parsePrefix(word) ?? parseNetwork(word);
  if (!range)
    throw new ConfigError(
      position,
      `'${word}' is not an address, write ADDRESS, ADDRESS/BITS, 192.168.1., a host's name or interface:NAME`,
    );
  return range;
}

/** `192.168.1.`: all addresses with this prefix. */
function parsePrefix(word: string): AddressRange | undefined {
  if (!/^(\d{1,3}\.){1,3}$/.test(word)) return undefined;
  const numbers = word.slice(0, -1).split(".").map(Number);
  if (numbers.some((number) => number > 255)) return undefined;
  const bits = 96 + 8 * numbers.length;
  while (numbers.length < 4) numbers.push(0);
  return { bytes: mapIpv4(numbers), bits };
}

/** ADDRESS, ADDRESS/BITS, IPv4 ADDRESS/MASK. */
export function parseNetwork(word: string): AddressRange | undefined {
  const slash = word.indexOf("/");
  const address = slash < 0 ? word : word.slice(0, slash);
  const bytes = parseAddress(address);
  if (!bytes) return undefined;
  if (slash < 0) return { bytes, bits: 128 };
  const isIpv4 = !address.includes(":");
  const suffix = word.slice(slash + 1);
  const bits = /^\d{1,3}$/.test(suffix) ? Number(suffix) : isIpv4 ? maskBits(suffix) : undefined;
  if (bits === undefined || bits > (isIpv4 ? 32 : 128)) return undefined;
  return { bytes, bits: isIpv4 ? 96 + bits : bits };
}

export function isInNetwork(network: AddressRange, address: Uint8Array): boolean {
  return contains(network, address);
}

function maskBits(text: string): number | undefined {
  const mask = parseIpv4(text);
  if (!mask) return undefined;
  const ones = mask.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(ones) ? ones.replaceAll("0", "").length : undefined;
}

function parseIpv4(text: string): number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const numbers = text.split(".").map(Number);
  return numbers.every((number) => number <= 255) ? numbers : undefined;
}

function mapIpv4(numbers: readonly number[]): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...numbers);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const head = groups[0] ?? [];
  const tail = groups[1] ?? [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array<string>(halves.length === 1 ? 0 : missing).fill("0"), ...tail];
  const bytes = new Uint8Array(16);
  for (const [i, group] of all.entries()) {
    if (!/^[\da-f]{1,4}$/i.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes[i * 2] = value >> 8;
    bytes[i * 2 + 1] = value & 0xff;
  }
  return bytes;
}

/** Of 127.0.0.0/8, or ::1. */
export function isLoopback(bytes: Uint8Array): boolean {
  const zeros = bytes.subarray(0, 10).every((byte) => byte === 0);
  if (!zeros) return false;
  if (bytes[10] === 0xff && bytes[11] === 0xff) return bytes[12] === 127;
  return bytes.subarray(10, 15).every((byte) => byte === 0) && bytes[15] === 1;
}
