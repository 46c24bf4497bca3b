// System call numbers: x86-64 from asm/unistd_64.h, arm64 from asm-generic/unistd.h (the kernel's uapi
// headers). They are called by number because a libc may lack a wrapper (openat2, statx and preadv2 in older
// musl) or do more than the call (glibc's setgroups changes every thread of the process).

/** [number on x86-64, number on arm64]. */
const numbers = {
  read: [0, 63],
  write: [1, 64],
  close: [3, 57],
  fcntl: [72, 25],
  flock: [73, 32],
  ioctl: [16, 29],
  lseek: [8, 62],
  socket: [41, 198],
  shutdown: [48, 210],
  bind: [49, 200],
  connect: [42, 203],
  listen: [50, 201],
  accept4: [288, 242],
  getsockname: [51, 204],
  setsockopt: [54, 208],
  getsockopt: [55, 209],
  recvfrom: [45, 207],
  sendto: [44, 206],
  sendmsg: [46, 211],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  epoll_pwait: [281, 22],
  pread64: [17, 67],
  pwrite64: [18, 68],
  preadv2: [327, 286],
  pwritev2: [328, 287],
  fsync: [74, 82],
  fdatasync: [75, 83],
  syncfs: [306, 267],
  umount2: [166, 39],
  ftruncate: [77, 46],
  fallocate: [285, 47],
  fadvise64: [221, 223],
  copy_file_range: [326, 285],
  openat: [257, 56],
  openat2: [437, 437],
  close_range: [436, 436],
  dup3: [292, 24],
  execve: [59, 221],
  statx: [332, 291],
  statfs: [137, 43],
  fstatfs: [138, 44],
  faccessat: [269, 48],
  faccessat2: [439, 439],
  getdents64: [217, 61],
  renameat: [264, 38],
  renameat2: [316, 276],
  linkat: [265, 37],
  unlinkat: [263, 35],
  mkdirat: [258, 34],
  symlinkat: [266, 36],
  readlinkat: [267, 78],
  mknodat: [259, 33],
  utimensat: [280, 88],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchown: [93, 55],
  fchownat: [260, 54],
  umask: [95, 166],
  getrusage: [98, 165],
  clock_gettime: [228, 113],
  setxattr: [188, 5],
  lsetxattr: [189, 6],
  fsetxattr: [190, 7],
  getxattr: [191, 8],
  lgetxattr: [192, 9],
  fgetxattr: [193, 10],
  listxattr: [194, 11],
  llistxattr: [195, 12],
  flistxattr: [196, 13],
  getxattrat: [464, 464],
  listxattrat: [465, 465],
  removexattr: [197, 14],
  lremovexattr: [198, 15],
  fremovexattr: [199, 16],
  setfsuid: [122, 151],
  setresgid: [119, 149],
  setgroups: [116, 159],
  getgroups: [115, 158],
  geteuid: [107, 175],
  getegid: [108, 177],
  gettid: [186, 178],
  prlimit64: [302, 261],
  mmap: [9, 222],
  madvise: [28, 233],
  inotify_init1: [294, 26],
  inotify_add_watch: [254, 27],
  inotify_rm_watch: [255, 28],
  cachestat: [451, 451],
  name_to_handle_at: [303, 264],
  quotactl_fd: [443, 443],
  capget: [125, 90],
  capset: [126, 91],
  mlock2: [325, 284],
  socketpair: [53, 199],
  prctl: [157, 167],
  seccomp: [317, 277],
} as const;

export type SyscallName = keyof typeof numbers;
export type Architecture = "x64" | "arm64";

/** The numbers of one architecture. */
export function syscallTable(architecture: Architecture): Readonly<Record<SyscallName, number>> {
  const column = architecture === "x64" ? 0 : 1;
  const table: Partial<Record<SyscallName, number>> = {};
  for (const name of Object.keys(numbers) as SyscallName[]) table[name] = numbers[name][column];
  return table as Record<SyscallName, number>;
}

if (process.arch !== "x64" && process.arch !== "arm64") {
  throw new Error(`minismbd runs on x86-64 and arm64; this is ${process.arch}`);
}

export const architecture: Architecture = process.arch;

/** The numbers of the architecture that this process runs on. */
export const Syscall = syscallTable(architecture);
