// CREATE: a short list of named steps in the specification's order; what a failed step leaves is undone in one
// place. [MS-SMB2] 2.2.13, 2.2.14, 3.3.5.9; [MS-FSA] 2.1.5.1.
import type { MaybePromise } from "../../port/port.ts";
import { Access, mapGenericAccess } from "../../wire/access.ts";
import { CompletionFilter } from "../../wire/change-notify.ts";
import {
  CreateAction,
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  decodeCreateRequest,
} from "../../wire/create.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../wire/fscc/attributes.ts";
import { NotifyAction } from "../../wire/fscc/notify.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Tree } from "../session/session.ts";
import type { CachingHolder } from "../state/caching-holder.ts";
import { nameFilter } from "../state/notify.ts";
import { Open } from "../state/open.ts";
import { joinPath, type SharedFile } from "../state/open-table.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { parsePath } from "../vfs/path.ts";
import { type FileHandle, FileKind, type FileNode, type FileStore, type Found } from "../vfs/store.ts";
import { entryChanged, waitForCaching } from "./caching.ts";
import { writeCreateAnswer } from "./create-answer.ts";
import { checkCreateRequest } from "./create-check.ts";
import { checkExisting, decideAccess, mayRemove, overwrites } from "./create-existing.ts";
import {
  answerReplay,
  beginPendingCreate,
  checkDurableContexts,
  closeOfApplication,
  grantDurability,
  reconnectOpen,
} from "./durable.ts";
import { lookupStatusOf, statusOf } from "./errno-status.ts";
import { type CachingRequest, forDirectory, parentKeyOf, readCachingRequest } from "./lease-request.ts";
import { openPipe } from "./open-pipe.ts";
import { noteReserved } from "./reserved-space.ts";

const EEXIST = -17;
/** What is reported of a file whose data was replaced. */
const OVERWRITTEN = CompletionFilter.ATTRIBUTES | CompletionFilter.SIZE | CompletionFilter.LAST_WRITE;
/** Look-up and creation race with other programs on the same disk; more rounds than this mean trouble. */
const MAX_ROUNDS = 4;

export function handleCreate(exchange: Exchange): MaybePromise<number> {
  const request = decodeCreateRequest(exchange.message);
  const tree = exchange.tree as Tree;
  if (tree.store === undefined) return openPipe(exchange, request);
  const durableStatus = checkDurableContexts(request);
  if (durableStatus !== Status.SUCCESS) return durableStatus;
  // Who wants an open back need say nothing more: the other fields are not looked at; 3.3.5.9.7, 3.3.5.9.12.
  const reconnected = reconnectOpen(exchange, request, tree);
  if (reconnected !== undefined) return reconnected;
  const refusal = checkCreateRequest(request, tree);
  if (refusal !== Status.SUCCESS) return refusal;
  const { opens, settings } = exchange.context;
  if (opens.count >= settings.maxOpenFiles) return Status.INSUFFICIENT_RESOURCES;
  const replayed = answerReplay(exchange, request);
  if (replayed !== undefined) return replayed;
  const path = parsePath(request.name);
  if (typeof path === "number") return path;
  // Named streams are not kept here: the name as a whole is one that this file system cannot hold.
  if (path.stream !== undefined) return Status.OBJECT_NAME_INVALID;
  return new Creation(exchange, request, tree, tree.store, path.components).run();
}

/** One CREATE on its way. The fields are what the steps have reached so far. */
class Creation {
  private readonly exchange: Exchange;
  private readonly request: CreateRequest;
  private readonly tree: Tree;
  private readonly store: FileStore;
  private readonly components: readonly string[];
  private node: FileNode | undefined;
  private handle: FileHandle | undefined;
  private file: SharedFile | undefined;
  private open: Open | undefined;
  private granted = 0;
  private action: number = CreateAction.OPENED;
  private rounds = 0;
  /** What is asked for to be cached, whatever the object turns out to be. */
  private readonly caching: CachingRequest;
  private hasWaited = false;

  constructor(
    exchange: Exchange,
    request: CreateRequest,
    tree: Tree,
    store: FileStore,
    components: readonly string[],
  ) {
    this.exchange = exchange;
    this.request = request;
    this.tree = tree;
    this.store = store;
    this.components = components;
    this.caching = readCachingRequest(exchange, tree, request);
  }

  run(): MaybePromise<number> {
    const outcome = this.lookUp();
    if (typeof outcome === "number") return this.settle(outcome);
    // Sent again while it waits, it must not be carried out twice.
    const endPending = beginPendingCreate(this.exchange, this.request);
    return outcome.finally(endPending).then(
      (status) => this.settle(status),
      (error: unknown) => {
        this.undo();
        throw error;
      },
    );
  }

  private settle(status: number): number {
    if (status !== Status.SUCCESS) this.undo();
    return status;
  }

  private undo(): void {
    const { opens, caching } = this.exchange.context;
    if (this.open !== undefined) {
      opens.remove(this.open);
      caching.release(this.open);
      this.open.close();
    } else {
      this.handle?.close();
      this.node?.close();
      if (this.file !== undefined) opens.dropIfUnused(this.file);
    }
    this.open = undefined;
    this.handle = undefined;
    this.node = undefined;
    this.file = undefined;
  }

  private lookUp(): MaybePromise<number> {
    if (++this.rounds > MAX_ROUNDS) return Status.SHARING_VIOLATION;
    return andThen(this.store.lookup(this.components), (found) => {
      if (typeof found === "number") return lookupStatusOf(found);
      this.node = found.node;
      return found.node === undefined ? this.createNew(found) : this.openExisting(found, found.node);
    });
  }

  private createNew(found: Found): MaybePromise<number> {
    const { createDisposition, createOptions, fileAttributes, desiredAccess } = this.request;
    if (createDisposition === CreateDisposition.OPEN || createDisposition === CreateDisposition.OVERWRITE) {
      return Status.OBJECT_NAME_NOT_FOUND;
    }
    if (this.tree.grant.readOnly) return Status.ACCESS_DENIED;
    const isReadOnly = (fileAttributes & FileAttribute.READONLY) !== 0;
    if (isReadOnly && (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0) return Status.CANNOT_DELETE;
    // 3.3.5.9.8: a key names one file, and this one is yet to be made.
    if (this.leaseHolder() !== undefined) return Status.INVALID_PARAMETER;
    // 2.1.5.1.1: the creator gets what it asks for, and everything where it asks for the most.
    const mapped = mapGenericAccess(desiredAccess);
    const all = this.tree.maximalAccess;
    this.granted =
      ((mapped & Access.MAXIMUM_ALLOWED) !== 0 ? mapped | all : mapped) & ~Access.MAXIMUM_ALLOWED;
    this.action = CreateAction.CREATED;
    const wantsDirectory = (createOptions & CreateOption.DIRECTORY_FILE) !== 0;
    const attributes = fileAttributes & SETTABLE_ATTRIBUTES;
    if (wantsDirectory) {
      return andThen(this.store.createDirectory(found, attributes), (node) => {
        if (typeof node === "number") return this.retryIfExists(node);
        this.node = node;
        this.reportCreated(found, true);
        return this.openData(found, node);
      });
    }
    const mode = { read: true, write: true, writeThrough: this.isWriteThrough() };
    return andThen(this.store.createFile(found, mode, attributes | FileAttribute.ARCHIVE), (created) => {
      if (typeof created === "number") return this.retryIfExists(created);
      this.node = created.node;
      this.handle = created.handle;
      this.reportCreated(found, false);
      return this.register(found, created.node);
    });
  }

  private reportCreated(found: Found, isDirectory: boolean): void {
    const { notify } = this.exchange.context;
    if (notify.count === 0) return;
    notify.changed(NotifyAction.ADDED, joinPath(this.tree.grant.path, found.path), nameFilter(isDirectory));
  }

  private retryIfExists(failure: number): MaybePromise<number> {
    return failure === EEXIST ? this.lookUp() : statusOf(failure);
  }

  private isWriteThrough(): boolean {
    return (this.request.createOptions & CreateOption.WRITE_THROUGH) !== 0;
  }

  private leaseHolder(): CachingHolder | undefined {
    const { lease } = this.caching;
    return lease === undefined ? undefined : this.exchange.context.caching.findLease(lease.id);
  }

  private openExisting(found: Found, node: FileNode): MaybePromise<number> {
    const { request, tree, components } = this;
    const refusal = checkExisting(request, tree, components, node);
    if (refusal !== Status.SUCCESS) return refusal;
    const { status, granted } = decideAccess(request, tree, node);
    if (status !== Status.SUCCESS) return status;
    this.granted = granted;
    const removes = (mapGenericAccess(request.desiredAccess) & Access.DELETE) !== 0;
    if (!removes || components.length === 0) return this.takeOver(found, node);
    return andThen(mayRemove(this.store, tree, components, node), (allowed) =>
      allowed === Status.SUCCESS ? this.takeOver(found, node) : allowed,
    );
  }

  private takeOver(found: Found, node: FileNode): MaybePromise<number> {
    return andThen(closeOfApplication(this.exchange, this.request, this.tree, node), () =>
      this.openData(found, node),
    );
  }

  private openData(found: Found, node: FileNode): MaybePromise<number> {
    const isDirectory = node.stat.kind === FileKind.DIRECTORY;
    const write =
      !isDirectory &&
      (overwrites(this.request) || (this.granted & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0);
    const read = (this.granted & (Access.READ_DATA | Access.EXECUTE)) !== 0;
    if (!write && !read) return this.register(found, node);
    const canRead = isDirectory || (node.access() & 4) !== 0;
    const mode = { read: read && canRead, write, writeThrough: this.isWriteThrough() };
    if (!mode.read && !mode.write) return this.register(found, node);
    return andThen(node.open(mode), (handle) => {
      if (typeof handle === "number") return statusOf(handle);
      this.handle = handle;
      return this.register(found, node);
    });
  }

  /**
   * Sharing check, breaks of what others cache, and entry into the tables in one go: nothing can come between.
   * [MS-SMB2] 3.3.5.9; [MS-FSA] 2.1.5.1.2.
   */
  private register(found: Found, node: FileNode): MaybePromise<number> {
    const { opens, caching } = this.exchange.context;
    // The session may have ended while the disk or another client was asked.
    if (!this.isTreeAlive()) return Status.NETWORK_NAME_DELETED;
    const file = opens.takeFile(node.identity, joinPath(this.tree.grant.path, found.path));
    this.file = file;
    if (file.deletePending) return Status.DELETE_PENDING;
    const known = this.leaseHolder();
    if (known !== undefined && known.file !== file.caching) return Status.INVALID_PARAMETER;
    const { shareAccess } = this.request;
    const conflicts = opens.conflicts(file, this.granted, shareAccess);
    const mustWait = caching.admit(file.caching, {
      leaseId: this.caching.lease?.id,
      access: this.granted,
      overwrites: this.truncates,
      conflicts,
      isFirstTry: !this.hasWaited,
    });
    if (mustWait) return this.waitFor(file, found, node);
    // Looked at again: who could not be asked any more may have been closed.
    if (conflicts && opens.conflicts(file, this.granted, shareAccess)) return Status.SHARING_VIOLATION;
    const open = this.enter(file, node);
    return this.truncates ? this.truncate(open, node) : this.preallocate(open);
  }

  private isTreeAlive(): boolean {
    return this.tree.session.trees.get(this.tree.id) === this.tree;
  }

  private get truncates(): boolean {
    return this.action !== CreateAction.CREATED && overwrites(this.request);
  }

  private waitFor(file: SharedFile, found: Found, node: FileNode): MaybePromise<number> {
    this.hasWaited = true;
    const isOurs = this.action === CreateAction.CREATED;
    // Nothing is held meanwhile: the file may be renamed, deleted or replaced by who gives it up.
    if (!isOurs) this.undo();
    return waitForCaching(this.exchange, file.caching, () => {
      if (!this.isTreeAlive()) return Status.NETWORK_NAME_DELETED;
      if (isOurs) return this.register(found, node);
      this.rounds = 0;
      return this.lookUp();
    });
  }

  private enter(file: SharedFile, node: FileNode): Open {
    const { opens } = this.exchange.context;
    const { shareAccess, createOptions } = this.request;
    const open = new Open({
      id: opens.nextId(),
      session: this.tree.session,
      tree: this.tree,
      node,
      file,
      handle: this.handle,
      pipe: -1,
      grantedAccess: this.granted >>> 0,
      shareAccess,
      createOptions,
      isDirectory: node.stat.kind === FileKind.DIRECTORY,
    });
    open.deleteOnClose = (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
    open.parentLeaseKey = parentKeyOf(this.exchange, this.request);
    this.open = open;
    opens.add(open);
    return open;
  }

  private truncate(open: Open, node: FileNode): MaybePromise<number> {
    const { createDisposition, fileAttributes } = this.request;
    this.action =
      createDisposition === CreateDisposition.SUPERSEDE ? CreateAction.SUPERSEDED : CreateAction.OVERWRITTEN;
    return andThen(this.handle?.truncate(0) ?? 0, (result) => {
      if (result < 0) return statusOf(result);
      this.breakReaders(open);
      const attributes = (fileAttributes & SETTABLE_ATTRIBUTES) | FileAttribute.ARCHIVE;
      // A disk that keeps no attributes still takes the data.
      return andThen(node.setAttributes(attributes), () => {
        const { notify } = this.exchange.context;
        if (notify.count > 0 && open.file) notify.changed(NotifyAction.MODIFIED, open.file.path, OVERWRITTEN);
        return this.preallocate(open);
      });
    });
  }

  // Who came while the disk was at work may have read, and cached, what is gone now.
  private breakReaders(open: Open): void {
    const caching = open.file?.caching;
    if (caching !== undefined && caching.active > 0)
      this.exchange.context.caching.breakReading(caching, open);
  }

  private preallocate(open: Open): MaybePromise<number> {
    const size = this.request.contexts.allocationSize ?? 0;
    const isNew = this.action !== CreateAction.OPENED;
    if (size === 0 || !isNew || this.handle === undefined || open.isDirectory) return this.answer(open);
    if (size >= 2 ** 53) return Status.DISK_FULL;
    return andThen(this.handle.allocate(size), (result) => {
      // Reserving is a hint where the file system cannot do it; a full disk is no hint.
      const status = result < 0 ? statusOf(result) : Status.SUCCESS;
      if (result >= 0) noteReserved(open, size);
      return status === Status.DISK_FULL ? status : this.answer(open);
    });
  }

  private answer(open: Open): MaybePromise<number> {
    const node = open.node as FileNode;
    if (this.action === CreateAction.OPENED) return this.finish(open, node);
    entryChanged(this.exchange.context, open);
    return andThen(node.refresh(), (stat) =>
      typeof stat === "number" ? statusOf(stat) : this.finish(open, node),
    );
  }

  private finish(open: Open, node: FileNode): number {
    if (open.isClosed) return Status.FILE_CLOSED;
    const status = this.grantCaching(open);
    if (status !== Status.SUCCESS) return status;
    open.createAction = this.action;
    grantDurability(this.exchange, this.request, this.tree, open);
    writeCreateAnswer(this.exchange, this.request.contexts, open, node, this.action);
    return Status.SUCCESS;
  }

  private grantCaching(open: Open): number {
    const file = open.file as SharedFile;
    const known = this.leaseHolder();
    // The same key came with another file while the disk was asked.
    if (known !== undefined && known.file !== file.caching) return Status.INVALID_PARAMETER;
    const isFixed = !this.tree.grant.followSymlinks;
    const { wanted, lease, epoch } = open.isDirectory
      ? forDirectory(this.exchange, this.caching, isFixed)
      : this.caching;
    // Nobody may cache reads of what others have locked.
    const allowed = file.locks === undefined ? wanted : 0;
    this.exchange.context.caching.grant(file.caching, open, allowed, lease, epoch);
    return Status.SUCCESS;
  }
}
