// Capabilities of the calling thread, which the threads it starts inherit; capget(2), capabilities(7),
// linux/capability.h.
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

/** CAP_ numbers. */
export const CapabilityNumber = { SYS_RESOURCE: 24 } as const;

const VERSION_3 = 0x2008_0522;
// struct __user_cap_header_struct: version, pid. Two of struct __user_cap_data_struct: effective, permitted,
// inheritable.
const header = new Scratch(8);
const data = new Scratch(24);

/** Drops a capability from all three sets of this thread. Returns 0 (also when it was not held) or -errno. */
export function dropCapability(capability: number): number {
  header.view.setUint32(0, VERSION_3, true);
  header.view.setUint32(4, 0, true);
  const result = sys(Syscall.capget, header.address, data.address);
  if (result < 0) return result;
  const word = Math.floor(capability / 32) * 12;
  const mask = ~(1 << (capability % 32));
  for (const at of [word, word + 4, word + 8]) {
    data.view.setUint32(at, (data.view.getUint32(at, true) & mask) >>> 0, true);
  }
  return sys(Syscall.capset, header.address, data.address);
}

/** Whether the capability is in this thread's effective set; false when capget fails. */
export function hasCapability(capability: number): boolean {
  header.view.setUint32(0, VERSION_3, true);
  header.view.setUint32(4, 0, true);
  if (sys(Syscall.capget, header.address, data.address) < 0) return false;
  const word = data.view.getUint32(Math.floor(capability / 32) * 12, true);
  return ((word >>> (capability % 32)) & 1) === 1;
}
