// The security descriptor of a new object, from what its creator gives and what its directory hands down;
// [MS-DTYP] 2.5.3.4. And what a descriptor that a client sends becomes before it is kept.
import { Access, mapGenericAccess } from "../../wire/security/access.ts";
import { type Ace, AceFlag, type Acl, aclSize } from "../../wire/security/acl.ts";
import { SecurityControl, type SecurityDescriptor } from "../../wire/security/security-descriptor.ts";
import { type Sid, sameSid, WellKnownSid } from "../../wire/security/sid.ts";
import { userSidOf, sidOfGid, type SecurityToken } from "./token.ts";

const INHERITANCE_FLAGS =
  AceFlag.OBJECT_INHERIT |
  AceFlag.CONTAINER_INHERIT |
  AceFlag.NO_PROPAGATE_INHERIT |
  AceFlag.INHERIT_ONLY |
  AceFlag.INHERITED;
const GENERIC_RIGHTS =
  (Access.GENERIC_READ | Access.GENERIC_WRITE | Access.GENERIC_EXECUTE | Access.GENERIC_ALL) >>> 0;
/** AclSize has 16 bits. */
const MAX_ACL_BYTES = 0xffff;

/** Whether a directory's list hands anything down to a new object in it. */
export function hasInheritableAces(parent: SecurityDescriptor, isDirectory: boolean): boolean {
  const aces = parent.dacl?.aces ?? [];
  return aces.some(({ flags }) => isInheritable(flags, isDirectory));
}

function isInheritable(flags: number, isDirectory: boolean): boolean {
  if (!isDirectory) return (flags & AceFlag.OBJECT_INHERIT) !== 0;
  if ((flags & AceFlag.CONTAINER_INHERIT) !== 0) return true;
  // Kept in a directory for the files to come, unless it is to go one level down alone.
  return (flags & AceFlag.OBJECT_INHERIT) !== 0 && (flags & AceFlag.NO_PROPAGATE_INHERIT) === 0;
}

export interface NewObject {
  /** Undefined: the directory keeps none. */
  readonly parent: SecurityDescriptor | undefined;
  /** What the creator gave along, as `normalize` leaves it. */
  readonly creatorDescriptor: SecurityDescriptor | undefined;
  /** Who owns what is made, where the creator does not and has not said. */
  readonly owner: Sid | undefined;
  readonly token: SecurityToken;
  readonly isDirectory: boolean;
}

/** Undefined where nothing says anything: the object has what its mode bits say. */
export function initialDescriptorOf(birth: NewObject): SecurityDescriptor | undefined {
  const { parent, creatorDescriptor: given, token, isDirectory } = birth;
  const owner = given?.owner ?? birth.owner ?? userSidOf(token);
  const group = given?.group ?? sidOfGid(token.gid);
  if (given !== undefined && given.dacl !== undefined) {
    const inherits = (given.control & SecurityControl.DACL_AUTO_INHERITED) !== 0;
    const isProtected = (given.control & SecurityControl.DACL_PROTECTED) !== 0;
    const more = inherits && !isProtected && parent ? inheritedAces(parent, owner, group, isDirectory) : [];
    const dacl = given.dacl && appendInherited(given.dacl, more);
    return { control: given.control, owner, group, dacl, sacl: undefined };
  }
  const isSaid = parent !== undefined && hasInheritableAces(parent, isDirectory);
  if (!isSaid) return undefined;
  const aces = inheritedAces(parent, owner, group, isDirectory);
  return {
    control: parent.control & SecurityControl.DACL_AUTO_INHERITED,
    owner,
    group,
    dacl: { revision: parent.dacl?.revision ?? 2, aces },
    sacl: undefined,
  };
}

function appendInherited(list: Acl, more: readonly Ace[]): Acl {
  const own = list.aces.filter(({ flags }) => (flags & AceFlag.INHERITED) === 0);
  const acl = more.length === 0 ? list : { revision: list.revision, aces: [...own, ...more] };
  return aclSize(acl) > MAX_ACL_BYTES ? list : acl;
}

/** 2.5.3.4.2 to 2.5.3.4.6: the entries that a new object gets from its directory. */
function inheritedAces(parent: SecurityDescriptor, owner: Sid, group: Sid, isDirectory: boolean): Ace[] {
  const mark = (parent.control & SecurityControl.DACL_AUTO_INHERITED) === 0 ? 0 : AceFlag.INHERITED;
  const aces: Ace[] = [];
  let size = 8;
  const add = (ace: Ace): void => {
    size += aclSize({ revision: 2, aces: [ace] }) - 8;
    // Twice as many entries as the parent's, at most: where the form has no room for them, the last are left out.
    if (size <= MAX_ACL_BYTES) aces.push(ace);
  };
  for (const ace of parent.dacl?.aces ?? []) {
    if (!isInheritable(ace.flags, isDirectory)) continue;
    const rest = ace.flags & ~INHERITANCE_FLAGS;
    const sid = replaceCreator(ace.sid, owner, group);
    const mask = mapGenericAccess(ace.mask);
    if (!isDirectory) {
      add({ ...ace, flags: rest | mark, sid, mask });
      continue;
    }
    const passed = ace.flags & (AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT);
    const stops = (ace.flags & AceFlag.NO_PROPAGATE_INHERIT) !== 0;
    if ((ace.flags & AceFlag.CONTAINER_INHERIT) === 0) {
      add({ ...ace, flags: rest | mark | passed | AceFlag.INHERIT_ONLY });
      continue;
    }
    const changes = sid !== ace.sid || (ace.mask & GENERIC_RIGHTS) !== 0;
    if (stops) add({ ...ace, flags: rest | mark, sid, mask });
    else if (!changes) add({ ...ace, flags: rest | mark | passed });
    else {
      // One for the directory itself, one as it was for what will be made in it.
      add({ ...ace, flags: rest | mark, sid, mask });
      add({ ...ace, flags: rest | mark | passed | AceFlag.INHERIT_ONLY });
    }
  }
  return aces;
}

function replaceCreator(sid: Sid, owner: Sid, group: Sid): Sid {
  if (sameSid(sid, WellKnownSid.CREATOR_OWNER)) return owner;
  return sameSid(sid, WellKnownSid.CREATOR_GROUP) ? group : sid;
}

/**
 * A descriptor from a client as it is kept: generic rights of its entries become those of files, except where an entry
 * is for what will be made in a directory, and "automatically inherited" stays where it was asked for as well
 * ([MS-DTYP] 2.4.6, 2.5.3.4.1).
 */
export function normalizeDescriptor(descriptor: SecurityDescriptor): SecurityDescriptor {
  const { DACL_AUTO_INHERIT_REQ, DACL_AUTO_INHERITED } = SecurityControl;
  const asked = DACL_AUTO_INHERIT_REQ | DACL_AUTO_INHERITED;
  let control = descriptor.control & ~asked;
  if ((descriptor.control & asked) === asked) control |= DACL_AUTO_INHERITED;
  const { dacl } = descriptor;
  if (!dacl) return { ...descriptor, control };
  const aces = dacl.aces.map((ace) => {
    const isForLater = (ace.flags & AceFlag.INHERIT_ONLY) !== 0;
    return isForLater || (ace.mask & GENERIC_RIGHTS) === 0
      ? ace
      : { ...ace, mask: mapGenericAccess(ace.mask) };
  });
  return { ...descriptor, control, dacl: { revision: dacl.revision, aces } };
}
