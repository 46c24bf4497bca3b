// An open, made by a successful CREATE ([MS-SMB2] 3.3.1.10), and the state that all opens of a file share.
// Commands and the open table change it.
import type { Time } from "../../wire/filetime.ts";
import type { MaybePromise } from "../../port/port.ts";
import type { DirectoryStream, Failure, FileHandle, FileNode } from "../vfs/store.ts";
import type { Session, Tree } from "./session.ts";
import { type CachingHolder, FileCaching } from "./caching-holder.ts";
import type { FileFacts } from "./file-facts.ts";
import type { LockSequences } from "./lock-sequence.ts";
import { DESCRIPTORS_PER_DIRECTORY, DESCRIPTORS_PER_FILE, type OpenUsage, userOf } from "./open-usage.ts";
import { type PathEntry, PathIndex } from "./path-index.ts";
import type { RangeLocks } from "./range-locks.ts";
import type { StreamName } from "../vfs/stream/stream-handle.ts";

/**
 * CreateOptions that become FileModeInformation: WRITE_THROUGH to SYNCHRONOUS_IO_NONALERT; [MS-FSCC] 2.4.30.
 */
const MODE_BITS = 0x3e;

/** An enumeration in progress. The first query and a restart set the pattern. */
export interface DirectorySearch {
  stream: DirectoryStream;
  pattern: string;
  matches: (name: string) => boolean;
  /** True once an entry was returned: STATUS_NO_MORE_FILES follows; before, STATUS_NO_SUCH_FILE. */
  hasReturned: boolean;
}

/** Times that operations through an open do not update; undefined: updated as usual. */
export interface FixedTimes {
  readonly access: Time | undefined;
  readonly modify: Time | undefined;
  readonly change: Time | undefined;
}

export class Open {
  /** Persistent and volatile half of the FileId on the wire. */
  readonly id: number;
  /** Where it was opened or reconnected; of a durable open without a connection, where it was before. */
  session: Session;
  tree: Tree;
  /** Id of the connection over which it was opened or reconnected; Open.Connection. */
  connectionId: number;
  /** Undefined for a pipe. */
  node: FileNode | undefined;
  readonly file: SharedFile | undefined;
  /** The data of a file, or the open directory; undefined for an open with access to attributes only. */
  handle: FileHandle | undefined;
  /** The manager's number for a pipe, else -1. */
  readonly pipe: number;
  /** What a request through this open may do; a reload that makes the share read-only reduces it. */
  grantedAccess: number;
  /** `grantedAccess` as of the CREATE, for the sharing with other opens. */
  readonly sharingAccess: number;
  /** Rights of `grantedAccess` that SET_INFO refuses, because the user is not the object's owner. */
  unusableAccess = 0;
  readonly shareAccess: number;
  readonly createOptions: number;
  readonly isDirectory: boolean;
  /** The user that it counts for; the user of a session may change. */
  readonly user: string;
  /** For an open in a snapshot: the directory of the snapshot, which replaces the share's directory. */
  snapshotPath: string | undefined;
  /** Opened with the POSIX create context: the SMB3 POSIX extensions apply. */
  isPosix = false;
  /** The name that it was opened by, where that is another hard link than the file's `pathEntry`. */
  pathEntry: PathEntry<SharedFile> | undefined;
  /** FILE_MODE_INFORMATION as set by the client. */
  mode: number;
  position = 0;
  /** When it was opened, by the engine's clock. */
  openedMs = 0;
  private usage: OpenUsage | undefined;
  search: DirectorySearch | undefined;
  /**
   * The QUERY_DIRECTORY in progress, which has to give way or to wait for the disk: the next one follows it.
   */
  listing: Promise<unknown> | undefined;
  /** Index of the extended attribute at which the next query continues. */
  nextAttribute = 0;
  /** Opened with FILE_DELETE_ON_CLOSE: the file becomes delete-pending when this open closes. */
  deleteOnClose = false;
  /**
   * If this open deletes the file, its name is removed when this open closes, even with other opens (POSIX
   * semantics).
   */
  deletesAtOnce = false;
  /** The oplock or lease of this open. */
  caching: CachingHolder | undefined;
  /** ParentLeaseKey in hex: changes through this open do not break the directory lease with that key. */
  parentLeaseKey: string | undefined;
  /** Data was written: the close changes size and times in the directory's listing. */
  hasWritten = false;
  /** Times set or frozen through this open, which its operations no longer update; [MS-FSA] 2.1.5.15.2. */
  fixedTimes: FixedTimes | undefined;
  /** Set while the open may outlive its connection. */
  durability: Durability | undefined;
  /** CreateAction of the CREATE response, for a replay. */
  createAction = 0;
  /** ClientGuid and CreateGuid of the CREATE, joined; "" without a CreateGuid. */
  createKey = "";
  /** True until the open is used: the client may replay its CREATE; 3.3.1.10. */
  isReplayable = false;
  /** AppInstanceId in hex; "" for none. */
  appInstanceId = "";
  /** Made by the first LOCK that may be replayed. */
  lockSequences: LockSequences | undefined;
  /** Open.ChannelSequence, OutstandingRequestCount and OutstandingPreRequestCount; 3.3.1.10. */
  readonly sequence = { number: 0, outstanding: 0, outstandingBefore: 0 };
  /** Called before the descriptors are closed, which may be after the open is. */
  beforeRelease: (() => void) | undefined;
  /** Number of requests that use the descriptors; they are closed after the last one. */
  busy = 0;
  isClosed = false;

  constructor(init: {
    id: number;
    session: Session;
    tree: Tree;
    connectionId: number;
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
    this.connectionId = init.connectionId;
    this.node = init.node;
    this.file = init.file;
    this.handle = init.handle;
    this.pipe = init.pipe;
    this.grantedAccess = init.grantedAccess;
    this.sharingAccess = init.grantedAccess;
    this.shareAccess = init.shareAccess;
    this.createOptions = init.createOptions;
    this.isDirectory = init.isDirectory;
    this.user = userOf(init.session);
    this.mode = init.createOptions & MODE_BITS;
  }

  /** The current path of the name that it was opened by, below `root`; see `SharedFile.pathBelow`. */
  pathBelow(root: string): string {
    return this.file?.pathBelow(root, this.pathEntry) ?? "";
  }

  /** The directory of the share or the snapshot, with which the path of `file` begins. */
  get rootPath(): string {
    return this.snapshotPath ?? this.tree.grant.path;
  }

  /** Replaces the opened object by another one that has no data. */
  replaceNode(node: FileNode): void {
    this.handle?.close();
    this.handle = undefined;
    this.node?.close();
    this.node = node;
  }

  /** Counts the open until its descriptors are closed, or until `endCount`. */
  countIn(usage: OpenUsage): void {
    this.usage = usage;
    usage.add(this.user, this.descriptors);
  }

  endCount(): void {
    this.usage?.remove(this.user, this.descriptors);
    this.usage = undefined;
  }

  /** The most descriptors that it has. */
  private get descriptors(): number {
    if (this.pipe >= 0) return 0;
    return this.isDirectory ? DESCRIPTORS_PER_DIRECTORY : DESCRIPTORS_PER_FILE;
  }

  /** Starts a use by a request; pair with `endUse`. */
  beginUse(): void {
    this.busy++;
  }

  /** Ends a use. The last one closes the descriptors of an open that was closed meanwhile. */
  endUse(): void {
    this.busy--;
    if (this.isClosed && this.busy === 0) this.releaseDescriptors();
  }

  /** Closes the open; the descriptors are closed as soon as no request uses them. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.busy === 0) this.releaseDescriptors();
  }

  /**
   * `close` for an object that is about to be removed: closes the data at once where no request but the CLOSE
   * uses it, and the node when `release` is called.
   */
  closeData(): { release: () => void } {
    if (this.busy <= 1) void this.releaseData();
    this.beginUse();
    this.close();
    return { release: () => this.endUse() };
  }

  /**
   * `close` for an open that has written: closes the data at once where no request but the CLOSE uses it, and
   * returns the failure of data that the file system stores only now. 0 where it is not known yet.
   */
  closeWritten(): MaybePromise<0 | Failure> {
    const stored = this.busy <= 1 ? this.releaseData() : 0;
    this.close();
    return stored;
  }

  private releaseData(): MaybePromise<0 | Failure> {
    this.beforeRelease?.();
    this.beforeRelease = undefined;
    this.search?.stream.close();
    this.search = undefined;
    return this.handle?.close() ?? 0;
  }

  private releaseDescriptors(): void {
    void this.releaseData();
    this.node?.close();
    this.endCount();
  }
}

/** The state that all opens of one file or named stream share. Exists while there is an open. */
export class SharedFile {
  /** Key in the open table. The rename of a stream changes it. */
  identity: string;
  /**
   * For a named stream its file, which stays in the table while one of its streams is open; else undefined.
   */
  readonly base: SharedFile | undefined;
  /** The open named streams of this file by their case-folded names; undefined where there is none. */
  streams: Map<string, SharedFile> | undefined;
  /** For a named stream: its name, and where it is stored. */
  stream: StreamName | undefined;
  readonly opens = new Set<Open>();
  /** Oplocks and leases, and the requests that wait for a break. */
  readonly caching = new FileCaching();
  /** Undefined while no lock is held or waited for: reads and writes then skip the check. */
  locks: RangeLocks | undefined;
  /** Set by FileDispositionInformation or by the close of a delete-on-close handle. */
  deletePending = false;
  /** Settles when the rename or removal that is in progress on the disk ends; never rejects. */
  moving: Promise<void> | undefined;
  /** Settles when the last append that was started ends; never rejects. */
  appending: Promise<void> | undefined;
  /** Settles when the last change of its kernel locks that was started ends; never rejects. */
  mirroring: Promise<void> | undefined;
  /** The removal of its name is in progress. */
  isBeingRemoved = false;
  /** False once its name was unlinked or belongs to another object, while it is still open. */
  hasName = true;
  /** Created or overwritten while open, which set ARCHIVE; false once other attributes were set. */
  isMarked = false;
  /**
   * What the file was when the server before left its opens to this one; undefined once it was seen to be
   * unchanged, and for other files.
   */
  leftFacts: FileFacts | undefined;
  /** Bytes of disk space reserved by a client, rounded up to blocks; 0 for none. */
  reservedBytes = 0;
  /** ParentLeaseKey (hex) of the open that set delete-pending; see `closeOpen`. */
  deleterParentKey: string | undefined;
  /** The open that set delete-pending is one of the SMB3 POSIX extensions. */
  isDeleterPosix = false;
  /** Numbers of opens that read, write and delete, and of opens that refuse to share each of these. */
  readonly uses: SharingCounts = [0, 0, 0];
  readonly refusals: SharingCounts = [0, 0, 0];
  pathEntry: PathEntry<SharedFile> | undefined;
  /** The name to remove where `deletePending` is set: of several hard links the one that was opened. */
  deletePendingEntry: PathEntry<SharedFile> | undefined;
  private readonly index: PathIndex<SharedFile>;

  /** `base`: the file of a named stream, for which `path` is not used. */
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
   * The absolute path, comparable across shares; follows renames by the server. A stream has its file's path.
   */
  get path(): string {
    return this.base === undefined ? this.pathOf(this.pathEntry) : this.base.path;
  }

  /** The path of one of its names, by default of `pathEntry`. */
  pathOf(entry: PathEntry<SharedFile> | undefined): string {
    const named = entry ?? this.pathEntry;
    return named === undefined ? "" : this.index.path(named);
  }

  /** True while the file or one of its streams is open. */
  get isOpen(): boolean {
    if (this.opens.size > 0) return true;
    for (const stream of this.streams?.values() ?? []) if (stream.opens.size > 0) return true;
    return false;
  }

  /** True where the file, or the file of a stream, is delete-pending. */
  get hasDeletePending(): boolean {
    return this.deletePending || this.base?.deletePending === true;
  }

  /**
   * The path of the name `entry` (by default `pathEntry`) below the directory `root`; "" for a file without a
   * name.
   */
  pathBelow(root: string, entry?: PathEntry<SharedFile>): string {
    if (!(this.base ?? this).hasName) return "";
    const path = this.base === undefined ? this.pathOf(entry) : this.path;
    return path.length > root.length ? path.slice(root.length + 1) : "";
  }
}

/** Counts for read, write and delete. */
type SharingCounts = [number, number, number];

/** The properties of a durable open. */
export interface Durability {
  readonly version: 1 | 2;
  /** Milliseconds that it stays without a connection. */
  readonly timeoutMs: number;
  /** ClientGuid of the client that made it, 16 bytes in hex. */
  readonly clientGuid: string;
  /** The only user that may reconnect it. */
  readonly user: string;
  /** The only share on which it may be reconnected. */
  readonly share: string;
}
