// What the processor can do, from /proc/cpuinfo.
import { readFileSync } from "node:fs";

/**
 * Returns false where the kernel lists the processor's abilities (`flags` on x86-64, `Features` on arm64) and
 * AES is not one of them, as on a Raspberry Pi up to 4. True where it lists none.
 */
export function hasAesInstructions(readCpuinfo: () => string = readProc): boolean {
  const abilities = /^(?:flags|Features)\s*:(.*)$/m.exec(readCpuinfo())?.[1];
  return abilities === undefined || abilities.split(/\s+/).includes("aes");
}

function readProc(): string {
  try {
    return readFileSync("/proc/cpuinfo", "latin1");
  } catch {
    return "";
  }
}
