// Reads the stored attributes of a directory's entries for listings, with as few system calls as the disk
// allows.
import type { EntryXattrs } from "../../../linux/entry-xattrs.ts";
import { Open, closeFd, openAt } from "../../../linux/open.ts";
import { ModeType, type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import { deviceOf } from "../format/file-stat.ts";
import { type DiskTraits, traitsOf } from "../context/disk-traits.ts";
import { DOS_ATTRIBUTES_XATTR, type DosAttributes } from "../format/dos-attributes.ts";
import { joinPath } from "../name/names.ts";
import type { ShareContext } from "../context/share-context.ts";
import { type OpenEntry, type Subject, openEntry, readEntryValue, sidecarChanges } from "../sidecar/entry.ts";
import { entryNameOf, nextNameOf } from "../sidecar/entry-name.ts";
import { entryOf, openSidecar } from "../sidecar/folder.ts";
import {
  isFileOrDirectory,
  fatAttributes,
  mergeFat,
  parseStored,
  readStored,
  storedAttributesOfEntry,
} from "../values/stored-attributes.ts";
import { eaSizeOfEntry, type ListedXattrs, readListedXattrs } from "../values/listed-ea-size.ts";
import { readNtfsOfEntry } from "../values/ntfs-attributes.ts";
import { SIDECAR_DIRECTORY } from "../name/own-names.ts";
import { eachName } from "../../../linux/dir.ts";

const OPEN_FLAGS = Open.RDONLY | Open.NONBLOCK | Open.NOCTTY | Open.NOFOLLOW;
// The names of a sidecar are read once for many entries of a listing, and anew when this thread has changed
// an entry. Changes of other threads and programs show after SETTLE_MS, or later, so that reading takes at
// most a tenth of the time.
const SETTLE_MS = 20;
const SETTLE_READINGS = 10;
const facts = emptyStatx();
const NOT_READ = { name: "", size: 0 };

/** The entries of one open directory; runs as the server. */
export class ListedAttributes {
  private readonly context: ShareContext;
  private readonly directory: number;
  private readonly path: string;
  private device = -1;
  private traits: DiskTraits | undefined;
  /** Upper-case names of the sidecar's entries; undefined where there is no sidecar. */
  private entries: Set<string> | undefined;
  private entriesValidUntilMs = Number.NEGATIVE_INFINITY;
  private changes = -1;
  /** The EaSize of the entry of this directory whose sidecar entry was read last. */
  private lastEaSize = NOT_READ;
  /** What the names of extended attributes said of the entry of this name. */
  private readonly listed: ListedXattrs = { eaSize: 0, hasDosAttributes: false };
  private listedName = "";

  /** The caller closes `directory`; `path` is its on-disk path. */
  constructor(context: ShareContext, directory: number, path: string) {
    this.context = context;
    this.directory = directory;
    this.path = path;
  }

  /** The stored attributes of an entry (not a symlink), which `entry` has chosen. */
  of(stat: Statx, name: string, entry: EntryXattrs): DosAttributes | undefined {
    this.lastEaSize = NOT_READ;
    this.listedName = "";
    if (!this.context.grant.storeDosAttributes) return undefined;
    const traits = this.directoryTraits();
    if (deviceOf(stat) !== this.device) return this.ofMountedDisk(stat, name);
    if (traits.hasNtfsAttributes) return readNtfsOfEntry(this.context, traits, stat, entry);
    if (traits.hasUserXattrs && !traits.hasFatAttributes) return this.ofXattrs(name, entry);
    if (!isFileOrDirectory(stat)) return undefined;
    const value = this.sidecarAttributes({ name, stat, hasStableInodes: traits.hasStableInodes });
    return traits.hasFatAttributes ? this.mergedWithFat(traits, stat, name, value) : value;
  }

  /** EaSize of an entry, after `of` for the same one; 0 for one on another disk without extended attributes. */
  eaSizeOf(stat: Statx, name: string, entry: EntryXattrs): number {
    const traits = this.directoryTraits();
    if (traits.hasUserXattrs || deviceOf(stat) !== this.device) {
      if (this.listedName !== name) this.listXattrs(name, entry);
      return this.listed.eaSize;
    }
    if (!isFileOrDirectory(stat)) return 0;
    if (this.lastEaSize.name !== name)
      this.sidecarAttributes({ name, stat, hasStableInodes: traits.hasStableInodes });
    return this.lastEaSize.size;
  }

  /** Most entries of a tree that no client has written have no attributes: the list of them answers both questions. */
  private ofXattrs(name: string, entry: EntryXattrs): DosAttributes | undefined {
    if (this.context.grant.eaSupport) {
      this.listXattrs(name, entry);
      if (!this.listed.hasDosAttributes) return undefined;
    }
    return storedAttributesOfEntry(entry);
  }

  private listXattrs(name: string, entry: EntryXattrs): void {
    readListedXattrs(entry, this.listed);
    this.listedName = name;
  }

  private directoryTraits(): DiskTraits {
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
    const value = readEntryValue(entry, DOS_ATTRIBUTES_XATTR);
    closeFd(entry.fd);
    return value === undefined ? undefined : parseStored(value);
  }

  private sidecarEntry(subject: Subject): OpenEntry | undefined {
    if ((subject.stat.mode & ModeType.MASK) === ModeType.DIRECTORY) {
      // A folder's own values are in its own sidecar.
      return openEntry(this.directory, `${subject.name}/${SIDECAR_DIRECTORY}/${entryNameOf("")}`);
    }
    const entries = this.entryNames();
    if (entries === undefined) return undefined;
    const isThere =
      entries.has(upcase(entryNameOf(subject.name))) || entries.has(upcase(nextNameOf(subject.name)));
    if (!isThere) return undefined;
    const sidecar = openSidecar(this.directory);
    if (sidecar < 0) return undefined;
    const entry = entryOf(this.directory, sidecar, subject);
    closeFd(sidecar);
    return entry;
  }

  private readNames(): Set<string> | undefined {
    const sidecar = openSidecar(this.directory);
    if (sidecar < 0) return undefined;
    const names = new Set<string>();
    eachName(sidecar, (entry) => names.add(upcase(entry)).size > 0);
    closeFd(sidecar);
    return names;
  }

  private entryNames(): Set<string> | undefined {
    const startMs = performance.now();
    const changes = sidecarChanges();
    if (startMs < this.entriesValidUntilMs && changes === this.changes) return this.entries;
    this.entries = this.readNames();
    this.changes = changes;
    const readMs = performance.now() - startMs;
    this.entriesValidUntilMs = startMs + Math.max(SETTLE_MS, SETTLE_READINGS * readMs);
    return this.entries;
  }
}
