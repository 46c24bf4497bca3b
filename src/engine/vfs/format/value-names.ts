// Names of the extended attributes that the server, Samba and ksmbd use, and those that clients may use.

/** The namespace of clients' extended attributes. */
export const PREFIX = "user.";

/** What belongs to this server, Samba or ksmbd: attributes, streams, descriptors, reparse points, POSIX ACLs. */
const RESERVED =
  /^user\.(?:dosattrib$|dosstream(?:ext)?\.|samba[._]|smbreparse$|ntacl$|minismbd\.|posix_acl_|cifs[._]acl|ksmbd\.)/i;

/** True for names that no client may see or set. */
export function isReservedName(stored: string): boolean {
  return !stored.startsWith(PREFIX) || stored === PREFIX || RESERVED.test(stored);
}

/** Named streams, as Samba's vfs_streams_xattr stores them. */
export const STREAM_PREFIX = "user.DosStream.";
