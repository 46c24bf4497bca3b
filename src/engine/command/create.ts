// CREATE: a short list of named steps in the specification's order; what a failed step leaves is undone in one
// place. [MS-SMB2] 2.2.13, 2.2.14, 3.3.5.9; [MS-FSA] 2.1.5.1.
import type { MaybePromise } from "../../port/port.ts";
import { Access, mapGenericAccess } from "../../wire/access.ts";
import {
  CreateAction,
  CreateDisposition,
  CreateOption,
  type CreateRequest,
  decodeCreateRequest,
  encodeCreateResponse,
  OplockLevel,
} from "../../wire/create.ts";
import type { CreateResponseContexts } from "../../wire/create-context.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../wire/fscc/attributes.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Tree } from "../session/session.ts";
import { Open } from "../state/open.ts";
import { joinPath, type SharedFile } from "../state/open-table.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import { parsePath } from "../vfs/path.ts";
import { type FileHandle, FileKind, type FileNode, type FileStore, type Found } from "../vfs/store.ts";
import { maximalAccessOf, refusedByReadOnly } from "./access-check.ts";
import { checkCreateRequest } from "./create-check.ts";
import { lookupStatusOf, statusOf } from "./errno-status.ts";
import { openPipe } from "./open-pipe.ts";

const EEXIST = -17;
/** Look-up and creation race with other programs on the same disk; more rounds than this mean trouble. */
const MAX_ROUNDS = 4;
/** The fixed response with every context we give. */
const RESPONSE_ROOM = 88 + 160;

export function handleCreate(exchange: Exchange): MaybePromise<number> {
  const request = decodeCreateRequest(exchange.message);
  const tree = exchange.tree as Tree;
  if (tree.store === undefined) return openPipe(exchange, request);
  const refusal = checkCreateRequest(request, tree);
  if (refusal !== Status.SUCCESS) return refusal;
  const { opens, settings } = exchange.context;
  if (opens.count >= settings.maxOpenFiles) return Status.INSUFFICIENT_RESOURCES;
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
  }

  run(): MaybePromise<number> {
    const outcome = this.lookUp();
    if (typeof outcome === "number") return this.settle(outcome);
    return outcome.then(
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
    const { opens } = this.exchange.context;
    if (this.open !== undefined) {
      opens.remove(this.open);
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
        return this.openData(found, node);
      });
    }
    const mode = { read: true, write: true, writeThrough: this.isWriteThrough() };
    return andThen(this.store.createFile(found, mode, attributes | FileAttribute.ARCHIVE), (created) => {
      if (typeof created === "number") return this.retryIfExists(created);
      this.node = created.node;
      this.handle = created.handle;
      return this.register(found, created.node);
    });
  }

  private retryIfExists(failure: number): MaybePromise<number> {
    return failure === EEXIST ? this.lookUp() : statusOf(failure);
  }

  private isWriteThrough(): boolean {
    return (this.request.createOptions & CreateOption.WRITE_THROUGH) !== 0;
  }

  private get overwrites(): boolean {
    const { createDisposition } = this.request;
    return (
      createDisposition === CreateDisposition.SUPERSEDE ||
      createDisposition === CreateDisposition.OVERWRITE ||
      createDisposition === CreateDisposition.OVERWRITE_IF
    );
  }

  private openExisting(found: Found, node: FileNode): MaybePromise<number> {
    const refusal = this.checkExisting(node) || this.checkAccess(node);
    if (refusal !== Status.SUCCESS) return refusal;
    if ((this.granted & Access.DELETE) === 0 || this.components.length === 0)
      return this.openData(found, node);
    if ((mapGenericAccess(this.request.desiredAccess) & Access.DELETE) === 0)
      return this.openData(found, node);
    return andThen(this.mayRemove(node), (status) =>
      status === Status.SUCCESS ? this.openData(found, node) : status,
    );
  }

  private checkExisting(node: FileNode): number {
    const { createDisposition, createOptions, fileAttributes } = this.request;
    const { kind, attributes } = node.stat;
    if (createDisposition === CreateDisposition.CREATE) return Status.OBJECT_NAME_COLLISION;
    const isDirectory = kind === FileKind.DIRECTORY;
    if (isDirectory) {
      if ((createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0) return Status.FILE_IS_A_DIRECTORY;
      if (this.overwrites) return Status.INVALID_PARAMETER;
    } else {
      if ((createOptions & CreateOption.DIRECTORY_FILE) !== 0) return Status.NOT_A_DIRECTORY;
      // Opening a FIFO would wait for its other end, a device would do who knows what.
      if (kind !== FileKind.FILE) return Status.ACCESS_DENIED;
    }
    if (this.overwrites) {
      if (this.tree.grant.readOnly || (attributes & FileAttribute.READONLY) !== 0)
        return Status.ACCESS_DENIED;
      // 2.1.5.1.2.1: what is hidden or a system file stays so, or is not overwritten.
      const kept = attributes & (FileAttribute.HIDDEN | FileAttribute.SYSTEM);
      const isDotFile = this.tree.grant.hideDotFiles && this.components.at(-1)?.startsWith(".") === true;
      const asked = fileAttributes | (isDotFile ? FileAttribute.HIDDEN : 0);
      if ((kept & ~asked) !== 0) return Status.ACCESS_DENIED;
    }
    return Status.SUCCESS;
  }

  private checkAccess(node: FileNode): number {
    const maximal = maximalAccessOf(this.tree, node);
    const mapped = mapGenericAccess(this.request.desiredAccess);
    let granted = mapped & ~Access.MAXIMUM_ALLOWED;
    if ((granted & ~maximal) !== 0) return Status.ACCESS_DENIED;
    if (refusedByReadOnly(node, granted)) return Status.ACCESS_DENIED;
    if ((mapped & Access.MAXIMUM_ALLOWED) !== 0) {
      granted |= maximal;
      if (refusedByReadOnly(node, granted)) granted &= ~(Access.WRITE_DATA | Access.APPEND_DATA);
    }
    if (this.overwrites && (maximal & Access.WRITE_DATA) === 0) return Status.ACCESS_DENIED;
    if ((this.request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0) {
      if ((granted & Access.DELETE) === 0) return Status.ACCESS_DENIED;
      if ((node.stat.attributes & FileAttribute.READONLY) !== 0) return Status.CANNOT_DELETE;
    }
    this.granted = granted >>> 0;
    return Status.SUCCESS;
  }

  // Removing or renaming is a matter of the directory: asked beforehand, for nobody can be told at close.
  private mayRemove(node: FileNode): MaybePromise<number> {
    const parent = this.store.lookup(this.components.slice(0, -1));
    return andThen(parent, (found) => {
      if (typeof found === "number") return lookupStatusOf(found);
      const directory = found.node;
      if (directory === undefined) return Status.OBJECT_PATH_NOT_FOUND;
      const mayWrite = (directory.access() & 2) !== 0;
      const { credentials } = this.tree.grant;
      const isSticky = (directory.stat.mode & 0o1000) !== 0;
      const owns =
        credentials === null ||
        credentials.uid === 0 ||
        credentials.uid === node.stat.uid ||
        credentials.uid === directory.stat.uid;
      directory.close();
      return mayWrite && (!isSticky || owns) ? Status.SUCCESS : Status.ACCESS_DENIED;
    });
  }

  private openData(found: Found, node: FileNode): MaybePromise<number> {
    const isDirectory = node.stat.kind === FileKind.DIRECTORY;
    const write =
      !isDirectory && (this.overwrites || (this.granted & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0);
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

  /** Sharing check and entry into the tables in one go: nothing can come between. */
  private register(found: Found, node: FileNode): MaybePromise<number> {
    const { opens } = this.exchange.context;
    const { session } = this.tree;
    // The session may have ended while the disk was asked.
    if (!session.trees.has(this.tree.id)) return Status.NETWORK_NAME_DELETED;
    const file = opens.takeFile(node.identity, joinPath(this.tree.grant.path, found.path));
    this.file = file;
    if (file.deletePending) return Status.DELETE_PENDING;
    const { shareAccess, createOptions } = this.request;
    if (opens.conflicts(file, this.granted, shareAccess)) return Status.SHARING_VIOLATION;
    this.open = new Open({
      id: opens.nextId(),
      session,
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
    this.open.deleteOnClose = (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
    opens.add(this.open);
    if (this.action === CreateAction.CREATED || !this.overwrites) return this.preallocate(this.open);
    return this.truncate(this.open, node);
  }

  private truncate(open: Open, node: FileNode): MaybePromise<number> {
    const { createDisposition, fileAttributes } = this.request;
    this.action =
      createDisposition === CreateDisposition.SUPERSEDE ? CreateAction.SUPERSEDED : CreateAction.OVERWRITTEN;
    return andThen(this.handle?.truncate(0) ?? 0, (result) => {
      if (result < 0) return statusOf(result);
      const attributes = (fileAttributes & SETTABLE_ATTRIBUTES) | FileAttribute.ARCHIVE;
      // A disk that keeps no attributes still takes the data.
      return andThen(node.setAttributes(attributes), () => this.preallocate(open));
    });
  }

  private preallocate(open: Open): MaybePromise<number> {
    const size = this.request.contexts.allocationSize ?? 0;
    const isNew = this.action !== CreateAction.OPENED;
    if (size === 0 || !isNew || this.handle === undefined || open.isDirectory) return this.answer(open);
    if (size >= 2 ** 53) return Status.DISK_FULL;
    return andThen(this.handle.allocate(size), (result) => {
      // Reserving is a hint where the file system cannot do it; a full disk is no hint.
      const status = result < 0 ? statusOf(result) : Status.SUCCESS;
      return status === Status.DISK_FULL ? status : this.answer(open);
    });
  }

  private answer(open: Open): MaybePromise<number> {
    const node = open.node as FileNode;
    if (this.action === CreateAction.OPENED) return this.writeAnswer(open, node);
    return andThen(node.refresh(), (stat) =>
      typeof stat === "number" ? statusOf(stat) : this.writeAnswer(open, node),
    );
  }

  private writeAnswer(open: Open, node: FileNode): number {
    const { exchange } = this;
    const id = { persistentLow: open.id, persistentHigh: 0, volatileLow: open.id, volatileHigh: 0 };
    encodeCreateResponse(exchange.reserve(RESPONSE_ROOM), {
      oplockLevel: OplockLevel.NONE,
      flags: 0,
      createAction: this.action,
      file: node.stat,
      fileId: id,
      contexts: this.responseContexts(node),
    });
    exchange.open = open;
    return Status.SUCCESS;
  }

  private responseContexts(node: FileNode): CreateResponseContexts {
    const { contexts } = this.request;
    const answer: CreateResponseContexts = {};
    if (contexts.maximalAccess !== undefined) {
      answer.maximalAccess = { queryStatus: Status.SUCCESS, maximalAccess: maximalAccessOf(this.tree, node) };
    }
    if (contexts.queryOnDiskId === true) {
      const { inodeLow, inodeHigh, device } = node.stat;
      answer.onDiskId = {
        fileIdLow: inodeLow,
        fileIdHigh: inodeHigh,
        volumeIdLow: device % 2 ** 32,
        volumeIdHigh: 0,
      };
    }
    return answer;
  }
}
