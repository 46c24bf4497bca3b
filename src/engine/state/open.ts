// An open: one successful CREATE; [MS-SMB2] 3.3.1.10. Plain state; commands and the open table work on it.
import type { Time } from "../../wire/filetime.ts";
import type { DirectoryStream, FileHandle, FileNode } from "../vfs/store.ts";
import type { Session, Tree } from "../session/session.ts";
import type { CachingHolder } from "./caching-holder.ts";
import type { Durability } from "./durable-opens.ts";
import type { LockSequences } from "./lock-sequence.ts";
import type { SharedFile } from "./open-table.ts";
import type { PathPlace } from "./path-index.ts";

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
  place: PathPlace<SharedFile> | undefined;
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
  readonly sequence = { number: 0, outstanding: 0, before: 0 };
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
    return this.file?.pathBelow(root, this.place) ?? "";
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
