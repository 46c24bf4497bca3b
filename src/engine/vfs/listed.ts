// What a listing is asked for, and what it finds of an entry besides its stat.

export interface ListOptions {
  /** Only what that name (as clients see it) stands for. */
  readonly only?: OnlyName | undefined;
  /** Each entry has `AppleFacts`, and in turn no `eaSize`. */
  readonly withAppleFacts?: boolean;
}

/** `anyForm`: see `FileStore.isForMac`. */
export type OnlyName = Readonly<{ name: string; anyForm: boolean }>;

/** What macOS wants to know of each entry of a listing; READ_DIR_ATTR of Apple's extensions. */
export interface AppleFacts {
  /** Size of the resource fork. */
  resourceBytes: number;
  /** The 32 bytes of Finder information; undefined where there are none. */
  finderInfo: Uint8Array | undefined;
  /** Where `takeFinderInfo` copies it to. */
  finderRoom: Uint8Array | undefined;
  /** False only where the entry certainly has no named streams, these two included. */
  hasStreams: boolean;
  /** As `FileNode.access`; those of a reparse point do not count. */
  rights: number;
  /** Rights by a stored descriptor, which count in their place; an access mask. */
  descriptorRights: number | undefined;
}
