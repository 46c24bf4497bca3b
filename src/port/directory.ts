// The identity of a directory, by which the engine opens the very one that the manager has looked at.

/** Which directory it is, whatever leads to it: dev_t as one number, and the inode's halves. */
export interface DirectoryIdentity {
  readonly device: number;
  readonly inodeHigh: number;
  readonly inodeLow: number;
}
