// Access masks of files, directories and pipes, and the mapping of generic rights.
// [MS-SMB2] 2.2.13.1; [MS-DTYP] 2.4.3.

/**
 * Bits of DesiredAccess and of an ACE's mask. Combined values need `>>> 0`, because GENERIC_READ is bit 31.
 */
export const Access = {
  READ_DATA: 0x0000_0001,
  LIST_DIRECTORY: 0x0000_0001,
  WRITE_DATA: 0x0000_0002,
  ADD_FILE: 0x0000_0002,
  APPEND_DATA: 0x0000_0004,
  ADD_SUBDIRECTORY: 0x0000_0004,
  READ_EA: 0x0000_0008,
  WRITE_EA: 0x0000_0010,
  EXECUTE: 0x0000_0020,
  TRAVERSE: 0x0000_0020,
  DELETE_CHILD: 0x0000_0040,
  READ_ATTRIBUTES: 0x0000_0080,
  WRITE_ATTRIBUTES: 0x0000_0100,
  DELETE: 0x0001_0000,
  READ_CONTROL: 0x0002_0000,
  WRITE_DAC: 0x0004_0000,
  WRITE_OWNER: 0x0008_0000,
  SYNCHRONIZE: 0x0010_0000,
  ACCESS_SYSTEM_SECURITY: 0x0100_0000,
  MAXIMUM_ALLOWED: 0x0200_0000,
  GENERIC_ALL: 0x1000_0000,
  GENERIC_EXECUTE: 0x2000_0000,
  GENERIC_WRITE: 0x4000_0000,
  GENERIC_READ: 0x8000_0000,
} as const;

/** The specific rights that the generic rights stand for on files; also the rights of share permissions. */
export const FileGeneric = {
  ALL: 0x001f_01ff,
  READ: 0x0012_0089,
  WRITE: 0x0012_0116,
  EXECUTE: 0x0012_00a0,
} as const;

/** Reserved bits ([MS-SMB2] 2.2.13.1); a CREATE with any of them fails with STATUS_ACCESS_DENIED. */
export const ACCESS_RESERVED = 0x0ce0_fe00;

/** Replaces the generic rights by the specific ones of `FileGeneric`; MAXIMUM_ALLOWED stays. */
export function mapGenericAccess(access: number): number {
  let mapped = access & 0x0fff_ffff;
  if ((access & Access.GENERIC_READ) !== 0) mapped |= FileGeneric.READ;
  if ((access & Access.GENERIC_WRITE) !== 0) mapped |= FileGeneric.WRITE;
  if ((access & Access.GENERIC_EXECUTE) !== 0) mapped |= FileGeneric.EXECUTE;
  if ((access & Access.GENERIC_ALL) !== 0) mapped |= FileGeneric.ALL;
  return mapped >>> 0;
}
