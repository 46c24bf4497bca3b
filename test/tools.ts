// The one list of what tests call: programs of other packages with the Debian packages that bring them, and those that
// every Linux system has. tools.test.ts holds the tests to it.
import { existsSync } from "node:fs";

export interface Tool {
  readonly name: string;
  /** Programs that tests call by name. */
  readonly programs: readonly string[];
  /** Patterns of files (bun's Glob, below /) of which each needs a match. */
  readonly files?: readonly string[];
  /** Debian packages that bring it. */
  readonly packages: readonly string[];
  /** What is left out without it. */
  readonly needed: string;
}

/** Where ordinary users lack the directories of sbin, the mkfs programs are there all the same. */
export const SEARCH_PATH = [
  ...new Set([...(process.env.PATH ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"]),
].join(":");

const ARM64: readonly Tool[] = [
  {
    name: "qemu-aarch64-static",
    programs: ["qemu-aarch64-static"],
    packages: ["qemu-user-static"],
    needed: "the arm64 executable",
  },
  {
    name: "arm64 libraries",
    programs: [],
    files: ["usr/lib/aarch64-linux-gnu/libstdc++.so.6"],
    packages: ["libc6:arm64", "libstdc++6:arm64", "libgcc-s1:arm64"],
    needed: "the arm64 executable",
  },
];

export const TOOLS: readonly Tool[] = [
  {
    name: "smbclient",
    programs: ["smbclient", "smbcacls", "rpcclient"],
    packages: ["smbclient"],
    needed: "tests with Samba's client",
  },
  {
    name: "Samba's administration",
    programs: ["net", "smbpasswd", "nmblookup"],
    packages: ["samba-common-bin"],
    needed: "tests of users and shares by RPC, and of the NetBIOS name service",
  },
  {
    name: "smbd",
    programs: ["smbd", "pdbedit", "smbstatus"],
    packages: ["samba"],
    needed: "comparisons with Samba's server",
  },
  {
    name: "smbd's modules",
    programs: [],
    files: ["usr/lib/*/samba/vfs/streams_xattr.so", "usr/lib/*/samba/vfs/btrfs.so"],
    packages: ["samba-vfs-modules"],
    needed: "comparisons with Samba's server",
  },
  {
    name: "smbtorture",
    programs: ["smbtorture", "gentest"],
    packages: ["samba-testsuite"],
    needed: "conformance",
  },
  {
    name: "impacket",
    programs: ["python3"],
    files: ["usr/bin/python3", "usr/lib/python3/dist-packages/impacket/__init__.py"],
    packages: ["python3-impacket"],
    needed: "tests with impacket's client",
  },
  {
    name: "Prometheus' client",
    programs: [],
    files: ["usr/lib/python3/dist-packages/prometheus_client/parser.py"],
    packages: ["python3-prometheus-client"],
    needed: "the metrics, read by Prometheus' own parser",
  },
  {
    name: "MIT Kerberos",
    programs: ["krb5kdc", "kdb5_util", "kadmin.local", "kinit", "kvno"],
    packages: ["krb5-kdc", "krb5-admin-server", "krb5-user"],
    needed: "log-ons with tickets",
  },
  {
    name: "Samba's domain controller",
    programs: ["samba", "samba-tool", "ldbmodify"],
    files: ["usr/lib/*/samba/ldb/samba_dsdb.so", "usr/share/samba/setup/provision.ldif"],
    packages: ["samba", "samba-dsdb-modules", "samba-ad-provision", "ldb-tools"],
    needed: "tickets with the groups of a domain",
  },
  {
    name: "gcc",
    programs: ["gcc"],
    files: ["usr/include/linux/fs.h"],
    packages: ["gcc", "libc6-dev"],
    needed: "the C headers' structure offsets",
  },
  {
    name: "attr",
    programs: ["getfattr", "setfattr"],
    packages: ["attr"],
    needed: "tests of extended attributes",
  },
  {
    name: "gettext",
    programs: ["xgettext", "msgfmt"],
    packages: ["gettext"],
    needed: "the translation template of LuCI's pages",
  },
  { name: "acl", programs: ["setfacl"], packages: ["acl"], needed: "tests of POSIX ACLs" },
  {
    name: "ext4's programs",
    programs: ["mkfs.ext4", "mkfs.ext2", "dumpe2fs", "debugfs", "chattr"],
    packages: ["e2fsprogs"],
    needed: "tests on a disk of their own",
  },
  {
    name: "XFS's programs",
    programs: ["mkfs.xfs"],
    packages: ["xfsprogs"],
    needed: "tests on XFS",
  },
  {
    name: "btrfs's programs",
    programs: ["mkfs.btrfs"],
    packages: ["btrfs-progs"],
    needed: "tests on btrfs",
  },
  {
    name: "FAT's programs",
    programs: ["mkfs.vfat"],
    packages: ["dosfstools"],
    needed: "tests of FAT's labels",
  },
  {
    name: "exFAT in user space",
    programs: ["mount.exfat-fuse", "mkfs.exfat"],
    packages: ["exfat-fuse", "exfatprogs"],
    needed: "tests on a disk without extended attributes",
  },
  {
    name: "ntfs-3g",
    programs: ["mount.ntfs-3g", "mkfs.ntfs", "mkntfs"],
    packages: ["ntfs-3g"],
    needed: "tests on a disk with attributes of its own",
  },
  {
    name: "libfaketime",
    programs: [],
    files: ["usr/lib/*/faketime/libfaketimeMT.so.1"],
    packages: ["libfaketime"],
    needed: "tests with a clock that jumps",
  },
  {
    name: "mount",
    programs: ["mount", "umount", "losetup"],
    packages: ["mount"],
    needed: "tests on disks of their own",
  },
  {
    name: "a neighbour of multicast DNS",
    programs: ["ping"],
    files: ["usr/lib/python3/dist-packages/zeroconf/__init__.py"],
    packages: ["python3-zeroconf", "iputils-ping"],
    needed: "tests of multicast DNS",
  },
  { name: "ip", programs: ["ip"], packages: ["iproute2"], needed: "tests with a network of their own" },
  {
    name: "busybox",
    programs: ["busybox"],
    packages: ["busybox-static"],
    needed: "tests of OpenWrt's scripts",
  },
  {
    name: "strace",
    programs: ["strace"],
    packages: ["strace"],
    needed: "tests that kill at any system call",
  },
  {
    name: "avahi",
    programs: ["avahi-daemon", "avahi-browse", "dbus-daemon"],
    packages: ["avahi-daemon", "avahi-utils", "dbus-daemon"],
    needed: "tests of discovery beside another responder, and with a neighbour's",
  },
  { name: "wsdd", programs: ["wsdd"], packages: ["wsdd"], needed: "tests of discovery as Windows does it" },
  {
    name: "Chromium",
    programs: ["chromium"],
    packages: ["chromium"],
    needed: "the web page in a browser",
  },
  {
    name: "shellcheck",
    programs: ["shellcheck"],
    packages: ["shellcheck"],
    needed: "the check of the boards' scripts",
  },
  {
    name: "lintian",
    programs: ["lintian"],
    packages: ["lintian"],
    needed: "the check of the Debian packages",
  },
  {
    name: "systemd's programs",
    programs: ["systemd-analyze"],
    packages: ["systemd"],
    needed: "the check of the systemd unit",
  },
  {
    name: "nmap",
    programs: ["nmap"],
    packages: ["nmap"],
    needed: "what nmap's scripts find",
  },
  { name: "curl", programs: ["curl"], packages: ["curl"], needed: "tests of the web page" },
  {
    name: "OpenSSL",
    programs: ["openssl"],
    packages: ["openssl"],
    needed: "tests of the web page's certificate",
  },
  { name: "groff", programs: ["groff"], packages: ["groff-base"], needed: "the check of the man pages" },
  ...(process.arch === "arm64" ? [] : ARM64),
];

/** Of packages that every Debian and every other Linux system has: the C library's, coreutils, findutils, util-linux. */
export const BASE_PROGRAMS: readonly string[] = [
  ...[
    "cat",
    "chgrp",
    "chmod",
    "cp",
    "dd",
    "ln",
    "ls",
    "mkfifo",
    "mknod",
    "mv",
    "rm",
    "rmdir",
    "sleep",
    "stat",
  ],
  ...["sync", "touch", "true", "truncate"],
  ...["bash", "blkid", "find", "findmnt", "grep", "nsenter", "sed", "setpriv", "sh", "tar", "unshare"],
];

/** Path of a program, in the directories of sbin as well; null where there is none. */
export function findProgram(name: string): string | null {
  return Bun.which(name, { PATH: SEARCH_PATH });
}

export function isThere({ programs, files = [] }: Tool): boolean {
  const hasMatch = (pattern: string): boolean =>
    pattern.includes("*")
      ? [...new Bun.Glob(pattern).scanSync({ cwd: "/", onlyFiles: false })].length > 0
      : existsSync(`/${pattern}`);
  return programs.every((name) => findProgram(name) !== null) && files.every(hasMatch);
}
