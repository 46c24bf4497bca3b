// NTSTATUS for failed system calls; [MS-ERREF] 2.3.
import { describe, expect, test } from "bun:test";
import { lookupStatusOf, statusOf } from "../../../src/engine/command/errno-status.ts";
import { Errno } from "../../../src/linux/errno.ts";
import { Status, statusName } from "../../../src/wire/status.ts";

const statuses: readonly [keyof typeof Errno, keyof typeof Status][] = [
  ["EPERM", "ACCESS_DENIED"],
  ["ENOENT", "OBJECT_NAME_NOT_FOUND"],
  ["EIO", "UNEXPECTED_IO_ERROR"],
  ["EBADF", "FILE_CLOSED"],
  ["ENOMEM", "INSUFFICIENT_RESOURCES"],
  ["EACCES", "ACCESS_DENIED"],
  ["EBUSY", "SHARING_VIOLATION"],
  ["EEXIST", "OBJECT_NAME_COLLISION"],
  ["EXDEV", "NOT_SAME_DEVICE"],
  ["ENOTDIR", "NOT_A_DIRECTORY"],
  ["EISDIR", "FILE_IS_A_DIRECTORY"],
  ["EINVAL", "INVALID_PARAMETER"],
  ["EMFILE", "TOO_MANY_OPENED_FILES"],
  ["EFBIG", "FILE_TOO_LARGE"],
  ["ENOSPC", "DISK_FULL"],
  ["EDQUOT", "DISK_FULL"],
  ["EROFS", "MEDIA_WRITE_PROTECTED"],
  ["EMLINK", "TOO_MANY_LINKS"],
  ["ENAMETOOLONG", "OBJECT_NAME_INVALID"],
  ["EILSEQ", "OBJECT_NAME_INVALID"],
  ["ENOTEMPTY", "DIRECTORY_NOT_EMPTY"],
  ["ELOOP", "ACCESS_DENIED"],
  ["EOPNOTSUPP", "NOT_SUPPORTED"],
  ["ENODATA", "NOT_FOUND"],
  ["ETIMEDOUT", "IO_TIMEOUT"],
  ["ENOTCONN", "UNEXPECTED_NETWORK_ERROR"],
  ["ESTALE", "FILE_CLOSED"],
  ["ENOMEDIUM", "NO_MEDIA_IN_DEVICE"],
  ["ECANCELED", "CANCELLED"],
  ["ENOKEY", "OBJECT_NAME_NOT_FOUND"],
];

describe("statusOf", () => {
  test.each([...statuses])("-%s is STATUS_%s", (errno, status) => {
    expect(statusName(statusOf(-Errno[errno]))).toBe(`STATUS_${status}`);
  });

  test("an errno without an equivalent is STATUS_UNSUCCESSFUL", () => {
    expect(statusOf(-Errno.ESRCH)).toBe(Status.UNSUCCESSFUL);
    expect(statusOf(-4095)).toBe(Status.UNSUCCESSFUL);
  });
});

describe("lookupStatusOf, [MS-FSA] 2.1.5.1 phase 6", () => {
  test.each<[keyof typeof Errno, keyof typeof Status]>([
    // A parent directory is missing, or is no directory.
    ["ENOENT", "OBJECT_PATH_NOT_FOUND"],
    ["ENOTDIR", "OBJECT_PATH_NOT_FOUND"],
    // The last component is vetoed.
    ["ENOKEY", "OBJECT_NAME_NOT_FOUND"],
    ["EACCES", "ACCESS_DENIED"],
    ["ENAMETOOLONG", "OBJECT_NAME_INVALID"],
    ["EILSEQ", "OBJECT_NAME_INVALID"],
  ])("-%s is STATUS_%s", (errno, status) => {
    expect(statusName(lookupStatusOf(-Errno[errno]))).toBe(`STATUS_${status}`);
  });
});
