// Overflow: named values too large for the disk's extended attributes; ext4 gives an object about 4 KiB for
// all of them together, xattr(7). Such a value is stored in the sidecar. The object says so by a mark
// attribute, without which the sidecar is not read, or, for a security descriptor, by a stub in the
// attribute's place. Where both the attribute and the sidecar have a value, the attribute counts: another
// program has written it, or a server was killed between two steps. All functions run as the server.
import { Errno } from "../../../linux/errno.ts";
import { Scratch } from "../../../linux/libc.ts";
import { statAt, emptyStatx, statFd } from "../../../linux/stat.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "../../../linux/xattr.ts";
import { ACL_REVISION } from "../../../wire/security/acl.ts";
import { SecurityControl } from "../../../wire/security/security-descriptor.ts";
import { identityOf } from "../format/file-stat.ts";
import { NTACL, encodeNtAcl } from "../format/ntacl.ts";
import type { Subject } from "../sidecar/entry.ts";
import { listSidecarValues, removeSidecarValue, setSidecarValue } from "../sidecar/folder.ts";
import type { Failure } from "../store.ts";
import { isReservedName, STREAM_PREFIX } from "../format/value-names.ts";

/** The mark: values of the `user.` namespace are in the sidecar. */
export const OVERFLOW_MARK = "user.minismbd.overflow";
const MARK = Uint8Array.of(1);
/** Replaces an attribute whose value is in the sidecar, as long as there is no room for the mark. */
const USER_STUB = new TextEncoder().encode("\u0001\u0001minismbd:overflow\u0001\u0000");
/**
 * Replaces a descriptor that is in the sidecar: an ACL without entries, bound to a hash that no file's rights
 * have, so that other servers ignore it and apply the rights on disk.
 */
const ACL_STUB = encodeNtAcl(
  {
    control: SecurityControl.DACL_PRESENT,
    owner: undefined,
    group: undefined,
    sacl: undefined,
    dacl: { revision: ACL_REVISION, aces: [] },
  },
  new Uint8Array(32),
  { seconds: 0, nanoseconds: 0 },
);
/** Smaller values are not moved to the sidecar to make room for the mark. */
const MIN_EVICTED_BYTES = 64;

const room = new Scratch(512);
const largeRoom = new Scratch(65_536);
const stat = emptyStatx();

/** An object: its descriptor, the folder of its sidecar, and its identity there. */
export interface OverflowTarget {
  readonly fd: number;
  readonly folder: number;
  readonly subject: Subject;
}

/** True for names whose values may overflow: streams, clients' extended attributes, descriptors. */
export function mayOverflow(name: string): boolean {
  return name === NTACL || name.startsWith(STREAM_PREFIX) || !isReservedName(name);
}

/** True for the errors that file systems return for a value that does not fit. */
export function isTooLarge(failure: 0 | Failure): boolean {
  return failure === -Errno.ENOSPC || failure === -Errno.E2BIG || failure === -Errno.ERANGE;
}

/** True for the stub, which says that the value is in the sidecar. */
export function isStub(name: string, value: Uint8Array): boolean {
  const stub = stubOf(name);
  return value.length === stub.length && Buffer.compare(value, stub) === 0;
}

function stubOf(name: string): Uint8Array {
  return name === NTACL ? ACL_STUB : USER_STUB;
}

function hasStub(fd: number, name: string): boolean {
  const length = getXattr(fd, name, room);
  return length > 0 && isStub(name, room.bytes.subarray(0, length));
}

/** True where the object has the mark. `fd` may be an O_PATH descriptor. */
export function isMarked(fd: number): boolean {
  return getXattr(fd, OVERFLOW_MARK, room) >= 0;
}

function hasAttribute(fd: number, name: string): boolean {
  const length = getXattr(fd, name, room);
  return length >= 0 || length === -Errno.ERANGE;
}

/**
 * True where the mark says that a value which is not an attribute may be in the sidecar; a descriptor has a
 * stub.
 */
export function isMarkedFor(fd: number, name: string): boolean {
  return name !== NTACL && mayOverflow(name) && isMarked(fd);
}

/** True where the sidecar may have a value of that name. */
export function mayHaveOverflow(fd: number, name: string): boolean {
  return hasStub(fd, name) || isMarkedFor(fd, name);
}

/**
 * Returns a test for the entry's values that are valid: without the mark they belong to an earlier object.
 */
function validOverflow(fd: number): (name: string) => boolean {
  const marked = isMarked(fd);
  return (name) => hasStub(fd, name) || (marked && name !== NTACL);
}

/**
 * Stores a value in the sidecar; on failure the old value is still there. -ESTALE where the object was
 * renamed meanwhile.
 */
export function putOverflow(target: OverflowTarget, name: string, value: Uint8Array): 0 | Failure {
  const { folder, subject } = target;
  return storeOverflow(target, name, (isValid) => setSidecarValue(folder, subject, name, value, isValid));
}

/**
 * As `putOverflow`, for a value that `store` puts into the sidecar; it gets the test for the valid values.
 */
export function storeOverflow(
  target: OverflowTarget,
  name: string,
  store: (isValid: (name: string) => boolean) => 0 | Failure,
): 0 | Failure {
  const { fd, folder, subject } = target;
  const isValid = validOverflow(fd);
  const failure = store(isValid);
  if (failure < 0) return failure;
  let result = pointToSidecar(fd, name);
  if (isTooLarge(result) && moveLargestToSidecar(target, (other) => other === name || isValid(other), name)) {
    result = pointToSidecar(fd, name);
  }
  if (result < 0) removeSidecarValue(folder, subject, name);
  // Renamed meanwhile: the value was stored for the old name.
  else if (!hasSameName(target)) return -Errno.ESTALE;
  return result;
}

function hasSameName({ fd, folder, subject }: OverflowTarget): boolean {
  if (subject.name === "") return true;
  if (statFd(fd, stat) < 0) return true;
  const identity = identityOf(stat);
  return statAt(folder, subject.name, stat) === 0 && identityOf(stat) === identity;
}

/** Makes the sidecar's value the valid one; at every step the object has either the old or the new value. */
function pointToSidecar(fd: number, name: string): 0 | Failure {
  if (name === NTACL) return setXattr(fd, name, ACL_STUB);
  const marked = isMarked(fd) ? 0 : setXattr(fd, OVERFLOW_MARK, MARK);
  const wasAttribute = hasAttribute(fd, name);
  if (marked === 0) return wasAttribute ? removeXattr(fd, name) : 0;
  if (!isTooLarge(marked) || !wasAttribute) return marked;
  const result = setXattr(fd, name, USER_STUB);
  if (result < 0) return result;
  // If the mark still does not fit, the stub stays.
  if (setXattr(fd, OVERFLOW_MARK, MARK) === 0) removeXattr(fd, name);
  return 0;
}

/** Moves the largest other value to the sidecar to make room for the mark; true if it was moved. */
function moveLargestToSidecar(
  target: OverflowTarget,
  isValid: (name: string) => boolean,
  except: string,
): boolean {
  const { fd, folder, subject } = target;
  const names = listXattrs(fd);
  if (typeof names === "number") return false;
  let largest = "";
  let bytes = MIN_EVICTED_BYTES - 1;
  for (const name of names) {
    if (name === except || name === NTACL || !mayOverflow(name)) continue;
    const length = getXattr(fd, name, largeRoom);
    if (length > bytes) [largest, bytes] = [name, length];
  }
  if (largest === "") return false;
  const length = getXattr(fd, largest, largeRoom);
  if (length < 0) return false;
  const value = largeRoom.bytes.slice(0, length);
  if (setSidecarValue(folder, subject, largest, value, isValid) < 0) return false;
  if (pointToSidecar(fd, largest) === 0) return true;
  removeSidecarValue(folder, subject, largest);
  return false;
}

/** Removes a value from the sidecar and the attributes; -ENODATA where neither has it. */
export function removeWithOverflow(target: OverflowTarget, name: string): 0 | Failure {
  const { fd, folder, subject } = target;
  const inSidecar = removeSidecarValue(folder, subject, name);
  if (inSidecar < 0 && inSidecar !== -Errno.ENODATA) return inSidecar;
  const attribute = removeXattr(fd, name);
  dropMark(target);
  return inSidecar === 0 && attribute === -Errno.ENODATA ? 0 : attribute;
}

/** Removes a value from the sidecar, where the attribute is the valid one. */
export function dropOverflow(target: OverflowTarget, name: string): 0 {
  removeSidecarValue(target.folder, target.subject, name);
  dropMark(target);
  return 0;
}

function dropMark(target: OverflowTarget): void {
  if (!isMarked(target.fd)) return;
  const left = listOverflow(target);
  // Without the mark values that only cannot be read now would be lost.
  if (typeof left === "object" && left.length === 0) removeXattr(target.fd, OVERFLOW_MARK);
}

/** The names of the `user.` namespace in the sidecar. */
export function listOverflow({ folder, subject }: OverflowTarget): string[] | Failure {
  const names = listSidecarValues(folder, subject);
  if (typeof names === "number") return names;
  return names.filter((name) => name !== NTACL && mayOverflow(name));
}
