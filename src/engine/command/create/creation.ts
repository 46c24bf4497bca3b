// The state of one CREATE while its steps run, and its undo when a step fails; [MS-SMB2] 3.3.5.9.
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
import { closeOpen } from "../close/teardown.ts";
import { type CachingRequest, readCachingRequest } from "./caching-request.ts";

/** Look-ups of a CREATE that loses the race for the name; then it fails with SHARING_VIOLATION. */
export const MAX_ROUNDS = 4;

/** The named stream that a CREATE opens. */
export interface StreamCreation {
  readonly handle: StreamHandle;
  /** The case-folded name. */
  readonly folded: string;
  /** The stream does not exist yet; it is created once the open is in the open table. */
  isMissing: boolean;
  /** It may be there all the same, empty, which clients do not see. */
  readonly mayExist: boolean;
  /** This CREATE made the file for the stream; it is removed again if the stream cannot be created. */
  readonly hasNewFile: boolean;
}

export class Creation {
  readonly exchange: Exchange;
  readonly request: CreateRequest;
  readonly tree: Tree;
  readonly store: FileStore;
  readonly path: ParsedPath;
  /** Repeats the CREATE from the look-up. */
  readonly restart: (creation: Creation) => MaybePromise<NtStatus>;
  node: FileNode | undefined;
  handle: FileHandle | undefined;
  /** Set when a named stream is opened; `node` is its file then. */
  stream: StreamCreation | undefined;
  file: SharedFile | undefined;
  open: Open | undefined;
  /** The security descriptor of a new object; undefined when its mode alone applies. */
  initialDescriptor: SecurityDescriptor | undefined;
  /** The mode that the client requests for a new object; undefined: all bits that the share's masks leave. */
  permissions: number | undefined;
  /** The new object gets the rights of its mode and a descriptor whose owner is the SID of its creator. */
  recordsCreator = false;
  /** The access mask granted to the open. */
  granted = 0;
  /** Rights of `granted` that SET_INFO refuses; see `unusableAccessOf`. */
  unusable = 0;
  action: number = CreateAction.OPENED;
  rounds = 0;
  /** The requested oplock or lease, not yet limited by the kind of object. */
  readonly caching: CachingRequest;
  hasWaited = false;
  /** The snapshot's own directory, which replaces the share's directory; undefined outside a snapshot. */
  snapshotPath: string | undefined;
  /** The request follows the rules of the SMB3 POSIX extensions. */
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
    this.restart = again;
    this.caching = readCachingRequest(exchange, tree, request);
  }

  get components(): readonly string[] {
    return this.path.components;
  }

  get isWriteThrough(): boolean {
    return (this.request.createOptions & CreateOption.WRITE_THROUGH) !== 0;
  }

  /** True if the request replaces the data of an existing object. */
  get truncates(): boolean {
    return this.action !== CreateAction.CREATED && overwrites(this.request);
  }

  /** False once the session or the tree connect ended, which may happen during every wait. */
  get isTreeAlive(): boolean {
    return this.tree.session.trees.get(this.tree.id) === this.tree;
  }

  /** The existing lease with the key of the request, if any. */
  leaseHolder(): CachingHolder | undefined {
    const { lease } = this.caching;
    return lease === undefined ? undefined : this.exchange.context.caching.findLease(lease.id);
  }

  /** Releases everything that the steps so far have acquired: open, descriptors, table entries. */
  undo(): void {
    const { context } = this.exchange;
    const { opens } = context;
    if (this.open !== undefined) {
      // What failed deletes nothing itself.
      this.open.deleteOnClose = false;
      // Whoever has guessed its FileId has used it, and others may have deleted the file meanwhile.
      const done = closeOpen(context, this.open);
      if (done instanceof Promise)
        done.catch((error: unknown) => context.log.error(`undoing a CREATE: ${String(error)}`));
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

/** True for the dispositions that replace the data of an existing file. */
export function overwrites(request: CreateRequest): boolean {
  const { createDisposition } = request;
  return (
    createDisposition === CreateDisposition.SUPERSEDE ||
    createDisposition === CreateDisposition.OVERWRITE ||
    createDisposition === CreateDisposition.OVERWRITE_IF
  );
}
