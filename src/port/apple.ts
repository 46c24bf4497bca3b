// What Macs store with the files of a share.

/** What Macs store with files; vfs_fruit(8). */
export interface AppleRules {
  /** A write to AFP_AfpInfo fails where it lacks the signature; else it gets it. */
  readonly validatesAfpInfo: boolean;
  /** Where new Finder information is stored; auto: as a stream, or in AppleDouble on disks without xattrs. */
  readonly metadata: "auto" | "netatalk" | "stream";
  /** The same for resource forks; file: in AppleDouble. */
  readonly resource: "auto" | "file" | "stream";
  /** AppleDouble files that the server understands are not listed. */
  readonly hidesAppleDouble: boolean;
  /** The placeholder that macOS writes where there is no resource fork counts as none. */
  readonly wipesPlaceholder: boolean;
  /** What entries of a Mac's listings have besides their usual attributes. */
  readonly listsResourceSize: boolean;
  readonly listsFinderInfo: boolean;
  readonly listsAccess: boolean;
}

/** Apple's extensions of SMB, which macOS asks for by the create context AAPL; for all shares. */
export interface AppleExtensions {
  /** Of Apple's models; chooses the icon that macOS shows for the server. */
  readonly model: string;
  /** A folder can be renamed although files in it are open. */
  readonly movesOpenFiles: boolean;
  /** Macs are told 0 as the identifier of every file. */
  readonly hidesFileIds: boolean;
  /** Bits of AppleCapability that the configuration allows. */
  readonly capabilities: number;
}
