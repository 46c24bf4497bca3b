// The machine's interfaces and their addresses; getifaddrs(3).
import { networkInterfaces } from "node:os";

/** By the interface's name. Undefined: the kernel cannot be asked now, for want of a descriptor or memory. */
export function readInterfaces(): ReturnType<typeof networkInterfaces> | undefined {
  try {
    return networkInterfaces();
  } catch {
    return undefined;
  }
}

/**
 * The index of the interface that has the link-local address, of several the one with the name `zone`; 0 for
 * other addresses.
 */
export function scopeOf(address: string, zone: string | undefined): number {
  if (!/^fe[89ab]/i.test(address)) return 0;
  for (const [name, found] of Object.entries(readInterfaces() ?? {})) {
    if (zone !== undefined && zone !== name) continue;
    for (const each of found ?? [])
      if (each.family === "IPv6" && each.address.split("%")[0] === address) return each.scopeid ?? 0;
  }
  return 0;
}
