// Named values in parts (`LargeValues`): reads a range of any value; writes, truncates and sizes those that
// are files of their own in the sidecar. The cost follows the request, not the size of the value.
import { Errno } from "../../../linux/errno.ts";
import { Scratch } from "../../../linux/libc.ts";
import { readNowToAddress, readToAddress, syncData, syncFd, truncateFd } from "../../../linux/io.ts";
import { Open, closeFd } from "../../../linux/open.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { getXattr, removeXattr } from "../../../linux/xattr.ts";
import { identityOf } from "../format/file-stat.ts";
import { writeRange, zeroRange } from "../context/data-range.ts";
import type { ShareContext } from "../context/share-context.ts";
import { DATA_START, copyBytes, lockForChange, writeAll } from "../sidecar/data-file.ts";
import {
  type ValueRange,
  measureSidecarValues,
  openSidecarValue,
  renameSidecarValue,
  storeInDataFile,
} from "../sidecar/value-file.ts";
import type { Subject } from "../sidecar/entry.ts";
import type { Count, Failure } from "../store.ts";
import { ValuePlace, type ValueSize } from "../value-store.ts";
import {
  removeAppleValue,
  renameAppleValue,
  setAppleValue,
  truncateAppleFork,
  writeAppleFork,
  zeroAppleFork,
} from "./apple-changes.ts";
import {
  flushAppleValue,
  getAppleValue,
  isAbsent,
  measureAppleValue,
  readAppleValue,
} from "./apple-values.ts";
import { changeSidecar, inSidecar } from "./in-sidecar.ts";
import { changeOverflow } from "./named-values.ts";
import { type OverflowTarget, isMarkedFor, isStub, storeOverflow } from "./overflow.ts";

/**
 * The longest value. A hard link copies it, and so does a move to another folder on a disk without hard
 * links: within one request, which `volume timeout` limits.
 */
export const MAX_LARGE_VALUE_BYTES = 1_073_741_824;

const MAX_XATTR_BYTES = 65_536;
/** Attempts to change a value whose file is moved to another folder meanwhile. */
const MAX_ROUNDS = 4;
const room = new Scratch(MAX_XATTR_BYTES);
const facts = emptyStatx();

/** The value's bytes in `room`: their number, undefined where it is in the sidecar, or a failure. */
function attributeBytes(fd: number, name: string): number | undefined {
  const length = getXattr(fd, name, room);
  if (length >= 0) return isStub(name, room.bytes.subarray(0, length)) ? undefined : length;
  if (length === -Errno.EOPNOTSUPP) return undefined;
  return length === -Errno.ENODATA && isMarkedFor(fd, name) ? undefined : length;
}

/** `LargeValues.measure`. */
export function measureNamedValues(
  context: ShareContext,
  fd: number,
  path: string,
  names: readonly string[],
): (ValueSize | Failure)[] | Failure {
  const sizes = names.map((name) => {
    const bytes = attributeBytes(fd, name);
    if (bytes === undefined || bytes < 0) return bytes;
    return { bytes, last: bytes === 0 ? -1 : (room.bytes[bytes - 1] ?? 0), place: ValuePlace.ATTRIBUTE };
  });
  const elsewhere = names.filter((_, i) => sizes[i] === undefined);
  const inFile = (size: ValueSize | Failure, i: number): ValueSize | Failure =>
    isAbsent(size) ? measureAppleValue(context, fd, path, names[i] ?? "") : size;
  if (elsewhere.length === 0) return sizes.map((size) => size ?? -Errno.ENODATA).map(inFile);
  const stored = inSidecar(context, fd, path, (folder, subject) =>
    measureSidecarValues(folder, subject, elsewhere),
  );
  if (typeof stored === "number" && stored !== -Errno.ENODATA && stored !== -Errno.ENOENT) return stored;
  let next = 0;
  return sizes
    .map((size) => {
      if (size !== undefined) return size;
      return typeof stored === "number" ? -Errno.ENODATA : (stored[next++] ?? -Errno.ENODATA);
    })
    .map(inFile);
}

/**
 * `LargeValues.read` to an address, without a checksum. -EAGAIN on the event loop where the data is not in
 * the page cache.
 */
export function readValueAt(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  const count = readStored(context, fd, path, name, address, length, offset);
  return isAbsent(count) ? readAppleValue(context, fd, path, name, address, length, offset) : count;
}

function readStored(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  const attribute = attributeBytes(fd, name);
  if (attribute !== undefined) return attribute < 0 ? attribute : -Errno.EOPNOTSUPP;
  const result = inSidecar<Count | Failure>(context, fd, path, (folder, subject) => {
    const range = openSidecarValue(folder, subject, name, Open.RDONLY);
    if (typeof range === "number") return range;
    const count = readRange(range, address, length, offset, context.isWorker);
    closeFd(range.fd);
    return count;
  });
  return result === -Errno.ENOENT ? -Errno.ENODATA : result;
}

function readRange(
  { fd, start, bytes }: ValueRange,
  address: number,
  length: number,
  offset: number,
  mayWait: boolean,
): Count | Failure {
  const wanted = Math.max(0, Math.min(length, bytes - offset));
  for (let done = 0; done < wanted;) {
    const at = start + offset + done;
    const count = mayWait
      ? readToAddress(fd, address + done, wanted - done, at)
      : readNowToAddress(fd, address + done, wanted - done, at);
    if (count < 0) return !mayWait && isUnsure(count) ? -Errno.EAGAIN : count;
    if (count === 0) return done;
    done += count;
  }
  return wanted;
}

/** True for what RWF_NOWAIT returns where the data is not in memory, or the file system does not say. */
function isUnsure(failure: number): boolean {
  return failure === -Errno.EAGAIN || failure === -Errno.EOPNOTSUPP || failure === -Errno.ENOSYS;
}

/** Calls `change` with the data file of a value, in a worker; -EOPNOTSUPP for a value that has none. */
function withDataFile<T extends number>(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  change: (data: number) => T | Failure,
): T | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  if (!context.isWorker) return -Errno.EAGAIN;
  const attribute = attributeBytes(fd, name);
  if (attribute !== undefined) return attribute < 0 ? attribute : -Errno.EOPNOTSUPP;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = inSidecar<T | Failure | undefined>(context, fd, path, (folder, subject) => {
      const range = openSidecarValue(folder, subject, name, Open.RDWR);
      if (typeof range === "number") return range;
      try {
        if (!range.isFile) return -Errno.EOPNOTSUPP;
        const failure = lockForChange(range.fd);
        if (failure < 0) return failure;
        // It may have been copied to another folder before the lock was taken.
        return isCurrent(folder, subject, name, range.fd) ? change(range.fd) : undefined;
      } finally {
        closeFd(range.fd);
      }
    });
    if (result !== undefined) return result === -Errno.ENOENT ? -Errno.ENODATA : result;
  }
  return -Errno.EBUSY;
}

function isCurrent(folder: number, subject: Subject, name: string, fd: number): boolean {
  const now = openSidecarValue(folder, subject, name, Open.RDONLY);
  if (typeof now === "number") return false;
  const isSame = statFd(now.fd, facts) === 0;
  const identity = identityOf(facts);
  closeFd(now.fd);
  return isSame && statFd(fd, facts) === 0 && identityOf(facts) === identity;
}

/** `LargeValues.write` from an address. */
export function writeValueAt(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  const count = withDataFile(context, fd, path, name, (data) =>
    writeRange(data, address, length, DATA_START + offset),
  );
  return isAbsent(count) ? writeAppleFork(context, fd, path, name, address, length, offset) : count;
}

/** `LargeValues.truncate`. */
export function truncateValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  size: number,
): 0 | Failure {
  const result = withDataFile(context, fd, path, name, (data) => {
    const failure = truncateFd(data, DATA_START + size);
    return failure < 0 ? failure : 0;
  });
  return isAbsent(result) ? truncateAppleFork(context, fd, path, name, size) : result;
}

/** `LargeValues.zeroRange`. */
export function zeroValueRange(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  offset: number,
  length: number,
): Count | Failure {
  const count = withDataFile(context, fd, path, name, (data) =>
    zeroRange(data, DATA_START + offset, length, false),
  );
  return isAbsent(count) ? zeroAppleFork(context, fd, path, name, offset, length) : count;
}

/** `LargeValues.flush`: attributes reach the disk with their file. */
export function flushValue(context: ShareContext, fd: number, path: string, name: string): 0 | Failure {
  if (!context.isWorker) return -Errno.EAGAIN;
  const flushed = flushStored(context, fd, path, name);
  return isAbsent(flushed) ? flushAppleValue(context, fd, path) : flushed;
}

function flushStored(context: ShareContext, fd: number, path: string, name: string): 0 | Failure {
  const attribute = attributeBytes(fd, name);
  if (attribute !== undefined) return attribute < 0 ? attribute : 0;
  const result = inSidecar<0 | Failure>(context, fd, path, (folder, subject) => {
    const range = openSidecarValue(folder, subject, name, Open.RDONLY);
    if (typeof range === "number") return range;
    const failure = range.isFile ? syncFd(range.fd) : syncData(range.fd);
    closeFd(range.fd);
    return failure < 0 ? failure : 0;
  });
  return result === -Errno.ENOENT ? -Errno.ENODATA : result;
}

/** `LargeValues.store`. */
export function storeLargeValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  data: Uint8Array | undefined,
  bytes: number,
): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  if (!context.isWorker) return -Errno.EAGAIN;
  const inFile = measureAppleValue(context, fd, path, name);
  const isInFile = typeof inFile !== "number";
  const present = data ?? (isInFile ? getAppleValue(context, fd, path, name) : undefined);
  if (typeof present === "number") return present;
  if (present !== undefined) {
    const result = setAppleValue(context, fd, path, name, present.subarray(0, bytes), () => false);
    if (result !== undefined) return result;
  }
  const stored = storeAsFile(context, fd, path, name, present, bytes);
  // It has become too long for an attribute of macOS.
  if (stored === 0 && isInFile) removeAppleValue(context, fd, path, name);
  return stored;
}

function storeAsFile(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  data: Uint8Array | undefined,
  bytes: number,
): 0 | Failure {
  return changeOverflow(context, fd, path, (target) => {
    const { folder, subject } = target;
    const fill = (to: number): 0 | Failure =>
      data === undefined ? copyPresent(target, name, to, bytes) : writeAll(to, data, DATA_START);
    const hasAttributes = getXattr(fd, name, room) !== -Errno.EOPNOTSUPP;
    if (!hasAttributes) return storeInDataFile(folder, subject, name, fill);
    return storeOverflow(target, name, (isValid) => storeInDataFile(folder, subject, name, fill, isValid));
  });
}

/** Copies the first bytes of the present value, wherever it is. */
function copyPresent(
  { fd, folder, subject }: OverflowTarget,
  name: string,
  to: number,
  bytes: number,
): 0 | Failure {
  const attribute = attributeBytes(fd, name);
  if (attribute !== undefined)
    return attribute < 0 ? attribute : writeAll(to, room.bytes.subarray(0, bytes), DATA_START);
  const range = openSidecarValue(folder, subject, name, Open.RDONLY);
  if (typeof range === "number") return range;
  const failure = copyBytes(range.fd, range.start, to, DATA_START, Math.min(bytes, range.bytes));
  closeFd(range.fd);
  return failure;
}

/** `LargeValues.rename`. */
export function renameNamedValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  newName: string,
): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  if (!context.isWorker) return -Errno.EAGAIN;
  const inFile = renameAppleValue(context, fd, path, name, newName);
  if (!isAbsent(inFile)) return inFile;
  const attribute = attributeBytes(fd, name);
  if (attribute !== undefined) return attribute < 0 ? attribute : -Errno.EOPNOTSUPP;
  const result = changeSidecar(context, fd, path, (folder, subject) =>
    renameSidecarValue(folder, subject, name, newName),
  );
  // An attribute would count instead of it.
  if (result === 0) removeXattr(fd, newName);
  return result;
}
