// Gives up root's identity for the whole process, by libc: unlike bare system calls its functions change
// every thread, those of the runtime included; setresuid(2), NOTES.
import { FFIType } from "bun:ffi";
import { loadLibc, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const SIGKILL = 9;

/** Takes these ids and no groups. Returns false where one of the calls failed. */
export function becomeForGood(uid: number, gid: number): boolean {
  const id = FFIType.u32;
  const { setgroups, setresgid, setresuid } = loadLibc({
    setgroups: { args: [FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
    setresgid: { args: [id, id, id], returns: FFIType.i32 },
    setresuid: { args: [id, id, id], returns: FFIType.i32 },
  });
  return setgroups(0, null) === 0 && setresgid(gid, gid, gid) === 0 && setresuid(uid, uid, uid) === 0;
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
