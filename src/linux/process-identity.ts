// Gives up root's identity for the whole process, by libc: unlike bare system calls its functions change
// every thread, those of the runtime included; setresuid(2), NOTES.
import { FFIType, dlopen } from "bun:ffi";
import { LIBRARIES, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const SIGKILL = 9;

/** Takes these ids and no groups. Returns false where one of the calls failed. */
export function becomeForGood(uid: number, gid: number): boolean {
  const { setgroups, setresgid, setresuid } = loadIdentityCalls();
  return setgroups(0, null) === 0 && setresgid(gid, gid, gid) === 0 && setresuid(uid, uid, uid) === 0;
}

function loadIdentityCalls() {
  const id = FFIType.u32;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, {
        setgroups: { args: [FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
        setresgid: { args: [id, id, id], returns: FFIType.i32 },
        setresuid: { args: [id, id, id], returns: FFIType.i32 },
      }).symbols;
    } catch {
      // The next name.
    }
  }
  throw new Error(`no libc could be loaded (${LIBRARIES.join(", ")})`);
}

/**
 * The kernel kills this process when its parent ends. Call it after the last change of ids, which resets it.
 */
export function endWithParent(): void {
  sys(Syscall.prctl, PR_SET_PDEATHSIG, SIGKILL);
}

/** Neither a core dump nor another process of the same user sees this one's memory. */
export function hideMemory(): void {
  sys(Syscall.prctl, PR_SET_DUMPABLE, 0);
}
