// What the server cannot do without in a kernel; everything else that a kernel may lack has a fallback.
import { Errno } from "../linux/errno.ts";
import { AT_FDCWD } from "../linux/open.ts";
import { emptyStatx, statAt } from "../linux/stat.ts";

/** Returns what is missing and what to do, in one line for the user. */
export function kernelFault(): string | undefined {
  const result = statAt(AT_FDCWD, "/", emptyStatx());
  if (result === -Errno.ENOSYS) return "the kernel has no statx(2): minismbd needs Linux 4.11 or newer";
  if (result === -Errno.EPERM) return "statx(2) is forbidden: allow it in the container's seccomp profile";
  return undefined;
}
