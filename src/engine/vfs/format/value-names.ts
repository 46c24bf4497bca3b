// Names of the extended attributes that the server, Samba and ksmbd use, and those that clients may use.

/** The xattr namespace that holds clients' extended attributes. */
export const PREFIX = "user.";

/** Attributes, streams, descriptors, reparse points, POSIX ACLs of this server, Samba, ksmbd, netatalk. */
const RESERVED =
  /^user\.(?:dosattrib$|dosstream(?:ext)?\.|samba[._]|smbreparse$|ntacl$|minismbd\.|org\.netatalk\.|posix_acl_|cifs[._]acl|ksmbd\.)/i;

/** True for xattr names that no client may see or set as an extended attribute. */
export function isReservedName(stored: string): boolean {
  return !stored.startsWith(PREFIX) || stored === PREFIX || RESERVED.test(stored);
}

/** Prefix of named streams, as in Samba's vfs_streams_xattr. */
export const STREAM_PREFIX = "user.DosStream.";

const EXTENT_PREFIX = "user.DosStreamExt.";
/** Samba reads at most 16 parts. */
export const MAX_EXTENTS = 15;

/** Returns the name of continuation value `number`, from 1 on. */
export function extentKey(key: string, number: number): string {
  return `${EXTENT_PREFIX}${number}.${key.slice(STREAM_PREFIX.length)}`;
}
