// Reads the stored attributes of a directory's entries for listings, with as few system calls as the disk
// allows.
import type { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { ModeType, type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { deviceOf, identityOf } from "../format/file-stat.ts";
import { type DiskTraits, traitsOf } from "../context/disk-traits.ts";
import { DOS_ATTRIBUTES_XATTR, type DosAttributes } from "../format/dos-attributes.ts";
import { joinPath } from "../name/names.ts";
import type { ShareContext } from "../context/share-context.ts";
import { type OpenEntry, type Subject, openEntry, readEntryValue } from "../sidecar/entry.ts";
import { entryNameOf } from "../sidecar/entry-name.ts";
import { EntryNames } from "../sidecar/entry-names.ts";
import { entryOf, openSidecar } from "../sidecar/folder.ts";
import {
  isFileOrDirectory,
  fatAttributes,
  mergeFat,
  parseStored,
  readStored,
  storedAttributesOfEntry,
} from "../values/stored-attributes.ts";
import { eaSizeOfEntry, eaSizeOfXattrs, readXattrNames, type XattrNames } from "../values/listed-xattrs.ts";
import { readNtfsOfEntry } from "../values/ntfs-attributes.ts";
import { SIDECAR_DIRECTORY } from "../name/own-names.ts";
import { NO_APPLE_VALUES, readAppleValues, type SidecarAppleValues } from "./apple-streams.ts";

const OPEN_FLAGS = Open.RDONLY | Open.NONBLOCK | Open.NOCTTY | Open.NOFOLLOW;
const facts = emptyStatx();
const NOT_READ = { name: "", size: 0 };

/** What a listing needs besides attributes: the size of extended attributes, or what macOS asks for. */
export type WantedOfEntry = "eaSize" | "apple" | "nothing";

/** How the entries of the sidecar are found: `single` asks the disk, for few files; else by their names. */
export type SidecarUse = "single" | "batch" | "stream";

/** The names of the sidecar of the last batch: a listing by a worker has many. */
let lastBatch: { readonly identity: string; readonly names: WeakRef<EntryNames> } | undefined;

function namesOfBatch(directory: number): EntryNames {
  const identity = statFd(directory, facts) === 0 ? identityOf(facts) : "";
  const known = lastBatch?.identity === identity ? lastBatch.names.deref() : undefined;
  const names = known ?? new EntryNames();
  if (known === undefined) lastBatch = { identity, names: new WeakRef(names) };
  return names;
}

/** The entries of one open directory; runs as the server. */
export class ListedAttributes {
  private readonly context: ShareContext;
  private readonly directory: number;
  private readonly path: string;
  private device = -1;
  private traits: DiskTraits | undefined;
  private readonly use: SidecarUse;
  private names: EntryNames | undefined;
  /** The EaSize of the entry of this directory whose sidecar entry was read last. */
  private lastEaSize = NOT_READ;
  /** What the names of extended attributes said of the entry of this name. */
  private listed: XattrNames | undefined;
  private listedName = "";
  private readonly wanted: WantedOfEntry;
  /** The values in the sidecar's entry of this name, which `of` has read for macOS. */
  private inSidecar: { readonly name: string; readonly values: SidecarAppleValues | undefined } | undefined;

  /** The caller closes `directory`; `path` is its on-disk path. */
  constructor(
    context: ShareContext,
    directory: number,
    path: string,
    use: SidecarUse,
    wanted: WantedOfEntry,
  ) {
    this.context = context;
    this.wanted = wanted;
    this.use = use;
    this.directory = directory;
    this.path = path;
  }

  /**
   * Reads a piece of what all entries need. False where there is more: the caller may give way in between.
   */
  prepare(): boolean {
    return !this.usesSidecar() || this.entryNames().prepare(this.directory);
  }

  close(): void {
    this.names?.close();
  }

  private usesSidecar(): boolean {
    const { storeDosAttributes } = this.context.grant;
    const { hasNtfsAttributes, hasUserXattrs, hasFatAttributes } = this.directoryTraits();
    if (this.wanted !== "nothing" && !hasUserXattrs) return true;
    return storeDosAttributes && !hasNtfsAttributes && (!hasUserXattrs || hasFatAttributes);
  }

  private entryNames(): EntryNames {
    this.names ??= this.use === "batch" ? namesOfBatch(this.directory) : new EntryNames();
    return this.names;
  }

  /** The stored attributes of an entry (not a symlink), which `entry` has chosen. */
  of(stat: Statx, name: string, entry: EntryXattrs): DosAttributes | undefined {
    this.lastEaSize = NOT_READ;
    this.listedName = "";
    this.inSidecar = undefined;
    if (!this.context.grant.storeDosAttributes) return undefined;
    const traits = this.directoryTraits();
    if (deviceOf(stat) !== this.device) return this.ofMountedDisk(stat, name);
    if (traits.hasNtfsAttributes) return readNtfsOfEntry(this.context, traits, stat, entry);
    if (traits.hasUserXattrs && !traits.hasFatAttributes) return this.ofXattrs(name, entry);
    if (!isFileOrDirectory(stat)) return undefined;
    const value = this.sidecarAttributes({ name, stat, hasStableInodes: traits.hasStableInodes });
    return traits.hasFatAttributes ? this.mergedWithFat(traits, stat, name, value) : value;
  }

  /**
   * EaSize of an entry, after `of` for the same one; 0 for one on another disk without extended attributes.
   */
  eaSizeOf(stat: Statx, name: string, entry: EntryXattrs): number {
    const traits = this.directoryTraits();
    if (traits.hasUserXattrs || deviceOf(stat) !== this.device) {
      const names = this.xattrsOf(name, entry);
      return names === undefined ? 0 : eaSizeOfXattrs(entry, names);
    }
    if (!isFileOrDirectory(stat)) return 0;
    if (this.lastEaSize.name !== name)
      this.sidecarAttributes({ name, stat, hasStableInodes: traits.hasStableInodes });
    return this.lastEaSize.size;
  }

  /** False for a mount point: after `directoryTraits`. */
  isOfDirectoryDisk(stat: Statx): boolean {
    return deviceOf(stat) === this.device;
  }

  /**
   * The names of the entry's extended attributes, after `of` for the same one; undefined where they cannot be
   * listed.
   */
  xattrsOf(name: string, entry: EntryXattrs): XattrNames | undefined {
    if (this.listedName === name) return this.listed;
    this.listedName = name;
    this.listed = readXattrNames(entry);
    return this.listed;
  }

  /**
   * What macOS wants of the values in the sidecar, after `of` for the same entry; undefined where a
   * descriptor is needed to tell.
   */
  appleValuesOf(stat: Statx, name: string): SidecarAppleValues | undefined {
    if (!isFileOrDirectory(stat)) return NO_APPLE_VALUES;
    if (this.lastEaSize.name !== name)
      this.sidecarAttributes({ name, stat, hasStableInodes: this.directoryTraits().hasStableInodes });
    return this.inSidecar?.name === name ? this.inSidecar.values : NO_APPLE_VALUES;
  }

  /**
   * Most entries of a tree that no client has written have no attributes: the list of them answers both
   * questions.
   */
  private ofXattrs(name: string, entry: EntryXattrs): DosAttributes | undefined {
    if (this.wanted !== "nothing" && this.xattrsOf(name, entry)?.hasDosAttributes !== true) return undefined;
    return storedAttributesOfEntry(entry);
  }

  directoryTraits(): DiskTraits {
    if (this.traits !== undefined) return this.traits;
    if (statFd(this.directory, facts) === 0) this.device = deviceOf(facts);
    this.traits = traitsOf(this.context, this.device, this.directory);
    return this.traits;
  }

  /** For an entry on another disk: a mount point. */
  private ofMountedDisk(stat: Statx, name: string): DosAttributes | undefined {
    const fd = openAt(this.directory, name, Open.PATH | Open.NOFOLLOW);
    if (fd < 0) return undefined;
    const stored = readStored(this.context, fd, stat, joinPath(this.path, name));
    closeFd(fd);
    return stored;
  }

  private mergedWithFat(
    traits: DiskTraits,
    stat: Statx,
    name: string,
    value: DosAttributes | undefined,
  ): DosAttributes | undefined {
    const fd = openAt(this.directory, name, OPEN_FLAGS);
    if (fd < 0) return value;
    const native = fatAttributes(traits, fd);
    closeFd(fd);
    return native === undefined ? value : mergeFat(native, stat, value);
  }

  private sidecarAttributes(subject: Subject): DosAttributes | undefined {
    const entry = this.sidecarEntry(subject);
    this.lastEaSize = { name: subject.name, size: entry === undefined ? 0 : eaSizeOfEntry(entry) };
    if (entry === undefined) return undefined;
    if (this.wanted === "apple") this.inSidecar = { name: subject.name, values: readAppleValues(entry) };
    const value = readEntryValue(entry, DOS_ATTRIBUTES_XATTR);
    closeFd(entry.fd);
    return value === undefined ? undefined : parseStored(value);
  }

  private sidecarEntry(subject: Subject): OpenEntry | undefined {
    if ((subject.stat.mode & ModeType.MASK) === ModeType.DIRECTORY) {
      // A folder's own values are in its own sidecar.
      return openEntry(this.directory, `${subject.name}/${SIDECAR_DIRECTORY}/${entryNameOf("")}`);
    }
    if (this.use !== "single") {
      const names = this.entryNames();
      // A stream is prepared before each entry: names that expire within one are read again in pieces, too.
      if (this.use === "batch" || !names.isKnown) while (!names.prepare(this.directory));
      if (!names.mayHave(subject.name)) return undefined;
    }
    const sidecar = openSidecar(this.directory);
    if (sidecar < 0) return undefined;
    const entry = entryOf(this.directory, sidecar, subject);
    closeFd(sidecar);
    return entry;
  }
}
