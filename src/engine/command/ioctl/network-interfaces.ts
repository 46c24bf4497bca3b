// FSCTL_QUERY_NETWORK_INTERFACE_INFO: addresses for further channels of a session ([MS-SMB2] 3.3.5.15.11).
import { readFileSync } from "node:fs";
import { readInterfaces } from "../../../linux/interfaces.ts";
import { Writer } from "../../../wire/cursor.ts";
import {
  encodeNetworkInterfaces,
  type NetworkInterface,
  networkInterfacesSize,
} from "../../../wire/fscc/network-interface.ts";
import type { IoctlRequest } from "../../../wire/command/ioctl.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import { answerIoctl } from "./answer.ts";

/** Reported if the driver reports no speed: 1 Gbit/s, as in Samba. */
const DEFAULT_BITS_PER_SECOND = 1_000_000_000;

export function queryNetworkInterfaces(exchange: Exchange, request: IoctlRequest): NtStatus {
  // 3.3.5.15.11: without multichannel the FSCTL is unknown. The clause names no dialect.
  if (!exchange.context.settings.multiChannel) return Status.NOT_SUPPORTED;
  const found = listInterfaces(exchange.context.settings.addresses);
  if (found === undefined) return Status.INSUFFICIENT_RESOURCES;
  const size = networkInterfacesSize(found.length);
  if (found.length === 0) return Status.NOT_SUPPORTED;
  if (request.maxOutputResponse < size) return Status.BUFFER_TOO_SMALL;
  const output = new Uint8Array(size);
  encodeNetworkInterfaces(new Writer(output), found);
  answerIoctl(exchange, request, output);
  return Status.SUCCESS;
}

/**
 * Returns the interfaces that the server listens on, all without `addresses`; loopback only if there is no
 * other. Undefined while the kernel cannot be asked.
 */
function listInterfaces(addresses: readonly string[] | null): NetworkInterface[] | undefined {
  const interfaces = readInterfaces();
  if (interfaces === undefined) return undefined;
  const external: NetworkInterface[] = [];
  const loopback: NetworkInterface[] = [];
  for (const [name, entries] of Object.entries(interfaces)) {
    for (const { address, family, internal } of entries ?? []) {
      if (addresses !== null && !addresses.includes(address)) continue;
      // A client cannot use a link-local address without its own scope id.
      if (family === "IPv6" && /^fe[89ab]/i.test(address)) continue;
      const bytes = family === "IPv4" ? ipv4Bytes(address) : ipv6Bytes(address);
      const index = Number(readSys(name, "ifindex") ?? 0);
      const megabits = Number(readSys(name, "speed") ?? 0);
      const linkSpeed = megabits > 0 ? megabits * 1_000_000 : DEFAULT_BITS_PER_SECOND;
      (internal ? loopback : external).push({ index, capability: 0, linkSpeed, address: bytes });
    }
  }
  return external.length > 0 ? external : loopback;
}

function readSys(name: string, file: string): string | undefined {
  try {
    return readFileSync(`/sys/class/net/${name}/${file}`, "utf8").trim();
  } catch {
    // Virtual interfaces report no speed.
    return undefined;
  }
}

function ipv4Bytes(address: string): Uint8Array {
  return Uint8Array.from(address.split("."), Number);
}

function ipv6Bytes(address: string): Uint8Array {
  const [head = "", tail] = address.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  const groups = [...front, ...new Array<string>(zeros).fill("0"), ...back];
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  groups.slice(0, 8).forEach((group, i) => view.setUint16(2 * i, Number.parseInt(group, 16)));
  return bytes;
}
