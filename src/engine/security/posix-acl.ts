// POSIX ACLs in the form of their extended attributes, and the hash by which Samba and ksmbd detect that a
// stored security descriptor no longer matches the permissions on disk. acl(5); Linux posix_acl_xattr.h,
// version 2; the hash covers the NDR ([C706] 14) of Samba's smb_acl_wrapper, as smbd 4.17 writes it.
import { createHash } from "node:crypto";
import { Reader, Writer, wireError } from "../../wire/cursor.ts";

export const ACCESS_ACL = "system.posix_acl_access";
export const DEFAULT_ACL = "system.posix_acl_default";

export const AclTag = { USER_OBJ: 1, USER: 2, GROUP_OBJ: 4, GROUP: 8, MASK: 0x10, OTHER: 0x20 } as const;
export type AclTag = (typeof AclTag)[keyof typeof AclTag];

export interface PosixAclEntry {
  readonly tag: number;
  /** 4 read, 2 write, 1 execute. */
  readonly permissions: number;
  /** uid or gid of a USER or GROUP entry; 0 for other tags. */
  readonly id: number;
}

/** Entries in the order that the kernel requires: USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER. */
export type PosixAcl = readonly PosixAclEntry[];

const VERSION = 2;
const NO_ID = 0xffff_ffff;
const ENTRY_SIZE = 8;

/** Throws WireError for another version, and for a size that is not a whole number of entries. */
export function decodePosixAcl(data: Uint8Array): PosixAcl {
  const reader = new Reader(data);
  if (reader.u32() !== VERSION) throw wireError("unknown version of a POSIX ACL");
  if (reader.remaining % ENTRY_SIZE !== 0) throw wireError("wrong size of a POSIX ACL");
  const entries: PosixAclEntry[] = [];
  while (reader.remaining > 0) {
    const tag = reader.u16();
    const permissions = reader.u16();
    const id = reader.u32();
    entries.push({ tag, permissions, id: isNamed(tag) ? id : 0 });
  }
  return entries;
}

export function encodePosixAcl(acl: PosixAcl): Uint8Array {
  const bytes = new Uint8Array(4 + acl.length * ENTRY_SIZE);
  const writer = new Writer(bytes);
  writer.u32(VERSION);
  for (const { tag, permissions, id } of acl) {
    writer.u16(tag);
    writer.u16(permissions);
    writer.u32(isNamed(tag) ? id : NO_ID);
  }
  return bytes;
}

function isNamed(tag: number): boolean {
  return tag === AclTag.USER || tag === AclTag.GROUP;
}

/** The minimal ACL of permission bits. */
export function aclOfMode(mode: number): PosixAcl {
  return [
    { tag: AclTag.USER_OBJ, permissions: (mode >> 6) & 7, id: 0 },
    { tag: AclTag.GROUP_OBJ, permissions: (mode >> 3) & 7, id: 0 },
    { tag: AclTag.OTHER, permissions: mode & 7, id: 0 },
  ];
}

/** The permission bits that stat(2) shows for `acl`: the group bits are the mask if there is one. */
export function modeOfAcl(acl: PosixAcl): number {
  let mode = 0;
  const mask = acl.find(({ tag }) => tag === AclTag.MASK);
  for (const { tag, permissions } of acl) {
    if (tag === AclTag.USER_OBJ) mode |= permissions << 6;
    else if (tag === AclTag.OTHER) mode |= permissions;
    else if (tag === AclTag.GROUP_OBJ && mask === undefined) mode |= permissions << 3;
    else if (tag === AclTag.MASK) mode |= permissions << 3;
  }
  return mode;
}

/** True if permission bits alone cannot express `acl`. */
export function isExtended(acl: PosixAcl): boolean {
  return acl.some(({ tag }) => isNamed(tag) || tag === AclTag.MASK);
}

// Samba's tag numbers.
const sambaTags: ReadonlyMap<number, number> = new Map([
  [AclTag.USER, 1],
  [AclTag.USER_OBJ, 2],
  [AclTag.GROUP, 3],
  [AclTag.GROUP_OBJ, 4],
  [AclTag.OTHER, 5],
  [AclTag.MASK, 6],
]);

export interface HashedRights {
  /** Undefined: no ACL, which is how ksmbd hashes a file with mode bits only. */
  readonly access: PosixAcl | undefined;
  /** A directory's default ACL. */
  readonly inherited: PosixAcl | undefined;
  readonly uid: number;
  readonly gid: number;
  /** st_mode, file type included. */
  readonly mode: number;
}

const FIRST_REFERENCE = 0x0002_0000;
const LONGEST_ENTRY = 24;

/** SHA-256 (32 bytes) of an object's permissions on disk. */
export function hashRights(rights: HashedRights): Uint8Array {
  const { access, inherited, uid, gid, mode } = rights;
  const count = (access?.length ?? 0) + (inherited?.length ?? 0);
  const bytes = new Uint8Array(64 + count * LONGEST_ENTRY);
  const writer = new Writer(bytes);
  let reference = FIRST_REFERENCE;
  for (const list of [access, inherited]) {
    writer.u32(list === undefined ? 0 : reference);
    if (list !== undefined) reference += 4;
  }
  writer.pair(uid, 0);
  writer.pair(gid, 0);
  writer.u32(mode);
  if (access !== undefined) writeList(writer, access);
  // ksmbd omits the default ACL if there is no access ACL.
  if (access !== undefined && inherited !== undefined) writeList(writer, inherited);
  return createHash("sha256").update(bytes.subarray(0, writer.position)).digest();
}

function writeList(writer: Writer, acl: PosixAcl): void {
  writer.align(4);
  writer.u32(acl.length);
  writer.align(8);
  writer.u32(acl.length);
  writer.u32(0);
  for (const { tag, permissions, id } of acl) {
    const kind = sambaTags.get(tag) ?? 0;
    writer.align(8);
    writer.u16(kind);
    writer.u16(kind);
    if (isNamed(tag)) {
      writer.align(8);
      writer.pair(id, 0);
    }
    writer.u32(permissions);
  }
}
