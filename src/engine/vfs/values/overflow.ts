// Named values that the disk's own place is too small for: ext4 gives an object about 4 KiB for all its extended
// attributes together; xattr(7). Such a value is kept in the sidecar, and the object says so: by a mark of its own, so
// that nobody looks there without it, or, where access rights are concerned, by what stands in the value's place.
// Where both places have a value it is the attribute that counts: another program has written it, or a server was
// killed between two steps. Synchronous functions, done as the server.
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

/** Says that values of the `user.` space are in the sidecar. */
export const OVERFLOW_MARK = "user.minismbd.overflow";
const MARK = Uint8Array.of(1);
/** In a value's own place, until there is room for the mark: it is in the sidecar. */
const USER_STUB = new TextEncoder().encode("\u0001\u0001minismbd:overflow\u0001\u0000");
/** A list without entries, bound to rights that no file has: who does not know better goes by the rights on disk. */
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
/** What is smaller is not worth an entry when room is made for something else. */
const MIN_EVICTED_BYTES = 64;

const room = new Scratch(512);
const largeRoom = new Scratch(65_536);
const stat = emptyStatx();

/** An object whose values are dealt with: its descriptor, and where the sidecar keeps what belongs to it. */
export interface OverflowTarget {
  readonly fd: number;
  readonly folder: number;
  readonly subject: Subject;
}

/** Whether a value of that name may be kept in the sidecar: streams, what clients set, descriptors. */
export function mayOverflow(name: string): boolean {
  return name === NTACL || name.startsWith(STREAM_PREFIX) || !isReservedName(name);
}

/** What file systems say of a value that they have no room for. */
export function isTooLarge(failure: 0 | Failure): boolean {
  return failure === -Errno.ENOSPC || failure === -Errno.E2BIG || failure === -Errno.ERANGE;
}

/** Whether an attribute's value says no more than that it is in the sidecar. */
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

/** Whether values of the `user.` space are in the sidecar; by a descriptor of any kind. */
export function isMarked(fd: number): boolean {
  return getXattr(fd, OVERFLOW_MARK, room) >= 0;
}

function hasAttribute(fd: number, name: string): boolean {
  const length = getXattr(fd, name, room);
  return length >= 0 || length === -Errno.ERANGE;
}

/** Whether a value that is no attribute may be in the sidecar. A descriptor that is there has its stub. */
export function isMarkedFor(fd: number, name: string): boolean {
  return name !== NTACL && mayOverflow(name) && isMarked(fd);
}

/** Whether the sidecar may have a value of that name. */
export function mayHaveOverflow(fd: number, name: string): boolean {
  return hasStub(fd, name) || isMarkedFor(fd, name);
}

/** Which values of an entry count: what was there before the object had its mark is not its own. */
function validOverflow(fd: number): (name: string) => boolean {
  const marked = isMarked(fd);
  return (name) => hasStub(fd, name) || (marked && name !== NTACL);
}

/** Keeps a value in the sidecar: 0, or a failure, and then the old value is still there. */
export function putOverflow(target: OverflowTarget, name: string, value: Uint8Array): 0 | Failure {
  const { fd, folder, subject } = target;
  const isSeen = validOverflow(fd);
  const failure = setSidecarValue(folder, subject, name, value, isSeen);
  if (failure < 0) return failure;
  let result = pointToSidecar(fd, name);
  if (isTooLarge(result) && moveLargestToSidecar(target, (other) => other === name || isSeen(other), name)) {
    result = pointToSidecar(fd, name);
  }
  if (result < 0) removeSidecarValue(folder, subject, name);
  // Somebody has moved the object meanwhile: what was written lies beside its old name.
  else if (!hasSameName(target)) return -Errno.ESTALE;
  return result;
}

function hasSameName({ fd, folder, subject }: OverflowTarget): boolean {
  if (subject.name === "") return true;
  if (statFd(fd, stat) < 0) return true;
  const identity = identityOf(stat);
  return statAt(folder, subject.name, stat) === 0 && identityOf(stat) === identity;
}

/** Makes the value in the sidecar the one that counts; at every step the object has the old one or the new one. */
function pointToSidecar(fd: number, name: string): 0 | Failure {
  if (name === NTACL) return setXattr(fd, name, ACL_STUB);
  const marked = isMarked(fd) ? 0 : setXattr(fd, OVERFLOW_MARK, MARK);
  const wasAttribute = hasAttribute(fd, name);
  if (marked === 0) return wasAttribute ? removeXattr(fd, name) : 0;
  if (!isTooLarge(marked) || !wasAttribute) return marked;
  const result = setXattr(fd, name, USER_STUB);
  if (result < 0) return result;
  // Without room for the mark even now the stub does.
  if (setXattr(fd, OVERFLOW_MARK, MARK) === 0) removeXattr(fd, name);
  return 0;
}

/** Takes the largest of the other values beside, for the mark to have room. */
function moveLargestToSidecar(
  target: OverflowTarget,
  isSeen: (name: string) => boolean,
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
  if (setSidecarValue(folder, subject, largest, value, isSeen) < 0) return false;
  if (pointToSidecar(fd, largest) === 0) return true;
  removeSidecarValue(folder, subject, largest);
  return false;
}

/** Removes a value wherever it is: -ENODATA where there is none. */
export function removeWithOverflow(target: OverflowTarget, name: string): 0 | Failure {
  const { fd, folder, subject } = target;
  const beside = removeSidecarValue(folder, subject, name);
  if (beside < 0 && beside !== -Errno.ENODATA) return beside;
  const own = removeXattr(fd, name);
  dropMark(target);
  return beside === 0 && own === -Errno.ENODATA ? 0 : own;
}

/** Forgets the value of the sidecar: the attribute is the one that counts. */
export function dropOverflow(target: OverflowTarget, name: string): 0 {
  removeSidecarValue(target.folder, target.subject, name);
  dropMark(target);
  return 0;
}

function dropMark(target: OverflowTarget): void {
  if (isMarked(target.fd) && listOverflow(target).length === 0) removeXattr(target.fd, OVERFLOW_MARK);
}

/** The names of the `user.` space in the sidecar. */
export function listOverflow({ folder, subject }: OverflowTarget): string[] {
  return listSidecarValues(folder, subject).filter((name) => name !== NTACL && mayOverflow(name));
}
