// What Macs store with the files of a share.

/** What Macs store with files; vfs_fruit(8). */
export interface AppleRules {
  /** A write to AFP_AfpInfo fails where it lacks the signature; else it gets it. */
  readonly validatesAfpInfo: boolean;
}

/** Apple's extensions of SMB, which macOS asks for by the create context AAPL; for all shares. */
export interface AppleExtensions {
  /** Of Apple's models; chooses the icon that macOS shows for the server. */
  readonly model: string;
}
