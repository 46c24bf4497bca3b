// Maps errno to NTSTATUS: the status that Windows returns for the same condition; [MS-ERREF] 2.3.
import type { Failure } from "../vfs/store.ts";
import { type NtStatus, Status } from "../../wire/status.ts";

const statuses: ReadonlyMap<number, NtStatus> = new Map([
  [1, Status.ACCESS_DENIED], // EPERM
  [2, Status.OBJECT_NAME_NOT_FOUND], // ENOENT
  [4, Status.IO_TIMEOUT], // EINTR
  [5, Status.UNEXPECTED_IO_ERROR], // EIO
  [6, Status.NO_SUCH_DEVICE], // ENXIO
  [7, Status.DISK_FULL], // E2BIG: a value beyond what the disk or its sidecar takes
  [9, Status.FILE_CLOSED], // EBADF
  [11, Status.IO_TIMEOUT], // EAGAIN
  [12, Status.INSUFFICIENT_RESOURCES], // ENOMEM
  [13, Status.ACCESS_DENIED], // EACCES
  [14, Status.INVALID_PARAMETER], // EFAULT
  [16, Status.SHARING_VIOLATION], // EBUSY
  [17, Status.OBJECT_NAME_COLLISION], // EEXIST
  [18, Status.NOT_SAME_DEVICE], // EXDEV
  [19, Status.NO_SUCH_DEVICE], // ENODEV
  [20, Status.NOT_A_DIRECTORY], // ENOTDIR
  [21, Status.FILE_IS_A_DIRECTORY], // EISDIR
  [22, Status.INVALID_PARAMETER], // EINVAL
  [23, Status.TOO_MANY_OPENED_FILES], // ENFILE
  [24, Status.TOO_MANY_OPENED_FILES], // EMFILE
  [26, Status.SHARING_VIOLATION], // ETXTBSY
  [27, Status.FILE_TOO_LARGE], // EFBIG: FAT ends at four gigabytes
  [28, Status.DISK_FULL], // ENOSPC
  [30, Status.MEDIA_WRITE_PROTECTED], // EROFS
  [31, Status.TOO_MANY_LINKS], // EMLINK
  [34, Status.INVALID_PARAMETER], // ERANGE
  [36, Status.OBJECT_NAME_INVALID], // ENAMETOOLONG
  [37, Status.INSUFFICIENT_RESOURCES], // ENOLCK
  [38, Status.NOT_SUPPORTED], // ENOSYS
  [39, Status.DIRECTORY_NOT_EMPTY], // ENOTEMPTY
  [40, Status.ACCESS_DENIED], // ELOOP: a symbolic link that may not be followed
  [61, Status.NOT_FOUND], // ENODATA
  [75, Status.INVALID_PARAMETER], // EOVERFLOW
  [84, Status.OBJECT_NAME_INVALID], // EILSEQ: a name that the file system cannot hold
  [95, Status.NOT_SUPPORTED], // EOPNOTSUPP
  [107, Status.UNEXPECTED_NETWORK_ERROR], // ENOTCONN: a FUSE server that died
  [108, Status.UNEXPECTED_NETWORK_ERROR], // ESHUTDOWN
  [110, Status.IO_TIMEOUT], // ETIMEDOUT
  [116, Status.FILE_CLOSED], // ESTALE
  [117, Status.DISK_CORRUPT_ERROR], // EUCLEAN
  [122, Status.DISK_FULL], // EDQUOT
  [123, Status.NO_MEDIA_IN_DEVICE], // ENOMEDIUM
  [125, Status.CANCELLED], // ECANCELED
  [126, Status.OBJECT_NAME_NOT_FOUND], // ENOKEY: a name that is not for clients
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
  if (failure === -2 || failure === -20) return Status.OBJECT_PATH_NOT_FOUND;
  return statusOf(failure);
}
