// Opens a share's directory, from the kernel's caches alone so that the event loop does not wait for a disk
// that hangs, and checks whether it is lost. statx(2) AT_STATX_DONT_SYNC, openat2(2) RESOLVE_CACHED.
import { existsSync } from "node:fs";
import { Errno } from "../../../linux/errno.ts";
import { currentMounts, mountOf } from "../../../linux/mountinfo.ts";
import { AT_FDCWD, Open, Resolve, closeFd, openAt, openAt2 } from "../../../linux/open.ts";
import type { DirectoryIdentity } from "../../../port/directory.ts";
import { ModeType, emptyStatx, statFd, statFdCached } from "../../../linux/stat.ts";
import { deviceOf, identityOf } from "../format/file-stat.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Failure } from "../store.ts";

/** A share's directory, opened. */
export interface ShareDirectory {
  /** O_PATH; the caller closes it. */
  readonly fd: number;
  /** dev_t as one number. */
  readonly device: number;
  readonly mountId: number;
  /** Device, inode and mount. */
  readonly identity: string;
  readonly inodeHigh: number;
  readonly inodeLow: number;
}

const statx = emptyStatx();
const FLAGS = Open.PATH | Open.DIRECTORY;

/** Opens the directory of an absolute path; may wait for a disk. An operation of the table. */
export function openShareDirectory(_: ShareContext, path: string): ShareDirectory | Failure {
  return shareDirectoryOf(openAt(AT_FDCWD, path, FLAGS), statFd);
}

/** The same from the kernel's caches alone; -EAGAIN where they do not suffice. */
export function openCachedShareDirectory(path: string): ShareDirectory | Failure {
  const fd = openAt2(AT_FDCWD, path, FLAGS, 0, Resolve.CACHED);
  // Kernels before 5.12 lack the flag, before 5.6 the call; a seccomp filter may refuse it.
  if (fd === -Errno.EINVAL || fd === -Errno.ENOSYS || fd === -Errno.EPERM) return -Errno.EAGAIN;
  return shareDirectoryOf(fd, statFdCached);
}

function shareDirectoryOf(fd: number, stat: typeof statFd): ShareDirectory | Failure {
  if (fd < 0) return fd;
  const failure = stat(fd, statx);
  if (failure === 0 && (statx.mode & ModeType.MASK) === ModeType.DIRECTORY) {
    const { mountId, inodeHigh, inodeLow } = statx;
    const identity = `${identityOf(statx)}:${mountId}`;
    return { fd, device: deviceOf(statx), mountId, identity, inodeHigh, inodeLow };
  }
  closeFd(fd);
  return failure < 0 ? failure : -Errno.ENOTDIR;
}

/** `isRemote`: of a network or FUSE file system, whose inode numbers may change. */
export function isSameDirectory(
  directory: ShareDirectory,
  { device, inodeHigh, inodeLow }: DirectoryIdentity,
  isRemote: boolean,
): boolean {
  if (directory.device !== device) return false;
  return isRemote || (directory.inodeHigh === inodeHigh && directory.inodeLow === inodeLow);
}

/** The device (dev_t as one number) of a path by the mount table; 0 where it is unknown. */
export function deviceOfPath(path: string): number {
  const mount = mountOf(currentMounts(), path);
  return mount === undefined ? 0 : mount.deviceMajor * 0x10_0000 + mount.deviceMinor;
}

/**
 * True where a share's directory is lost: its disk was unmounted or unplugged, another was mounted over it,
 * it was removed, or its path leads to another directory. One that was only renamed is not lost. Never waits
 * for a disk. `isRemote`: of a network or FUSE file system, whose inode numbers may change.
 */
export function isShareDirectoryLost(path: string, directory: ShareDirectory, isRemote: boolean): boolean {
  if (isDeviceGone(directory.device)) return true;
  if (!isRemote && statFdCached(directory.fd, statx) === 0 && statx.links === 0) return true;
  const now = openCachedShareDirectory(path);
  // A folder of a disk that was unmounted is not in the kernel's caches: -EAGAIN.
  if (typeof now === "number") return !isMounted(directory.mountId);
  closeFd(now.fd);
  if (now.device !== directory.device || now.mountId !== directory.mountId) return true;
  return !isRemote && now.identity !== directory.identity;
}

/** True where that cannot be told, too: STATX_MNT_ID came with Linux 5.8. */
export function isMounted(mountId: number): boolean {
  const mounts = currentMounts();
  return mountId === 0 || mounts.length === 0 || mounts.some((mount) => mount.mountId === mountId);
}

function isDeviceGone(device: number): boolean {
  const major = Math.floor(device / 0x10_0000);
  // Major 0 has no block device; a container without /sys cannot tell.
  if (major === 0 || !existsSync("/sys/dev/block")) return false;
  return !existsSync(`/sys/dev/block/${major}:${device % 0x10_0000}`);
}

/** True for a failure that says that the FUSE server, network or disk behind the file system is gone. */
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
