// The security descriptor of a new object, computed from its creator's descriptor and its directory's
// inheritable ACEs ([MS-DTYP] 2.5.3.4); and the stored form of a descriptor that a client sends.
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

/** True if a new object in the directory inherits any ACE. */
export function hasInheritableAces(parent: SecurityDescriptor, isDirectory: boolean): boolean {
  const aces = parent.dacl?.aces ?? [];
  return aces.some(({ flags }) => isInheritable(flags, isDirectory));
}

function isInheritable(flags: number, isDirectory: boolean): boolean {
  if (!isDirectory) return (flags & AceFlag.OBJECT_INHERIT) !== 0;
  if ((flags & AceFlag.CONTAINER_INHERIT) !== 0) return true;
  // A new directory keeps it for files made in it later, unless the ACE propagates one level only.
  return (flags & AceFlag.OBJECT_INHERIT) !== 0 && (flags & AceFlag.NO_PROPAGATE_INHERIT) === 0;
}

export interface NewObject {
  /** Undefined: the directory has no descriptor stored. */
  readonly parent: SecurityDescriptor | undefined;
  /** The descriptor that the client sent with CREATE, after `normalizeDescriptor`. */
  readonly creatorDescriptor: SecurityDescriptor | undefined;
  /** The owner if the creator's descriptor names none; undefined: the creator. */
  readonly owner: Sid | undefined;
  readonly token: SecurityToken;
  readonly isDirectory: boolean;
}

/**
 * Returns the descriptor to store with a new object. Undefined if the creator gives no DACL and the directory
 * has no inheritable ACEs: the mode bits then decide.
 */
export function initialDescriptorOf(object: NewObject): SecurityDescriptor | undefined {
  const { parent, creatorDescriptor: given, token, isDirectory } = object;
  const owner = given?.owner ?? object.owner ?? userSidOf(token);
  const group = given?.group ?? sidOfGid(token.gid);
  if (given !== undefined && given.dacl !== undefined) {
    const inherits = (given.control & SecurityControl.DACL_AUTO_INHERITED) !== 0;
    const isProtected = (given.control & SecurityControl.DACL_PROTECTED) !== 0;
    const aces = inherits && !isProtected && parent ? inheritedAces(parent, owner, group, isDirectory) : [];
    const dacl = given.dacl && appendInherited(given.dacl, aces);
    return { control: given.control, owner, group, dacl, sacl: undefined };
  }
  if (parent === undefined || !hasInheritableAces(parent, isDirectory)) return undefined;
  const aces = inheritedAces(parent, owner, group, isDirectory);
  return {
    control: parent.control & SecurityControl.DACL_AUTO_INHERITED,
    owner,
    group,
    dacl: { revision: parent.dacl?.revision ?? 2, aces },
    sacl: undefined,
  };
}

/**
 * Replaces the inherited ACEs of `acl` by `inherited`. Returns `acl` if there are none or the result is too
 * large.
 */
function appendInherited(acl: Acl, inherited: readonly Ace[]): Acl {
  const explicit = acl.aces.filter(({ flags }) => (flags & AceFlag.INHERITED) === 0);
  const joined = inherited.length === 0 ? acl : { revision: acl.revision, aces: [...explicit, ...inherited] };
  return aclSize(joined) > MAX_ACL_BYTES ? acl : joined;
}

/** [MS-DTYP] 2.5.3.4.2 to 2.5.3.4.6: the ACEs that a new object inherits from its directory. */
function inheritedAces(parent: SecurityDescriptor, owner: Sid, group: Sid, isDirectory: boolean): Ace[] {
  const mark = (parent.control & SecurityControl.DACL_AUTO_INHERITED) === 0 ? 0 : AceFlag.INHERITED;
  const aces: Ace[] = [];
  let size = 8;
  const add = (ace: Ace): void => {
    size += aclSize({ revision: 2, aces: [ace] }) - 8;
    // A directory may inherit two ACEs for one of its parent; those that exceed the maximum size are left
    // out.
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
      // One ACE for the directory itself, and the unchanged one for objects made in it later.
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
 * Returns a client's descriptor in the form in which it is stored: generic rights are mapped to file rights,
 * except in INHERIT_ONLY ACEs, and DACL_AUTO_INHERITED is kept only together with DACL_AUTO_INHERIT_REQ
 * ([MS-DTYP] 2.4.6, 2.5.3.4.1).
 */
export function normalizeDescriptor(descriptor: SecurityDescriptor): SecurityDescriptor {
  const { DACL_AUTO_INHERIT_REQ, DACL_AUTO_INHERITED } = SecurityControl;
  const both = DACL_AUTO_INHERIT_REQ | DACL_AUTO_INHERITED;
  let control = descriptor.control & ~both;
  if ((descriptor.control & both) === both) control |= DACL_AUTO_INHERITED;
  const { dacl } = descriptor;
  if (!dacl) return { ...descriptor, control };
  const aces = dacl.aces.map((ace) => {
    const isInheritOnly = (ace.flags & AceFlag.INHERIT_ONLY) !== 0;
    return isInheritOnly || (ace.mask & GENERIC_RIGHTS) === 0
      ? ace
      : { ...ace, mask: mapGenericAccess(ace.mask) };
  });
  return { ...descriptor, control, dacl: { revision: dacl.revision, aces } };
}
