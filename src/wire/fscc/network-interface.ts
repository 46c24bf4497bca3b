// FSCTL_QUERY_NETWORK_INTERFACE_INFO: the addresses to which a client may open further channels.
// [MS-SMB2] 2.2.32.5, with the socket addresses of 2.2.32.5.1.
import { Reader, type Writer, wireError } from "../cursor.ts";

export interface NetworkInterface {
  readonly index: number;
  readonly capability: number;
  /** Bits per second. */
  readonly linkSpeed: number;
  /** 4 bytes (IPv4) or 16 (IPv6), in network byte order. */
  readonly address: Uint8Array;
}

const ENTRY_SIZE = 152;
const STORAGE_SIZE = 128;
const INET = 0x0002;
const INET6 = 0x0017;

export function networkInterfacesSize(count: number): number {
  return count * ENTRY_SIZE;
}

export function encodeNetworkInterfaces(writer: Writer, interfaces: readonly NetworkInterface[]): void {
  for (const [index, entry] of interfaces.entries()) {
    writer.u32(index + 1 < interfaces.length ? ENTRY_SIZE : 0);
    writer.u32(entry.index);
    writer.u32(entry.capability);
    writer.u32(0);
    writer.u64(entry.linkSpeed);
    const storage = writer.position;
    writer.zero(STORAGE_SIZE);
    const end = writer.position;
    const isV4 = entry.address.length === 4;
    writer.position = storage;
    writer.u16(isV4 ? INET : INET6);
    // Port (and for IPv6 the flow information) are zero.
    writer.zero(isV4 ? 2 : 6);
    writer.raw(entry.address);
    writer.position = end;
  }
}

export function decodeNetworkInterfaces(data: Uint8Array): NetworkInterface[] {
  const interfaces: NetworkInterface[] = [];
  const reader = new Reader(data);
  while (reader.remaining > 0) {
    const at = reader.position;
    const next = reader.u32();
    const index = reader.u32();
    const capability = reader.u32();
    reader.skip(4);
    const linkSpeed = reader.u64();
    const storage = new Reader(reader.range(STORAGE_SIZE));
    const family = storage.u16();
    if (family !== INET && family !== INET6) throw wireError("unknown address family");
    storage.skip(family === INET ? 2 : 6);
    interfaces.push({ index, capability, linkSpeed, address: storage.range(family === INET ? 4 : 16) });
    if (next === 0) break;
    if (next < ENTRY_SIZE) throw wireError("list of interfaces broken");
    reader.seek(at + next);
  }
  return interfaces;
}
