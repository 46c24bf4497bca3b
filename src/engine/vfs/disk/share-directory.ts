// Where a share's directory is: looked up by what is in memory alone, so that a disk which hangs keeps nobody else
// waiting; and whether the path still leads there. statx(2) AT_STATX_DONT_SYNC, openat2(2) RESOLVE_CACHED.
import { existsSync } from "node:fs";
import { Errno } from "../../../linux/errno.ts";
import { currentMounts, mountOf } from "../../../linux/mountinfo.ts";
import { AT_FDCWD, Open, Resolve, closeFd, openAt, openAt2 } from "../../../linux/open.ts";
import { ModeType, emptyStatx, statFd, statFdCached } from "../../../linux/stat.ts";
import { deviceOf, identityOf } from "../format/file-stat.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure } from "../store.ts";

/** A share's directory, opened. */
export interface ShareDirectory {
  /** O_PATH; the caller's. */
  readonly fd: number;
  /** dev_t as one number. */
  readonly device: number;
  readonly mountId: number;
  /** Device, inode and mount. */
  readonly identity: string;
}

const statx = emptyStatx();
const FLAGS = Open.PATH | Open.DIRECTORY;

/** The place that an absolute path leads to, whatever has to be asked for it; an operation of the table. */
export function openShareDirectory(_: ShareContext, path: string): ShareDirectory | Failure {
  return shareDirectoryOf(openAt(AT_FDCWD, path, FLAGS), statFd);
}

/** The same by what is in memory; -EAGAIN where that does not tell. */
export function openCachedShareDirectory(path: string): ShareDirectory | Failure {
  const fd = openAt2(AT_FDCWD, path, FLAGS, 0, Resolve.CACHED);
  // Kernels before 5.12 do not know the flag, before 5.6 the call; a filter may refuse it.
  if (fd === -Errno.EINVAL || fd === -Errno.ENOSYS || fd === -Errno.EPERM) return -Errno.EAGAIN;
  return shareDirectoryOf(fd, statFdCached);
}

function shareDirectoryOf(fd: number, stat: typeof statFd): ShareDirectory | Failure {
  if (fd < 0) return fd;
  const failure = stat(fd, statx);
  if (failure === 0 && (statx.mode & ModeType.MASK) === ModeType.DIRECTORY) {
    const { mountId } = statx;
    return { fd, device: deviceOf(statx), mountId, identity: `${identityOf(statx)}:${mountId}` };
  }
  closeFd(fd);
  return failure < 0 ? failure : -Errno.ENOTDIR;
}

/** The device that a path lies on by the mount table; 0 where it does not say. */
export function deviceOfPath(path: string): number {
  const mount = mountOf(currentMounts(), path);
  return mount === undefined ? 0 : mount.deviceMajor * 0x10_0000 + mount.deviceMinor;
}

/**
 * Whether a share's directory is lost: its disk is unmounted, gone, or covered by another that was mounted over it. A
 * directory that was merely renamed is not. Asks no disk.
 */
export function isShareDirectoryLost(path: string, directory: ShareDirectory): boolean {
  if (isDeviceGone(directory.device)) return true;
  const now = openCachedShareDirectory(path);
  if (typeof now === "number") return now !== -Errno.EAGAIN && !isMounted(directory.mountId);
  closeFd(now.fd);
  return now.device !== directory.device || now.mountId !== directory.mountId;
}

// STATX_MNT_ID came with Linux 5.8.
function isMounted(mountId: number): boolean {
  const mounts = currentMounts();
  return mountId === 0 || mounts.length === 0 || mounts.some((mount) => mount.mountId === mountId);
}

function isDeviceGone(device: number): boolean {
  const major = Math.floor(device / 0x10_0000);
  // Numbers without a block device; and a container without /sys cannot tell.
  if (major === 0 || !existsSync("/sys/dev/block")) return false;
  return !existsSync(`/sys/dev/block/${major}:${device % 0x10_0000}`);
}

/** Failures that a file system gives when what is behind it has gone: a FUSE server, a network, a disk. */
export function isLossOfDisk(failure: Failure): boolean {
  return (
    failure === -Errno.ENOTCONN ||
    failure === -Errno.ESHUTDOWN ||
    failure === -Errno.ENODEV ||
    failure === -Errno.ESTALE ||
    failure === -Errno.ENXIO ||
    failure === -Errno.EHOSTDOWN
  );
}
