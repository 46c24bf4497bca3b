// Named values of an object: the disk's extended attributes where it has them, else the sidecar; xattr(7).
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
import type { ShareContext } from "../context/share-context.ts";
import type { Subject } from "../sidecar/entry.ts";
import { MAX_SIDECAR_VALUE_BYTES } from "../sidecar/format.ts";
import {
  getSidecarValue,
  listSidecarValues,
  removeSidecarValue,
  setSidecarValue,
} from "../sidecar/folder.ts";
import type { Failure } from "../store.ts";
import { inSidecar, changeSidecar } from "./in-sidecar.ts";

// XATTR_SIZE_MAX: the kernel takes no larger value.
const MAX_XATTR_BYTES = 65_536;
const room = new Scratch(MAX_XATTR_BYTES);
export const stat = emptyStatx();
export const namedStat = emptyStatx();

/** `NamedValues.maxValueBytes` for an object of the disk `device`. */
export function maxValueBytesOf(context: ShareContext, fd: number, device: number): number {
  return traitsOf(context, device, fd).hasUserXattrs ? MAX_XATTR_BYTES : MAX_SIDECAR_VALUE_BYTES;
}

/** `NamedValues.get`. */
export function getNamedValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
): Uint8Array | Failure {
  const length = getXattr(fd, name, room);
  const own = length >= 0 ? room.bytes.slice(0, length) : undefined;
  if (own !== undefined && !isStub(name, own)) return own;
  if (
    own === undefined &&
    length !== -Errno.EOPNOTSUPP &&
    (length !== -Errno.ENODATA || !isMarkedFor(fd, name))
  )
    return length;
  const value = inSidecar<Uint8Array | Failure>(context, fd, path, (folder, subject) =>
    getSidecarValue(folder, subject, name),
  );
  if (length === -Errno.EOPNOTSUPP || typeof value === "object") return value;
  if (value !== -Errno.ENOENT && value !== -Errno.ENODATA) return value;
  // Rights that are lost are not nobody's: the stub says what holds then.
  return name.startsWith("user.") ? -Errno.ENODATA : (own ?? -Errno.ENODATA);
}

/** `NamedValues.set`; with `overflows` that of `ValueOverflow`. */
export function setNamedValue(
  context: ShareContext,
  fd: number,
  path: string,
  name: string,
  value: Uint8Array,
  overflows = false,
): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  // It goes into a file of its own, and that is waited for until it is on the disk: not by the loop.
  if (value.length > MAX_XATTR_BYTES && !context.isWorker) return -Errno.EAGAIN;
  const failure = statFd(fd, stat);
  if (failure < 0) return failure;
  const traits = traitsOf(context, deviceOf(stat), fd);
  if (storesXattr(traits, name)) {
    const hadOverflow = mayOverflow(name) && mayHaveOverflow(fd, name);
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
export function removeNamedValue(context: ShareContext, fd: number, path: string, name: string): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
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
  const failure = statFd(fd, stat);
  if (failure < 0) return failure;
  const names = listXattrs(fd);
  if (typeof names === "number" && names !== -Errno.EOPNOTSUPP) return names;
  const own = typeof names === "number" ? [] : names;
  if (own.includes(OVERFLOW_MARK)) return withOverflow(context, fd, path, own);
  if (!needsSidecar(traitsOf(context, deviceOf(stat), fd))) return own;
  const others = inSidecar<string[] | Failure>(context, fd, path, listSidecarValues);
  if (typeof others === "number") return others === -Errno.ENOENT ? own : others;
  return [...own, ...others];
}

function withOverflow(
  context: ShareContext,
  fd: number,
  path: string,
  own: readonly string[],
): readonly string[] | Failure {
  const others = inSidecar<string[] | Failure>(context, fd, path, (folder, subject) =>
    listOverflow({ fd, folder, subject }),
  );
  if (typeof others === "number") return others === -Errno.ENOENT ? own : others;
  const known = new Set(own);
  return [...own, ...others.filter((name) => !known.has(name))];
}

/** Changes what is kept of an object beside its attributes; once more where it was renamed meanwhile. */
function changeOverflow(
  context: ShareContext,
  fd: number,
  path: string,
  change: (target: OverflowTarget) => 0 | Failure,
): 0 | Failure {
  const action = (folder: number, subject: Subject): 0 | Failure => change({ fd, folder, subject });
  const result = changeSidecar(context, fd, path, action);
  return result === -Errno.ESTALE ? changeSidecar(context, fd, path, action) : result;
}
