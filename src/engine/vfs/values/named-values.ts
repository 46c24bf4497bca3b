// Named values of an object, in extended attributes where the disk has them, else in the sidecar; xattr(7).
import { Errno } from "../../../linux/errno.ts";
import { Scratch } from "../../../linux/libc.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "../../../linux/xattr.ts";
import { deviceOf } from "../format/file-stat.ts";
import { traitsOf, storesXattr, needsSidecar, noteXattrRefused } from "../context/disk-traits.ts";
import {
  OVERFLOW_MARK,
  type OverflowTarget,
  dropOverflow,
  mayHaveOverflow,
  isMarkedFor,
  isStub,
  isTooLarge,
  listOverflow,
  mayOverflow,
  putOverflow,
  removeWithOverflow,
} from "./overflow.ts";
import { foldName } from "../name/names.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { Subject } from "../sidecar/entry.ts";
import {
  getSidecarValue,
  listSidecarValues,
  removeSidecarValue,
  setSidecarValue,
} from "../sidecar/folder.ts";
import type { Failure } from "../store.ts";
import { removeAppleValue, setAppleValue } from "./apple-changes.ts";
import { getAppleValue, isAbsent, listAppleValues } from "./apple-values.ts";
import { inSidecar, changeSidecar } from "./in-sidecar.ts";

// XATTR_SIZE_MAX, the kernel's limit.
const MAX_XATTR_BYTES = 65_536;
const room = new Scratch(MAX_XATTR_BYTES);
const stat = emptyStatx();

/** `NamedValues.areAttributes` for an object of the disk `device`. */
export function storesAttributes(context: ShareContext, fd: number, device: number): boolean {
  return traitsOf(context, device, fd).hasUserXattrs;
}

/** `NamedValues.get`. */
export function getNamedValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
): Uint8Array | Failure {
  const value = getStored(context, fd, path, name);
  if (!isAbsent(value)) return value;
  const inFile = getAppleValue(context, fd, path, name);
  return isAbsent(inFile) ? value : inFile;
}

function getStored(context: ShareContext, fd: number, path: string, name: string): Uint8Array | Failure {
  const length = getXattr(fd, name, room);
  const attribute = length >= 0 ? room.bytes.slice(0, length) : undefined;
  if (attribute !== undefined && !isStub(name, attribute)) return attribute;
  if (
    attribute === undefined &&
    length !== -Errno.EOPNOTSUPP &&
    (length !== -Errno.ENODATA || !isMarkedFor(fd, name))
  )
    return length;
  const value = inSidecar<Uint8Array | Failure>(context, fd, path, (folder, subject) =>
    getSidecarValue(folder, subject, name),
  );
  if (length === -Errno.EOPNOTSUPP || typeof value === "object") return value;
  if (value !== -Errno.ENOENT && value !== -Errno.ENODATA) return value;
  // A lost descriptor must not leave the object unprotected: the stub makes the rights on disk apply.
  return name.startsWith("user.") ? -Errno.ENODATA : (attribute ?? -Errno.ENODATA);
}

/** `NamedValues.set`; with `overflows` `ValueOverflow.set`. */
export function setNamedValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  value: Uint8Array,
  overflows = false,
): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  // A large value goes into a file that is synced to disk, for which the event loop must not wait.
  if (value.length > MAX_XATTR_BYTES && !context.isWorker) return -Errno.EAGAIN;
  const data = context.grant.streamForm === "samba" ? value.subarray(0, -1) : value;
  const isStored = (): boolean => !isAbsent(getStored(context, fd, path, name));
  const inFile = setAppleValue(context, fd, path, name, data, isStored);
  if (inFile === undefined) return setStored(context, fd, path, name, value, overflows);
  if (inFile < 0) return inFile;
  // An earlier version stored it in the sidecar, and would count.
  const removed = removeStored(context, fd, path, name);
  return removed < 0 && !isAbsent(removed) ? removed : 0;
}

function setStored(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  value: Uint8Array,
  overflows: boolean,
): 0 | Failure {
  const failure = statFd(fd, stat);
  if (failure < 0) return failure;
  const traits = traitsOf(context, deviceOf(stat), fd);
  if (storesXattr(traits, name)) {
    const hadOverflow = mayOverflow(name) && mayHaveOverflow(fd, name);
    // What is in the sidecar may be large, and its removal takes long.
    if (hadOverflow && !context.isWorker) return -Errno.EAGAIN;
    const result = setXattr(fd, name, value);
    if (result === 0 && hadOverflow)
      changeOverflow(context, fd, path, (target) => dropOverflow(target, name));
    if (overflows && mayOverflow(name) && isTooLarge(result))
      return changeOverflow(context, fd, path, (target) => putOverflow(target, name, value));
    if (result !== -Errno.EOPNOTSUPP) return result;
    noteXattrRefused(traits, name);
  }
  return changeSidecar(context, fd, path, (folder, subject) => setSidecarValue(folder, subject, name, value));
}

/** `NamedValues.remove`. */
export function removeNamedValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  keepsAppleDouble = false,
): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  const inFile = keepsAppleDouble ? -Errno.ENODATA : removeAppleValue(context, fd, path, name);
  if (inFile < 0 && !isAbsent(inFile)) return inFile;
  const stored = removeStored(context, fd, path, name);
  return isAbsent(stored) && inFile === 0 ? 0 : stored;
}

function removeStored(context: ShareContext, fd: number, path: string, name: string): 0 | Failure {
  if (mayOverflow(name) && mayHaveOverflow(fd, name)) {
    const result = changeOverflow(context, fd, path, (target) => removeWithOverflow(target, name));
    if (result !== -Errno.ENOENT) return result;
  }
  const result = removeXattr(fd, name);
  if (result !== -Errno.EOPNOTSUPP) return result;
  return changeSidecar(context, fd, path, (folder, subject) => removeSidecarValue(folder, subject, name));
}

/** `NamedValues.list`. */
export function listNamedValues(
  context: ShareContext,
  fd: number,
  path: string,
): readonly string[] | Failure {
  const stored = listStored(context, fd, path);
  if (typeof stored === "number") return stored;
  const inFile = listAppleValues(context, fd, path, stored);
  if (typeof inFile === "number") return isAbsent(inFile) ? stored : inFile;
  const known = new Set(stored.map(foldName));
  return [...stored, ...inFile.filter((name) => !known.has(foldName(name)))];
}

function listStored(context: ShareContext, fd: number, path: string): readonly string[] | Failure {
  const failure = statFd(fd, stat);
  if (failure < 0) return failure;
  const names = listXattrs(fd);
  if (typeof names === "number" && names !== -Errno.EOPNOTSUPP) return names;
  const attributes = typeof names === "number" ? [] : names;
  if (attributes.includes(OVERFLOW_MARK)) return withOverflow(context, fd, path, attributes);
  if (!needsSidecar(traitsOf(context, deviceOf(stat), fd))) return attributes;
  const stored = inSidecar<string[] | Failure>(context, fd, path, listSidecarValues);
  if (typeof stored === "number") return stored === -Errno.ENOENT ? attributes : stored;
  return [...attributes, ...stored];
}

function withOverflow(
  context: ShareContext,
  fd: number,
  path: string,
  attributes: readonly string[],
): readonly string[] | Failure {
  const stored = inSidecar<string[] | Failure>(context, fd, path, (folder, subject) =>
    listOverflow({ fd, folder, subject }),
  );
  if (typeof stored === "number") return stored === -Errno.ENOENT ? attributes : stored;
  const known = new Set(attributes);
  return [...attributes, ...stored.filter((name) => !known.has(name))];
}

/** Changes the overflow values of an object in the sidecar; once more where it was renamed meanwhile. */
export function changeOverflow(
  context: ShareContext,
  fd: number,
  path: string,
  change: (target: OverflowTarget) => 0 | Failure,
): 0 | Failure {
  const action = (folder: number, subject: Subject): 0 | Failure => change({ fd, folder, subject });
  const result = changeSidecar(context, fd, path, action);
  return result === -Errno.ESTALE ? changeSidecar(context, fd, path, action) : result;
}
