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
