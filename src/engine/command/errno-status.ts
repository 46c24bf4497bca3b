// Maps errno to NTSTATUS: the status that Windows returns for the same condition; [MS-ERREF] 2.3.
import { Errno } from "../../linux/errno.ts";
import type { Failure } from "../vfs/store.ts";
import { type NtStatus, Status } from "../../wire/status.ts";

const statuses: ReadonlyMap<number, NtStatus> = new Map<number, NtStatus>([
  [Errno.EPERM, Status.ACCESS_DENIED],
  [Errno.ENOENT, Status.OBJECT_NAME_NOT_FOUND],
  [Errno.EINTR, Status.IO_TIMEOUT],
  [Errno.EIO, Status.UNEXPECTED_IO_ERROR],
  [Errno.ENXIO, Status.NO_SUCH_DEVICE],
  [Errno.E2BIG, Status.DISK_FULL], // a value beyond what the disk or its sidecar takes
  [Errno.EBADF, Status.FILE_CLOSED],
  [Errno.EAGAIN, Status.IO_TIMEOUT],
  [Errno.ENOMEM, Status.INSUFFICIENT_RESOURCES],
  [Errno.EACCES, Status.ACCESS_DENIED],
  [Errno.EFAULT, Status.INVALID_PARAMETER],
  [Errno.EBUSY, Status.SHARING_VIOLATION],
  [Errno.EEXIST, Status.OBJECT_NAME_COLLISION],
  [Errno.EXDEV, Status.NOT_SAME_DEVICE],
  [Errno.ENODEV, Status.NO_SUCH_DEVICE],
  [Errno.ENOTDIR, Status.NOT_A_DIRECTORY],
  [Errno.EISDIR, Status.FILE_IS_A_DIRECTORY],
  [Errno.EINVAL, Status.INVALID_PARAMETER],
  [Errno.ENFILE, Status.TOO_MANY_OPENED_FILES],
  [Errno.EMFILE, Status.TOO_MANY_OPENED_FILES],
  [Errno.ETXTBSY, Status.SHARING_VIOLATION],
  [Errno.EFBIG, Status.FILE_TOO_LARGE], // FAT ends at four gigabytes
  [Errno.ENOSPC, Status.DISK_FULL],
  [Errno.EROFS, Status.MEDIA_WRITE_PROTECTED],
  [Errno.EMLINK, Status.TOO_MANY_LINKS],
  [Errno.ERANGE, Status.INVALID_PARAMETER],
  [Errno.ENAMETOOLONG, Status.OBJECT_NAME_INVALID],
  [Errno.ENOLCK, Status.INSUFFICIENT_RESOURCES],
  [Errno.ENOSYS, Status.NOT_SUPPORTED],
  [Errno.ENOTEMPTY, Status.DIRECTORY_NOT_EMPTY],
  [Errno.ELOOP, Status.ACCESS_DENIED], // a symbolic link that may not be followed
  [Errno.EREMOTE, Status.PATH_NOT_COVERED], // a DFS link
  [Errno.ENODATA, Status.NOT_FOUND],
  [Errno.EOVERFLOW, Status.INVALID_PARAMETER],
  [Errno.EILSEQ, Status.OBJECT_NAME_INVALID], // a name that the file system cannot hold
  [Errno.EOPNOTSUPP, Status.NOT_SUPPORTED],
  [Errno.EMSGSIZE, Status.ALLOTTED_SPACE_EXCEEDED], // beyond a stream of fixed size
  [Errno.ENOTCONN, Status.UNEXPECTED_NETWORK_ERROR], // a FUSE server that died
  [Errno.ESHUTDOWN, Status.UNEXPECTED_NETWORK_ERROR],
  [Errno.ETIMEDOUT, Status.IO_TIMEOUT],
  [Errno.ESTALE, Status.FILE_CLOSED],
  [Errno.EUCLEAN, Status.DISK_CORRUPT_ERROR],
  [Errno.EDQUOT, Status.DISK_FULL],
  [Errno.ENOMEDIUM, Status.NO_MEDIA_IN_DEVICE],
  [Errno.ECANCELED, Status.CANCELLED],
  [Errno.ENOKEY, Status.OBJECT_NAME_NOT_FOUND], // a name that is not for clients
]);

/** NTSTATUS for the -errno of a file operation; UNSUCCESSFUL for an unknown one. */
export function statusOf(failure: Failure): NtStatus {
  return statuses.get(-failure) ?? Status.UNSUCCESSFUL;
}

/**
 * NTSTATUS for the -errno of a failed look-up, where ENOENT and ENOTDIR concern a parent:
 * OBJECT_PATH_NOT_FOUND.
 */
export function lookupStatusOf(failure: Failure): NtStatus {
  if (failure === -Errno.ENOENT || failure === -Errno.ENOTDIR) return Status.OBJECT_PATH_NOT_FOUND;
  return statusOf(failure);
}
