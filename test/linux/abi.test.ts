// Compares constants and structure layouts of src/linux with this machine's C headers, if it has a compiler.
import { describe, expect, test } from "bun:test";
import { DIRENT_OFFSETS } from "../../src/linux/dir.ts";
import { Errno, errnoName } from "../../src/linux/errno.ts";
import { INOTIFY_OFFSETS, Inotify } from "../../src/linux/inotify.ts";
import { CACHESTAT_SIZE, Falloc, IOVEC_SIZE, Rwf } from "../../src/linux/io.ts";
import { Epoll, EpollControl, epollLayout } from "../../src/linux/epoll.ts";
import { FAT_IOCTL_GET_ATTRIBUTES, FAT_IOCTL_SET_ATTRIBUTES } from "../../src/linux/fat-attributes.ts";
import { DQBLK_SIZE } from "../../src/linux/quota.ts";
import { RLIMIT_SIZE } from "../../src/linux/limits.ts";
import { FLOCK_OFFSETS, FLOCK_SIZE } from "../../src/linux/locks.ts";
import { TIMESPEC_SIZE } from "../../src/linux/directory-entries.ts";
import { At, OPEN_HOW_SIZE, Open, Resolve, openFlags } from "../../src/linux/open.ts";
import { MSGHDR_OFFSETS, MSGHDR_SIZE, Message, SocketOption } from "../../src/linux/socket.ts";
import {
  Family,
  SOCKADDR6_OFFSETS,
  SOCKADDR6_SIZE,
  SOCKADDR_OFFSETS,
  SOCKADDR_SIZE,
} from "../../src/linux/socket-address.ts";
import { STATFS_OFFSETS, STATFS_SIZE, STATX_OFFSETS, STATX_SIZE } from "../../src/linux/stat.ts";
import { StatxAttribute, StatxMask } from "../../src/linux/stat.ts";
import { type SyscallName, architecture, syscallTable } from "../../src/linux/syscall-numbers.ts";
import { cMacros, cValues, hasCompiler } from "./c-headers.ts";

/** Expects each value of `ours` to equal the C expression made from its key. */
function expectSame(
  includes: string[],
  ours: Readonly<Record<string, number>>,
  expression: (key: string) => string,
): void {
  const keys = Object.keys(ours);
  const theirs = cValues(includes, keys.map(expression));
  expect(Object.fromEntries(keys.map((key, i) => [key, theirs[i]]))).toEqual({ ...ours });
}

describe.if(hasCompiler)("the C headers have the same values for", () => {
  test("struct statx", () => {
    const fields: Record<string, string> = {
      atime: "stx_atime",
      btime: "stx_btime",
      ctime: "stx_ctime",
      mtime: "stx_mtime",
      rdevMajor: "stx_rdev_major",
      rdevMinor: "stx_rdev_minor",
      devMajor: "stx_dev_major",
      devMinor: "stx_dev_minor",
      mntId: "stx_mnt_id",
    };
    expectSame(
      ["linux/stat.h"],
      STATX_OFFSETS,
      (key) => `offsetof(struct statx, ${fields[key] ?? `stx_${key}`})`,
    );
    expect(cValues(["linux/stat.h"], ["sizeof(struct statx)"])).toEqual([STATX_SIZE]);
    expectSame(["linux/stat.h"], { BASIC: StatxMask.BASIC }, () => "STATX_BASIC_STATS");
    expectSame(
      ["linux/stat.h"],
      { BTIME: StatxMask.BTIME, MNT_ID: StatxMask.MNT_ID },
      (key) => `STATX_${key}`,
    );
    expectSame(["linux/stat.h"], StatxAttribute, (key) => `STATX_ATTR_${key}`);
  });

  test("struct statfs", () => {
    expectSame(["sys/vfs.h"], STATFS_OFFSETS, (key) => `offsetof(struct statfs, f_${key})`);
    expect(cValues(["sys/vfs.h"], ["sizeof(struct statfs)"])).toEqual([STATFS_SIZE]);
  });

  test("struct linux_dirent64", () => {
    // No header has the kernel's structure; glibc's dirent64 has the same layout.
    expectSame(["dirent.h"], DIRENT_OFFSETS, (key) => `offsetof(struct dirent64, d_${key})`);
  });

  test("the sizes of open_how, iovec, timespec and rlimit", () => {
    const includes = ["linux/openat2.h", "sys/uio.h", "time.h", "sys/resource.h"];
    const sizes = ["open_how", "iovec", "timespec", "rlimit64"].map((name) => `sizeof(struct ${name})`);
    expect(cValues(includes, sizes)).toEqual([OPEN_HOW_SIZE, IOVEC_SIZE, TIMESPEC_SIZE, RLIMIT_SIZE]);
    // struct cachestat is newer (Linux 6.5) than many headers: five 64-bit counters.
    expect(CACHESTAT_SIZE).toBe(5 * 8);
  });

  test("the FAT ioctls and struct if_dqblk", () => {
    const controls = ["FAT_IOCTL_GET_ATTRIBUTES", "FAT_IOCTL_SET_ATTRIBUTES"];
    expect(cValues(["sys/ioctl.h", "linux/types.h", "linux/msdos_fs.h"], controls)).toEqual([
      FAT_IOCTL_GET_ATTRIBUTES,
      FAT_IOCTL_SET_ATTRIBUTES,
    ]);
    expect(cValues(["linux/types.h", "linux/quota.h"], ["sizeof(struct if_dqblk)"])).toEqual([DQBLK_SIZE]);
  });

  test("struct inotify_event and struct flock", () => {
    expectSame(["sys/inotify.h"], INOTIFY_OFFSETS, (key) => `offsetof(struct inotify_event, ${key})`);
    expectSame(["fcntl.h"], FLOCK_OFFSETS, (key) => `offsetof(struct flock, l_${key})`);
    expect(cValues(["fcntl.h"], ["sizeof(struct flock)"])).toEqual([FLOCK_SIZE]);
  });

  test("struct epoll_event", () => {
    const { size, ...offsets } = epollLayout(architecture);
    expectSame(["sys/epoll.h"], offsets, (key) => `offsetof(struct epoll_event, ${key})`);
    expect(cValues(["sys/epoll.h"], ["sizeof(struct epoll_event)"])).toEqual([size]);
    expectSame(["sys/epoll.h"], Epoll, (key) => `EPOLL${key}`);
    expectSame(["sys/epoll.h"], EpollControl, (key) => `EPOLL_CTL_${key}`);
  });

  test("sockets", () => {
    const includes = ["sys/socket.h", "netinet/in.h", "netinet/tcp.h"];
    expectSame(includes, MSGHDR_OFFSETS, (key) => `offsetof(struct msghdr, msg_${key})`);
    expectSame(
      includes,
      SOCKADDR_OFFSETS,
      (key) => `offsetof(struct sockaddr_in, sin_${key === "address" ? "addr" : key})`,
    );
    expectSame(includes, SOCKADDR6_OFFSETS, (key) => `offsetof(struct sockaddr_in6, sin6_${key})`);
    const sizes = ["msghdr", "sockaddr_in", "sockaddr_in6"].map((name) => `sizeof(struct ${name})`);
    expect(cValues(includes, sizes)).toEqual([MSGHDR_SIZE, SOCKADDR_SIZE, SOCKADDR6_SIZE]);
    expectSame(includes, Message, (key) => `MSG_${key}`);
    expectSame(includes, Family, (key) => `AF_${key}`);
    const names = Object.keys(SocketOption).flatMap((name) => {
      if (name.startsWith("TCP_")) return ["IPPROTO_TCP", name];
      if (name.startsWith("IP_")) return ["IPPROTO_IP", name];
      return name.startsWith("IPV6_") ? ["IPPROTO_IPV6", name] : ["SOL_SOCKET", `SO_${name}`];
    });
    expect(cValues(includes, names)).toEqual(Object.values(SocketOption).flat());
  });

  test("flags", () => {
    // O_LARGEFILE is 0 in a 64-bit glibc; only asm-generic has the kernel's value.
    const { LARGEFILE: _, ...flags } = Open;
    expectSame(["fcntl.h"], flags, (key) => `O_${key}`);
    expectSame(["linux/openat2.h"], Resolve, (key) => `RESOLVE_${key}`);
    expectSame(["fcntl.h"], At, (key) => `AT_${key}`);
    expectSame(["linux/fs.h"], Rwf, (key) => `RWF_${key}`);
    expectSame(["linux/falloc.h"], Falloc, (key) => `FALLOC_FL_${key}`);
    expectSame(["sys/inotify.h"], Inotify, (key) => `(unsigned)IN_${key}`);
  });

  test("errno", () => {
    expectSame(["errno.h"], Errno, (key) => key);
  });

  test("system call numbers of this architecture and of arm64", () => {
    const arm = cMacros("asm-generic/unistd.h", ["-D__BITS_PER_LONG=64", "-D__ARCH_WANT_RENAMEAT"]);
    const here = cMacros("sys/syscall.h", []);
    const resolve = (macros: Map<string, string>, name: string): number => {
      let text = macros.get(`__NR_${name}`);
      if (text?.startsWith("__NR3264_")) text = macros.get(text);
      return Number(text);
    };
    const armTable = syscallTable("arm64");
    // Calls that many headers lack.
    const newer = new Set<string>(["cachestat", "getxattrat", "listxattrat"]);
    const table = syscallTable(architecture);
    for (const name of Object.keys(table) as SyscallName[]) {
      if (newer.has(name)) continue;
      expect([name, resolve(arm, name)]).toEqual([name, armTable[name]]);
      expect([name, resolve(here, name)]).toEqual([name, table[name]]);
    }
  });
});

test("arm64 has its own values of O_DIRECTORY, O_NOFOLLOW, O_DIRECT and O_LARGEFILE", () => {
  // arch/arm64/include/uapi/asm/fcntl.h and asm-generic/fcntl.h of Linux 6.1.
  const arm = openFlags("arm64");
  const x64 = openFlags("x64");
  expect([arm.DIRECTORY, arm.NOFOLLOW, arm.DIRECT, arm.LARGEFILE]).toEqual([
    0o40000, 0o100000, 0o200000, 0o400000,
  ]);
  expect([x64.DIRECTORY, x64.NOFOLLOW, x64.DIRECT, x64.LARGEFILE]).toEqual([
    0o200000, 0o400000, 0o40000, 0o100000,
  ]);
  expect([arm.PATH, arm.CLOEXEC, arm.CREAT]).toEqual([x64.PATH, x64.CLOEXEC, x64.CREAT]);
});

test("struct epoll_event is packed on x86-64 alone", () => {
  // include/uapi/linux/eventpoll.h of Linux 6.1: EPOLL_PACKED.
  expect(epollLayout("x64")).toEqual({ size: 12, events: 0, data: 4 });
  expect(epollLayout("arm64")).toEqual({ size: 16, events: 0, data: 8 });
});

test("errnoName takes positive and negative numbers, and numbers without a name", () => {
  expect(errnoName(-2)).toBe("ENOENT");
  expect(errnoName(28)).toBe("ENOSPC");
  expect(errnoName(-4095)).toBe("errno 4095");
});
