// An open: one successful CREATE; [MS-SMB2] 3.3.1.10. Plain state; commands and the open table work on it.
import type { Time } from "../../wire/filetime.ts";
import type { DirectoryStream, FileHandle, FileNode } from "../vfs/store.ts";
import type { Session, Tree } from "./session.ts";
import { type CachingHolder, FileCaching } from "./caching-holder.ts";
import type { LockSequences } from "./lock-sequence.ts";
import { type PathEntry, PathIndex } from "./path-index.ts";
import type { RangeLocks } from "./range-locks.ts";
import type { StreamName } from "../vfs/stream/stream-handle.ts";

/** How an enumeration stands: the pattern is fixed by the first query and by a restart. */
export interface DirectorySearch {
  stream: DirectoryStream;
  pattern: string;
  matches: (name: string) => boolean;
  /** False until an entry was returned: an empty first answer is NO_SUCH_FILE, a later one NO_MORE_FILES. */
  hasReturned: boolean;
}

/** Times that do not move with what is done through an open; undefined: as usual. */
export interface FixedTimes {
  readonly access: Time | undefined;
  readonly modify: Time | undefined;
  readonly change: Time | undefined;
}

export class Open {
  /** The number that stands in both halves of the FileId on the wire. */
  readonly id: number;
  /** The session and tree it was opened on, or got back on; of a detached open the ones it was lost with. */
  session: Session;
  tree: Tree;
  /** Undefined for a pipe. */
  node: FileNode | undefined;
  readonly file: SharedFile | undefined;
  /** Data of a file or an open directory; undefined where only attributes were asked for. */
  handle: FileHandle | undefined;
  /** The manager's number for a pipe, else -1. */
  readonly pipe: number;
  readonly grantedAccess: number;
  readonly shareAccess: number;
  readonly createOptions: number;
  readonly isDirectory: boolean;
  /** Of an open in a snapshot: where that is, in place of the share's directory. */
  snapshotPath: string | undefined;
  /** Opened by a client with the POSIX extensions, and by their rules. */
  isPosix = false;
  /** The name that it was opened by, where that is another hard link than the file's `place`. */
  pathEntry: PathEntry<SharedFile> | undefined;
  /** FILE_MODE_INFORMATION as set by the client. */
  mode: number;
  position = 0;
  search: DirectorySearch | undefined;
  /** How many extended attributes have been returned: the next query goes on there. */
  nextAttribute = 0;
  /** Set by FILE_DELETE_ON_CLOSE at creation: becomes delete-pending when this handle closes. */
  deleteOnClose = false;
  /** Where the file goes by this open, its name goes as soon as this open ends, whoever else has it open. */
  deletesAtOnce = false;
  /** The oplock or lease that the client caches the file by. */
  caching: CachingHolder | undefined;
  /** In hex, as the client named it with its lease: what this open changes in the directory does not end that lease. */
  parentLeaseKey: string | undefined;
  /** Data was written: the directory's listing shows other sizes and times once this open closes. */
  hasWritten = false;
  /** Set or stopped by the client through this open: what it does with the data leaves them; [MS-FSA] 2.1.5.15.2. */
  fixedTimes: FixedTimes | undefined;
  /** Set while the open may outlive its connection. */
  durability: Durability | undefined;
  /** CreateAction of the answer to its CREATE: a replay gets the same. */
  createAction = 0;
  /** Client and CreateGuid of the CREATE that made it, "" without one. */
  createKey = "";
  /** True until the open is used: its CREATE may be sent again with the same CreateGuid; 3.3.1.10. */
  isReplayable = false;
  /** In hex; "" where the client named no application. */
  appInstanceId = "";
  /** Made by the first LOCK that may have to be recognized when it is sent again. */
  lockSequences: LockSequences | undefined;
  /** ChannelSequence of the last request, requests under way with it, and with earlier ones; 3.3.1.10. */
  readonly sequence = { number: 0, outstanding: 0, outstandingBefore: 0 };
  /** Runs when the descriptors are about to be closed, which may be later than the open is. */
  beforeRelease: (() => void) | undefined;
  /** Requests that use the handle right now: its descriptor is closed after the last one. */
  busy = 0;
  isClosed = false;

  constructor(init: {
    id: number;
    session: Session;
    tree: Tree;
    node: FileNode | undefined;
    file: SharedFile | undefined;
    handle: FileHandle | undefined;
    pipe: number;
    grantedAccess: number;
    shareAccess: number;
    createOptions: number;
    isDirectory: boolean;
  }) {
    this.id = init.id;
    this.session = init.session;
    this.tree = init.tree;
    this.node = init.node;
    this.file = init.file;
    this.handle = init.handle;
    this.pipe = init.pipe;
    this.grantedAccess = init.grantedAccess;
    this.shareAccess = init.shareAccess;
    this.createOptions = init.createOptions;
    this.isDirectory = init.isDirectory;
    this.mode = init.createOptions & 0x1e;
  }

  /** The path that it was opened by, as of now, below a share's directory `root`; see `SharedFile.pathBelow`. */
  pathBelow(root: string): string {
    return this.file?.pathBelow(root, this.pathEntry) ?? "";
  }

  /** The directory that the path of `file` begins with. */
  get rootPath(): string {
    return this.snapshotPath ?? this.tree.grant.path;
  }

  /** Another object, which has no data, stands in the place of the one that was opened. */
  replaceNode(node: FileNode): void {
    this.handle?.close();
    this.handle = undefined;
    this.node?.close();
    this.node = node;
  }

  /** Counts a request in; pair with `endUse`. */
  beginUse(): void {
    this.busy++;
  }

  /** Counts a request out and closes the descriptors of an open that was closed meanwhile. */
  endUse(): void {
    this.busy--;
    if (this.isClosed && this.busy === 0) this.releaseDescriptors();
  }

  /** Marks the open closed; its descriptors go as soon as no request uses them. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.busy === 0) this.releaseDescriptors();
  }

  /**
   * The same for an object that is to be removed: the data goes before the CLOSE that uses it is over, what holds the
   * object when `release` is called.
   */
  closeData(): { release: () => void } {
    if (this.busy <= 1) this.releaseData();
    this.beginUse();
    this.close();
    return { release: () => this.endUse() };
  }

  private releaseData(): void {
    this.beforeRelease?.();
    this.beforeRelease = undefined;
    this.search?.stream.close();
    this.search = undefined;
    this.handle?.close();
  }

  private releaseDescriptors(): void {
    this.releaseData();
    this.node?.close();
  }
}

/** What all opens of one file, or of one named stream of it, share. Lives while there is an open. */
export class SharedFile {
  /** Of a stream: changed by its rename. */
  identity: string;
  /** Undefined but for a named stream: the file it is of, which stays known as long as one of its streams is open. */
  readonly base: SharedFile | undefined;
  /** The open named streams of this file by their folded names; undefined where there is none. */
  streams: Map<string, SharedFile> | undefined;
  /** Of a named stream: where it is kept. */
  stream: StreamName | undefined;
  readonly opens = new Set<Open>();
  /** Oplocks, leases, and who waits for them to break. */
  readonly caching = new FileCaching();
  /** Undefined while nobody holds or awaits a lock: reads and writes then ask no further. */
  locks: RangeLocks | undefined;
  /** Set by FileDispositionInformation or by the close of a delete-on-close handle. */
  deletePending = false;
  /** Settles when the rename or removal of its name ends that is at the disk right now; never rejects. */
  moving: Promise<void> | undefined;
  /** Settles when the last of those who append to it has done so; never rejects. */
  appending: Promise<void> | undefined;
  /** Settles when work on its data ends whose client was told that it is cancelled; never rejects. */
  late: Promise<unknown> | undefined;
  /** Its name is being removed right now. */
  isGoing = false;
  /** False once its name is gone, or another object's: who has it open keeps it. */
  hasName = true;
  /** Made or emptied while it is open, and so marked ARCHIVE; false once somebody has set other attributes. */
  isMarked = false;
  /** Bytes reserved on request, rounded up to blocks; 0 for none. */
  reservedBytes = 0;
  /** The parent lease key of the open that asked for the deletion, in hex; see `closeOpen`. */
  deleterParentKey: string | undefined;
  /** How many opens read, write, delete, and refuse others each of these: sharing is decided by counting. */
  readonly uses: SharingCounts = [0, 0, 0];
  readonly refusals: SharingCounts = [0, 0, 0];
  pathEntry: PathEntry<SharedFile> | undefined;
  /** The name that goes where `deletePending` is set: of a file with hard links the one that was opened. */
  doomedEntry: PathEntry<SharedFile> | undefined;
  private readonly index: PathIndex<SharedFile>;

  /** With `base` it is a stream of that file: `path` is not used then. */
  constructor(
    identity: string,
    path: string,
    index: PathIndex<SharedFile> = new PathIndex(),
    base?: SharedFile,
  ) {
    this.identity = identity;
    this.index = index;
    this.base = base;
    this.pathEntry = base === undefined ? index.insert(path, this) : undefined;
  }

  /**
   * The share's directory and the path below it, joined: comparable across shares. Follows our renames. A stream has
   * its file's.
   */
  get path(): string {
    return this.base === undefined ? this.pathOf(this.pathEntry) : this.base.path;
  }

  /** The path of one of its names; of the name it is known by where there is none. */
  pathOf(place: PathEntry<SharedFile> | undefined): string {
    const own = place ?? this.pathEntry;
    return own === undefined ? "" : this.index.path(own);
  }

  /** The file or one of its streams is open. */
  get isOpen(): boolean {
    if (this.opens.size > 0) return true;
    for (const stream of this.streams?.values() ?? []) if (stream.opens.size > 0) return true;
    return false;
  }

  /** The file, or for a stream the file that it is of, is to go or going. */
  get isDoomed(): boolean {
    return this.deletePending || this.base?.deletePending === true;
  }

  /** The path below a share's directory `root`, of the name `place` if given; "" also for what has no name. */
  pathBelow(root: string, place?: PathEntry<SharedFile>): string {
    if (!(this.base ?? this).hasName) return "";
    const path = this.base === undefined ? this.pathOf(place) : this.path;
    return path.length > root.length ? path.slice(root.length + 1) : "";
  }
}

/** For reading, writing and deletion, in this order. */
type SharingCounts = [number, number, number];

/** What makes an open durable. */
export interface Durability {
  readonly version: 1 | 2;
  /** How long it is kept without a connection. */
  readonly timeoutMs: number;
  /** Of the client that made it, 16 bytes in hex. */
  readonly clientGuid: string;
  /** Only this user may have it back. */
  readonly user: string;
  /** The share it was opened on; reconnecting elsewhere finds nothing. */
  readonly share: string;
}
