// What Macs store with the files of a share.

/** What Macs store with files; vfs_fruit(8). */
export interface AppleRules {
  /** A write to AFP_AfpInfo fails where it lacks the signature; else it gets it. */
  readonly validatesAfpInfo: boolean;
}
