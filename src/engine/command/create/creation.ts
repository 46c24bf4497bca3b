// One CREATE on its way: what its steps have reached so far, and how that is undone when a later step fails.
// [MS-SMB2] 3.3.5.9.
import type { NtStatus } from "../../../wire/status.ts";
import type { MaybePromise } from "../../../port/port.ts";
import {
  CreateAction,
  CreateOption,
  type CreateRequest,
  CreateDisposition,
} from "../../../wire/command/create.ts";
import type { SecurityDescriptor } from "../../../wire/security/security-descriptor.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Tree } from "../../state/session.ts";
import type { CachingHolder } from "../../state/caching-holder.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import type { ParsedPath } from "../../vfs/name/client-path.ts";
import type { FileHandle, FileNode, FileStore } from "../../vfs/store.ts";
import type { StreamHandle } from "../../vfs/stream/stream-handle.ts";
import { type CachingRequest, readCachingRequest } from "./caching-request.ts";

/** Look-up and creation race with other programs on the same disk; more rounds than this mean trouble. */
export const MAX_ROUNDS = 4;

/** What there is to know of a stream on its way. */
export interface StreamCreation {
  readonly handle: StreamHandle;
  /** The name in the form in which equal names are equal. */
  readonly folded: string;
  /** It is not there yet: made once the open is in the tables. */
  isMissing: boolean;
  /** The file was made for the stream's sake, and goes again where the stream cannot be made. */
  readonly hasNewFile: boolean;
}

export class Creation {
  readonly exchange: Exchange;
  readonly request: CreateRequest;
  readonly tree: Tree;
  readonly store: FileStore;
  readonly path: ParsedPath;
  /** Starts over at the look-up. */
  readonly again: (creation: Creation) => MaybePromise<NtStatus>;
  node: FileNode | undefined;
  handle: FileHandle | undefined;
  /** Set where a named stream is opened; `node` is the file it is of. */
  stream: StreamCreation | undefined;
  file: SharedFile | undefined;
  open: Open | undefined;
  /** The descriptor that a new object begins with; undefined: nothing says more than its mode. */
  initialDescriptor: SecurityDescriptor | undefined;
  /** The mode that a new object is asked to have; undefined: all that the share's masks leave. */
  permissions: number | undefined;
  /** It begins with what its mode says, and with the name of its creator. */
  namesCreator = false;
  /** The access mask that the open gets. */
  granted = 0;
  action: number = CreateAction.OPENED;
  rounds = 0;
  /** What is asked for to be cached, whatever the object turns out to be. */
  readonly caching: CachingRequest;
  hasWaited = false;
  /** Of an open in a snapshot: where that is, in place of the share's directory. */
  snapshotPath: string | undefined;
  /** By the rules of the POSIX extensions. */
  isPosix = false;

  constructor(
    exchange: Exchange,
    request: CreateRequest,
    tree: Tree,
    store: FileStore,
    path: ParsedPath,
    again: (creation: Creation) => MaybePromise<NtStatus>,
  ) {
    this.exchange = exchange;
    this.request = request;
    this.tree = tree;
    this.store = store;
    this.path = path;
    this.again = again;
    this.caching = readCachingRequest(exchange, tree, request);
  }

  get components(): readonly string[] {
    return this.path.components;
  }

  get isWriteThrough(): boolean {
    return (this.request.createOptions & CreateOption.WRITE_THROUGH) !== 0;
  }

  /** True where the data of an existing object goes. */
  get truncates(): boolean {
    return this.action !== CreateAction.CREATED && overwrites(this.request);
  }

  /** The session may end while the disk or another client is asked. */
  get isTreeAlive(): boolean {
    return this.tree.session.trees.get(this.tree.id) === this.tree;
  }

  /** The lease that the request names, where it exists already. */
  leaseHolder(): CachingHolder | undefined {
    const { lease } = this.caching;
    return lease === undefined ? undefined : this.exchange.context.caching.findLease(lease.id);
  }

  /** Lets go of everything that the steps have taken. */
  undo(): void {
    const { opens, caching } = this.exchange.context;
    if (this.open !== undefined) {
      const { file } = this.open;
      if (opens.remove(this.open) && file !== undefined) opens.dropIfUnused(file);
      caching.release(this.open);
      this.open.close();
    } else {
      this.handle?.close();
      this.node?.close();
      if (this.file !== undefined) opens.dropIfUnused(this.file);
    }
    this.open = undefined;
    this.handle = undefined;
    this.stream = undefined;
    this.node = undefined;
    this.file = undefined;
  }
}

/** True where the data of an existing file goes. */
export function overwrites(request: CreateRequest): boolean {
  const { createDisposition } = request;
  return (
    createDisposition === CreateDisposition.SUPERSEDE ||
    createDisposition === CreateDisposition.OVERWRITE ||
    createDisposition === CreateDisposition.OVERWRITE_IF
  );
}
