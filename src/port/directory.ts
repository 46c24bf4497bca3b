// The directory of a share: which it is, so that the engine opens the one that the manager has looked at,
// and as whom users without an account own files in it.

/** Which directory it is, whatever leads to it: dev_t as one number, and the inode's halves. */
export interface DirectoryIdentity {
  readonly device: number;
  readonly inodeHigh: number;
  readonly inodeLow: number;
}

/**
 * Users without an account on the machine: one uid owns their files, and stored descriptors name them by SID.
 */
export interface NamedUsers {
  /** SID of the domain that their SIDs belong to. */
  readonly domain: string;
  readonly uid: number;
  /** SID of the user of this grant; "" for a user with an account. */
  readonly sid: string;
}
