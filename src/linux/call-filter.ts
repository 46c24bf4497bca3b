// A filter of system calls for a process that parses what strangers send (seccomp(2)): afterwards it opens no
// file, makes no socket and no process, and does not reach others. What it has open it keeps using.
import { Errno } from "./errno.ts";
import { Scratch, sys } from "./libc.ts";
import { type Architecture, Syscall, architecture } from "./syscall-numbers.ts";

/** Calls that fail with EPERM: [number on x86-64, number on arm64], -1 where the architecture lacks it. */
export const FORBIDDEN_CALLS = {
  // Files by name.
  open: [2, -1],
  creat: [85, -1],
  openat: [257, 56],
  openat2: [437, 437],
  open_by_handle_at: [304, 265],
  rename: [82, -1],
  renameat: [264, 38],
  renameat2: [316, 276],
  unlink: [87, -1],
  unlinkat: [263, 35],
  rmdir: [84, -1],
  mkdir: [83, -1],
  mkdirat: [258, 34],
  link: [86, -1],
  linkat: [265, 37],
  symlink: [88, -1],
  symlinkat: [266, 36],
  mknod: [133, -1],
  mknodat: [259, 33],
  chmod: [90, -1],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  chown: [92, -1],
  lchown: [94, -1],
  fchown: [93, 55],
  fchownat: [260, 54],
  truncate: [76, 45],
  setxattr: [188, 5],
  lsetxattr: [189, 6],
  fsetxattr: [190, 7],
  utimensat: [280, 88],
  inotify_init: [253, -1],
  inotify_init1: [294, 26],
  fanotify_init: [300, 262],
  // Programs and processes; `clone` makes threads alone, see below.
  execve: [59, 221],
  execveat: [322, 281],
  fork: [57, -1],
  vfork: [58, -1],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424],
  tkill: [200, 130],
  rt_sigqueueinfo: [129, 138],
  rt_tgsigqueueinfo: [297, 240],
  // Sockets; accept4(2) is what is left.
  socket: [41, 198],
  socketpair: [53, 199],
  connect: [42, 203],
  bind: [49, 200],
  listen: [50, 201],
  // Other ways to the kernel's inside.
  shmget: [29, 194],
  msgget: [68, 186],
  semget: [64, 190],
  mq_open: [240, 180],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  unshare: [272, 97],
  setns: [308, 268],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  io_uring_setup: [425, 425],
  userfaultfd: [323, 282],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

/** Calls that are judged by an argument, and one that libc must take for missing. */
export const JUDGED_CALLS = {
  clone: [56, 220],
  clone3: [435, 435],
  kill: [62, 129],
  tgkill: [234, 131],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

// linux/filter.h and linux/bpf_common.h.
const Bpf = {
  LOAD_WORD: 0x20,
  JUMP_EQUAL: 0x15,
  JUMP_SET: 0x45,
  JUMP_NOT_BELOW: 0x35,
  RETURN: 0x06,
} as const;
// linux/seccomp.h: what a filter returns, and the offsets in struct seccomp_data.
const Verdict = { ALLOW: 0x7fff_0000, ERRNO: 0x0005_0000, KILL_PROCESS: 0x8000_0000 } as const;
const DataOffset = { number: 0, architecture: 4, argument0: 16 } as const;
/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 of linux/audit.h. */
const AUDIT_ARCHITECTURE = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
/** x86-64's second set of numbers, x32. */
const X32_BIT = 0x4000_0000;
const CLONE_THREAD = 0x0001_0000;

const SECCOMP_SET_MODE_FILTER = 1;
/** Every thread of the process gets the filter, and with it no_new_privs. */
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const PR_SET_NO_NEW_PRIVS = 38;

/** struct sock_filter. */
interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly value: number;
}

/** The program for a process of that number. */
export function callFilter(of: Architecture, pid: number): readonly Instruction[] {
  const column = of === "x64" ? 0 : 1;
  const denied = Object.values(FORBIDDEN_CALLS).flatMap((numbers) => numbers[column]);
  const on = (number: number, ...then: Instruction[]): Instruction[] => [
    jump(Bpf.JUMP_EQUAL, number, 0, then.length),
    ...then,
  ];
  /** `code` compares the first argument's lower word with `value`; both ways end the program. */
  const judge = (number: number, code: number, value: number): Instruction[] =>
    on(number, load(DataOffset.argument0), jump(code, value, 0, 1), allow(), fail(Errno.EPERM));
  return [
    load(DataOffset.architecture),
    jump(Bpf.JUMP_EQUAL, AUDIT_ARCHITECTURE[of], 1, 0),
    end(Verdict.KILL_PROCESS),
    load(DataOffset.number),
    ...(of === "x64" ? [jump(Bpf.JUMP_NOT_BELOW, X32_BIT, 0, 1), fail(Errno.EPERM)] : []),
    ...denied.filter((number) => number >= 0).flatMap((number) => on(number, fail(Errno.EPERM))),
    ...on(JUDGED_CALLS.clone3[column], fail(Errno.ENOSYS)),
    ...judge(JUDGED_CALLS.clone[column], Bpf.JUMP_SET, CLONE_THREAD),
    ...judge(JUDGED_CALLS.kill[column], Bpf.JUMP_EQUAL, pid),
    ...judge(JUDGED_CALLS.tgkill[column], Bpf.JUMP_EQUAL, pid),
    allow(),
  ];
}

/**
 * Sets no_new_privs and the filter for all threads of this process, for good. Returns 0 or -errno: -ENOSYS or
 * -EINVAL in a kernel without seccomp.
 */
export function forbidCalls(): number {
  const program = callFilter(architecture, process.pid);
  const code = new Scratch(program.length * 8);
  for (const [index, { code: operation, whenTrue, whenFalse, value }] of program.entries()) {
    code.view.setUint16(index * 8, operation, true);
    code.view.setUint8(index * 8 + 2, whenTrue);
    code.view.setUint8(index * 8 + 3, whenFalse);
    code.view.setUint32(index * 8 + 4, value, true);
  }
  // struct sock_fprog: the number of instructions, their address.
  const head = new Scratch(16);
  head.view.setUint16(0, program.length, true);
  head.view.setBigUint64(8, BigInt(code.address), true);
  const result = sys(Syscall.prctl, PR_SET_NO_NEW_PRIVS, 1);
  if (result < 0) return result;
  return sys(Syscall.seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, head.address);
}

function jump(code: number, value: number, whenTrue: number, whenFalse: number): Instruction {
  return { code, whenTrue, whenFalse, value };
}

function load(offset: number): Instruction {
  return { code: Bpf.LOAD_WORD, whenTrue: 0, whenFalse: 0, value: offset };
}

function end(verdict: number): Instruction {
  return { code: Bpf.RETURN, whenTrue: 0, whenFalse: 0, value: verdict };
}

function allow(): Instruction {
  return end(Verdict.ALLOW);
}

function fail(errno: number): Instruction {
  return end(Verdict.ERRNO | errno);
}
