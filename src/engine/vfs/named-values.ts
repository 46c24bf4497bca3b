// Named values of an object: the disk's extended attributes where it has them, else the sidecar; xattr(7).
import { readProcLink } from "../../linux/names.ts";
import { Errno } from "../../linux/errno.ts";
import { Scratch } from "../../linux/libc.ts";
import { openBeneath } from "../../linux/beneath.ts";
import { Open, Resolve, closeFd } from "../../linux/open.ts";
import { ModeType, type Statx, emptyStatx, statAt, statFd } from "../../linux/stat.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "../../linux/xattr.ts";
import { deviceOf, identityOf } from "./attributes.ts";
import { keepingOf, keepsXattr, needsSidecar, noteNoXattr } from "./disk-keeping.ts";
import { splitPath } from "./names.ts";
import {
  OVERFLOW_MARK,
  type ValuePlace,
  dropBeside,
  isBeside,
  isMarkedFor,
  isStub,
  isTooLarge,
  listBeside,
  mayOverflow,
  putBeside,
  removeBeside,
} from "./overflow-values.ts";
import type { ShareContext } from "./share-context.ts";
import type { Subject } from "./sidecar-entry.ts";
import { lockFolders, unlockFolders } from "./sidecar-lock.ts";
import { MAX_SIDECAR_VALUE_BYTES } from "./sidecar-format.ts";
import { getSidecarValue, listSidecarValues, removeSidecarValue, setSidecarValue } from "./sidecar.ts";
import type { OperationArgs, OperationResult } from "./disk-operations.ts";
import type { MaybePromise } from "../../port/port.ts";
import type { Failure, NamedValues, ValueOverflow } from "./store.ts";

// XATTR_SIZE_MAX: the kernel takes no larger value.
const MAX_XATTR_BYTES = 65_536;
/** A file that is being renamed is looked for so often. */
const MAX_ROUNDS = 4;
const room = new Scratch(MAX_XATTR_BYTES);
const stat = emptyStatx();
const namedStat = emptyStatx();

/** What runs a call of the table on an object: a PosixNode. */
interface ObjectCalls {
  readonly fd: number;
  readonly path: string;
  run<K extends ValueOperation>(name: K, ...args: OperationArgs<K>): MaybePromise<OperationResult<K>>;
}

type ValueOperation = "getValue" | "setValue" | "removeValue" | "listValues";

/** The values of an object that is held by an O_PATH descriptor. */
export class NodeValues implements NamedValues {
  readonly maxValueBytes: number;
  readonly overflow: ValueOverflow = {
    maxBytes: MAX_SIDECAR_VALUE_BYTES,
    set: (name, value) => this.node.run("setValue", this.node.fd, this.node.path, name, value, true),
  };
  private readonly node: ObjectCalls;

  constructor(node: ObjectCalls, maxValueBytes: number) {
    this.node = node;
    this.maxValueBytes = maxValueBytes;
  }

  get(name: string): MaybePromise<Uint8Array | Failure> {
    return this.node.run("getValue", this.node.fd, this.node.path, name);
  }

  set(name: string, value: Uint8Array): MaybePromise<0 | Failure> {
    return this.node.run("setValue", this.node.fd, this.node.path, name, value);
  }

  remove(name: string): MaybePromise<0 | Failure> {
    return this.node.run("removeValue", this.node.fd, this.node.path, name);
  }

  list(): MaybePromise<readonly string[] | Failure> {
    return this.node.run("listValues", this.node.fd, this.node.path);
  }
}

/** `NamedValues.maxValueBytes` for an object of the disk `device`. */
export function maxValueBytesOf(context: ShareContext, fd: number, device: number): number {
  return keepingOf(context, device, fd).hasUserXattrs ? MAX_XATTR_BYTES : MAX_SIDECAR_VALUE_BYTES;
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
  if (value.length > MAX_XATTR_BYTES && !context.isElsewhere) return -Errno.EAGAIN;
  const failure = statFd(fd, stat);
  if (failure < 0) return failure;
  const keeping = keepingOf(context, deviceOf(stat), fd);
  if (keepsXattr(keeping, name)) {
    const wasBeside = mayOverflow(name) && isBeside(fd, name);
    const result = setXattr(fd, name, value);
    if (result === 0 && wasBeside) changeBeside(context, fd, path, (place) => dropBeside(place, name));
    if (overflows && mayOverflow(name) && isTooLarge(result))
      return changeBeside(context, fd, path, (place) => putBeside(place, name, value));
    if (result !== -Errno.EOPNOTSUPP) return result as 0 | Failure;
    noteNoXattr(keeping, name);
  }
  return changeSidecar(context, fd, path, (folder, subject) => setSidecarValue(folder, subject, name, value));
}

/** `NamedValues.remove`. */
export function removeNamedValue(context: ShareContext, fd: number, path: string, name: string): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  if (mayOverflow(name) && isBeside(fd, name)) {
    const result = changeBeside(context, fd, path, (place) => removeBeside(place, name));
    if (result !== -Errno.ENOENT) return result;
  }
  const result = removeXattr(fd, name);
  if (result !== -Errno.EOPNOTSUPP) return result as 0 | Failure;
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
  if (own.includes(OVERFLOW_MARK)) return withBeside(context, fd, path, own);
  if (!needsSidecar(keepingOf(context, deviceOf(stat), fd))) return own;
  const others = inSidecar<string[] | Failure>(context, fd, path, listSidecarValues);
  if (typeof others === "number") return others === -Errno.ENOENT ? own : others;
  return [...own, ...others];
}

function withBeside(
  context: ShareContext,
  fd: number,
  path: string,
  own: readonly string[],
): readonly string[] | Failure {
  const others = inSidecar<string[] | Failure>(context, fd, path, (folder, subject) =>
    listBeside({ fd, folder, subject }),
  );
  if (typeof others === "number") return others === -Errno.ENOENT ? own : others;
  const known = new Set(own);
  return [...own, ...others.filter((name) => !known.has(name))];
}

/** Changes what is kept of an object beside its attributes; once more where it was renamed meanwhile. */
function changeBeside(
  context: ShareContext,
  fd: number,
  path: string,
  change: (place: ValuePlace) => 0 | Failure,
): 0 | Failure {
  const action = (folder: number, subject: Subject): 0 | Failure => change({ fd, folder, subject });
  const result = changeSidecar(context, fd, path, action);
  return result === -Errno.ESTALE ? changeSidecar(context, fd, path, action) : result;
}

/**
 * Calls `action`, as the server, with the folder that holds the object's values: the object's own where it is one,
 * else the one that its name is in now. -ENOENT where the object has no name below the root any more.
 */
export function inSidecar<T>(
  context: ShareContext,
  fd: number,
  path: string,
  action: (folder: number, subject: Subject) => T,
): T | Failure {
  return context.identity.outside(() => {
    const failure = statFd(fd, stat);
    if (failure < 0) return failure;
    const { hasStableInodes } = keepingOf(context, deviceOf(stat), fd);
    if ((stat.mode & ModeType.MASK) === ModeType.DIRECTORY) {
      return action(fd, { name: "", stat, hasStableInodes });
    }
    const place = placeOf(context, fd, path, stat);
    if (typeof place === "number") return place;
    try {
      return action(place.folder, { name: place.name, stat, hasStableInodes });
    } finally {
      closeFd(place.folder);
    }
  });
}

/**
 * `inSidecar` for an action that changes the values: nobody else does meanwhile, nor renames the file. -EAGAIN where
 * the loop would have to wait for that.
 */
export function changeSidecar(
  context: ShareContext,
  fd: number,
  path: string,
  action: (folder: number, subject: Subject) => 0 | Failure,
): 0 | Failure {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = inSidecar<0 | Failure | undefined>(context, fd, path, (folder, subject) => {
      const locks = lockFolders([folder], context.isElsewhere);
      if (locks === undefined) return -Errno.EAGAIN;
      try {
        // It may have been renamed before the lock was ours.
        const { name } = subject;
        if (name === "") return action(folder, subject);
        const isThere = statAt(folder, name, namedStat) === 0 && identityOf(namedStat) === identityOf(stat);
        return isThere ? action(folder, subject) : undefined;
      } finally {
        unlockFolders(locks);
      }
    });
    if (result !== undefined) return result;
  }
  return -Errno.ENOENT;
}

interface Place {
  /** O_PATH, to be closed. */
  readonly folder: number;
  readonly name: string;
}

/** Where the object's name is now, as the kernel knows it, else where it was opened; checked to be its name. */
function placeOf(context: ShareContext, fd: number, path: string, of: Statx): Place | Failure {
  const current = pathBelow(readProcLink(context.rootFd), readProcLink(fd));
  if (current !== undefined && current !== path) {
    const place = openPlace(context, current, of, Resolve.NO_SYMLINKS);
    if (typeof place !== "number") return place;
  }
  return openPlace(context, path, of, 0);
}

/** The part of an absolute path below a directory; undefined where it is not below it. */
export function pathBelow(root: string | Failure, path: string | Failure): string | undefined {
  if (typeof root === "number" || typeof path === "number") return undefined;
  const prefix = root === "/" ? "/" : `${root}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

function openPlace(context: ShareContext, path: string, of: Statx, resolve: number): Place | Failure {
  const { parent, name } = splitPath(path);
  const folder = openBeneath(context.rootFd, parent, Open.PATH | Open.DIRECTORY, 0, resolve);
  if (folder < 0) return folder;
  if (statAt(folder, name, namedStat) === 0 && identityOf(namedStat) === identityOf(of)) {
    return { folder, name };
  }
  closeFd(folder);
  return -Errno.ENOENT;
}
