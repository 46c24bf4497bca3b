// What testparm says of parameters without effect.
export const effects = (line: number, name: string, word: string): string =>
  `note: smb.conf:${line}: '${name}' has no effect: ${word}`;

export const OWN_USERS = "users and passwords are in ksmbdpwd.db, see 'minismbd adduser'";
export const SOCKETS = "the server sets its sockets, buffers, threads and processes itself";
export const USERSHARES =
  "shares that users make with 'net usershare' and those of the registry are not read, write them in this file";
export const NAMES =
  "NetBIOS names and browsing belong to SMB1; clients find this server by DNS, mDNS or its address";
export const NO_DOMAIN =
  "the server belongs to no domain, so winbind, LDAP, Active Directory and DNS updates are not used";
export const PROGRAMS = "no program is run for clients";
export const APPLE_DOUBLE =
  "AppleDouble files are read and changed where they are, and removed when nothing is left in them";
export const ALLOCATES = "files are allocated as clients write; the disk's own rules hold";
export const PRINTERS = "printers are not served";
export const CLIENTS = "it concerns Samba's own clients, not its server";
