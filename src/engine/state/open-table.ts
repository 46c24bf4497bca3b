// All opens of the server and the files that they share, keyed by the files' identity: share modes,
// delete-pending, names. [MS-SMB2] 3.3.1.1 (GlobalOpenTable), [MS-FSA] 2.1.5.1.2.2 (sharing), 2.1.5.5
// (close).
import type { Session, Tree } from "./session.ts";
import { Access } from "../../wire/security/access.ts";
import { ShareAccess } from "../../wire/command/create.ts";
import { isOplockStat } from "./caching-holder.ts";
import { type Open, SharedFile } from "./open.ts";
import { LateChanges } from "./late-changes.ts";
import { LockUsage } from "./lock-usage.ts";
import { OpenUsage } from "./open-usage.ts";
import { PathIndex } from "./path-index.ts";

/** The absolute path, as SharedFile has it, of a path below the share directory `root`. */
export function absolutePath(root: string, path: string): string {
  return path === "" ? root : `${root}/${path}`;
}

const DATA_ACCESS =
  Access.READ_DATA | Access.WRITE_DATA | Access.APPEND_DATA | Access.EXECUTE | Access.DELETE;

/** True when `access` takes part in sharing checks: an open for attributes only never conflicts. */
export function hasDataAccess(access: number): boolean {
  return (access & DATA_ACCESS) !== 0;
}

const NO_OPENS: ReadonlySet<Open> = new Set();

function addTo<K>(opens: Map<K, Set<Open>>, key: K, open: Open): void {
  const known = opens.get(key);
  if (known === undefined) opens.set(key, new Set([open]));
  else known.add(open);
}

function removeFrom<K>(opens: Map<K, Set<Open>>, key: K, open: Open): void {
  const known = opens.get(key);
  if (known?.delete(open) === true && known.size === 0) opens.delete(key);
}

export class OpenTable {
  /** The opens of each user, and their descriptors. */
  readonly usage = new OpenUsage();
  readonly lockUsage = new LockUsage();
  readonly late = new LateChanges();
  private readonly opens = new Map<number, Open>();
  private readonly files = new Map<string, SharedFile>();
  private readonly paths = new PathIndex<SharedFile>();
  private readonly bySession = new Map<Session, Set<Open>>();
  private readonly byTree = new Map<Tree, Set<Open>>();
  private lastId: number;

  /**
   * FileIds follow `lastId`. A server starts at a number of chance: a client that still has FileIds of the
   * server before must not reach another open by them, which a durable reconnect with an oplock would let it
   * do.
   */
  constructor(lastId = 0) {
    this.lastId = lastId;
  }

  get count(): number {
    return this.opens.size;
  }
  get fileCount(): number {
    return this.files.size;
  }

  /** Files that are open or about to be opened. */
  sharedFiles(): IterableIterator<SharedFile> {
    return this.files.values();
  }

  /** All opens; later changes of the table do not end the iterator. */
  all(): IterableIterator<Open> {
    return this.opens.values();
  }

  find(id: number): Open | undefined {
    return this.opens.get(id);
  }

  findFile(identity: string): SharedFile | undefined {
    return this.files.get(identity);
  }

  /** The open file or directory with that absolute path. */
  findByPath(path: string): SharedFile | undefined {
    return this.paths.find(path);
  }

  /** The SharedFile of a file about to be opened, made if it is new; `dropIfUnused` removes it again. */
  takeFile(identity: string, path: string): SharedFile {
    const known = this.files.get(identity);
    if (known !== undefined) {
      if (!known.hasName) this.restoreName(known, path);
      return known;
    }
    const file = new SharedFile(identity, path, this.paths);
    this.files.set(identity, file);
    return file;
  }

  /** The same for a named stream of `base`; `folded` is its case-folded name. */
  takeStream(base: SharedFile, folded: string): SharedFile {
    const known = base.streams?.get(folded);
    if (known !== undefined) return known;
    const identity = streamIdentity(base, folded);
    const file = new SharedFile(identity, "", this.paths, base);
    base.streams ??= new Map();
    base.streams.set(folded, file);
    this.files.set(identity, file);
    return file;
  }

  /** Renames an open stream, unless it was closed meanwhile; no open stream may have the new name. */
  renameStream(file: SharedFile, folded: string): void {
    const { base } = file;
    if (base?.streams === undefined || this.files.get(file.identity) !== file) return;
    this.files.delete(file.identity);
    base.streams.delete(foldedNameOf(file, base));
    file.identity = streamIdentity(base, folded);
    base.streams.set(folded, file);
    this.files.set(file.identity, file);
  }

  /**
   * Records the name that `open` was opened by, where it is another hard link than the file's `pathEntry`.
   */
  addName(open: Open, path: string): void {
    const { file } = open;
    if (file === undefined || file.base !== undefined) return;
    if (file.pathEntry !== undefined && this.paths.isAt(file.pathEntry, path)) return;
    open.pathEntry = this.paths.insert(path, file);
  }

  /** Sets delete-pending; the name to remove is the one that `open` was opened by. */
  setDeletePending(file: SharedFile, open: Open): void {
    this.clearDeletePending(file);
    file.deletePending = true;
    file.isDeleterPosix = open.isPosix;
    if (open.pathEntry !== undefined)
      file.deletePendingEntry = this.paths.insert(file.pathOf(open.pathEntry), file);
  }

  /** Clears delete-pending: the deletion was revoked or is done. */
  clearDeletePending(file: SharedFile): void {
    file.deletePending = false;
    if (file.deletePendingEntry !== undefined) this.paths.remove(file.deletePendingEntry, file);
    file.deletePendingEntry = undefined;
  }

  /**
   * Removes the name `path` of an open file: it was unlinked, or belongs to another object now. The file
   * continues under another hard link that it was opened by, else without a name.
   */
  removeName(file: SharedFile, path: string): void {
    if (file.base !== undefined || !file.hasName) return;
    // All its opens were closed while the disk removed the name.
    if (this.files.get(file.identity) !== file) return;
    if (file.pathOf(file.deletePendingEntry) === path) this.clearDeletePending(file);
    if (file.path !== path) return;
    if (file.pathEntry !== undefined) this.paths.remove(file.pathEntry, file);
    const other = [...file.opens].find(
      ({ pathEntry }) => pathEntry !== undefined && file.pathOf(pathEntry) !== path,
    );
    if (other?.pathEntry !== undefined) {
      file.pathEntry = other.pathEntry;
      other.pathEntry = undefined;
      return;
    }
    file.hasName = false;
    // A key that no path can have: paths begin with a share's directory.
    file.pathEntry = this.paths.insert(`\0/${file.identity}`, file);
  }

  /** Gives a file without a name the path by which it was opened again. */
  private restoreName(file: SharedFile, path: string): void {
    if (file.pathEntry !== undefined) this.paths.remove(file.pathEntry, file);
    file.hasName = true;
    file.pathEntry = this.paths.insert(path, file);
  }

  /** Another object has replaced an open file, whose opens now refer to the new object. */
  replaceIdentity(file: SharedFile, identity: string): void {
    if (this.files.get(file.identity) === file) this.files.delete(file.identity);
    file.identity = identity;
    file.isMarked = false;
    this.files.set(identity, file);
  }

  dropIfUnused(file: SharedFile): void {
    if (file.opens.size === 0 && file.streams === undefined) this.drop(file);
  }

  private drop(file: SharedFile): void {
    // A request may hold a SharedFile that was dropped and made anew for the same identity in the meantime.
    if (this.files.get(file.identity) !== file) return;
    this.files.delete(file.identity);
    const { base } = file;
    this.clearDeletePending(file);
    if (base === undefined) {
      if (file.pathEntry !== undefined) this.paths.remove(file.pathEntry, file);
      return;
    }
    base.streams?.delete(foldedNameOf(file, base));
    if (base.streams?.size === 0) base.streams = undefined;
    this.dropIfUnused(base);
  }

  /** An unused FileId. Ids are not reused before the counter wraps at 2^32. */
  nextId(): number {
    do {
      this.lastId = this.lastId >= 0xffff_fffe ? 1 : this.lastId + 1;
    } while (this.opens.has(this.lastId));
    return this.lastId;
  }

  add(open: Open): void {
    this.opens.set(open.id, open);
    open.countIn(this.usage);
    const { file } = open;
    if (file !== undefined) {
      file.opens.add(open);
      countOpen(file, open, 1);
    }
    addTo(this.byTree, open.tree, open);
    addTo(this.bySession, open.session, open);
  }

  /** The opens of a session, without the durable opens that `detach` removed. */
  ofSession(session: Session): ReadonlySet<Open> {
    return this.bySession.get(session) ?? NO_OPENS;
  }

  /** The opens of a tree connect, with the durable ones that have lost their connection. */
  ofTree(tree: Tree): ReadonlySet<Open> {
    return this.byTree.get(tree) ?? NO_OPENS;
  }

  /** Removes a durable open from its session, which ends; it stays with its tree connect. */
  detach(open: Open): void {
    removeFrom(this.bySession, open.session, open);
  }

  /** Moves a reconnected durable open to another session, tree connect and connection. */
  attach(open: Open, tree: Tree, connectionId: number): void {
    removeFrom(this.byTree, open.tree, open);
    removeFrom(this.bySession, open.session, open);
    open.tree = tree;
    open.session = tree.session;
    open.connectionId = connectionId;
    addTo(this.byTree, tree, open);
    addTo(this.bySession, tree.session, open);
  }

  /**
   * Removes an open from all tables. True when it was the last one of its file. A delete-pending file stays
   * in the table until `dropIfUnused`, so that nobody opens it while it is being removed.
   */
  remove(open: Open): boolean {
    this.opens.delete(open.id);
    removeFrom(this.byTree, open.tree, open);
    removeFrom(this.bySession, open.session, open);
    const file = open.file;
    if (file === undefined) return false;
    if (file.opens.delete(open)) countOpen(file, open, -1);
    if (open.pathEntry !== undefined) this.paths.remove(open.pathEntry, file);
    if (file.opens.size > 0) return false;
    if (!file.hasDeletePending) this.dropIfUnused(file);
    return true;
  }

  /**
   * True when a new open of `file` with these masks has a sharing conflict; [MS-FSA] 2.1.5.1.2.2. Opens of
   * different streams conflict in one case (2.1.5.1.2): one is of the file or directory itself and has
   * DELETE, or overwrites it and so removes its streams, and the other is of a named stream and does not
   * share DELETE.
   */
  conflicts(file: SharedFile, access: number, share: number, overwrites = false): boolean {
    if (overwrites || (access & Access.DELETE) !== 0) {
      for (const stream of file.streams?.values() ?? []) if (stream.refusals[2] > 0) return true;
    }
    if (!hasDataAccess(access)) return false;
    const { uses, refusals, base } = file;
    if (base !== undefined && base.uses[2] > 0 && (share & ShareAccess.DELETE) === 0) return true;
    for (const [i, { right, bit }] of SHARING.entries()) {
      if ((access & right) !== 0 && (refusals[i] ?? 0) > 0) return true;
      if ((share & bit) === 0 && (uses[i] ?? 0) > 0) return true;
    }
    return false;
  }

  /** Moves every open file at or below `from` to `to`, after the rename of a file or directory. */
  renamePaths(from: string, to: string): void {
    this.paths.move(from, to, (file, entry, oldEntry) => {
      if (file.pathEntry === oldEntry) file.pathEntry = entry;
      if (file.deletePendingEntry === oldEntry) file.deletePendingEntry = entry;
      for (const open of file.opens) if (open.pathEntry === oldEntry) open.pathEntry = entry;
    });
  }

  /** True when something is open below the directory `path`, the directory itself not counted. */
  hasOpenBelow(path: string): boolean {
    return this.paths.hasBelow(path);
  }

  /** An open file below the directory `path` that `matches`. */
  findBelow(path: string, matches: (file: SharedFile) => boolean): SharedFile | undefined {
    let found: SharedFile | undefined;
    this.paths.someBelow(path, (file) => {
      if (!matches(file)) return false;
      found = file;
      return true;
    });
    return found;
  }
}

/** The identity of the SharedFile of a stream of `base`; `folded` is its case-folded name. */
export function streamIdentity(base: { readonly identity: string }, folded: string): string {
  return `${base.identity}:${folded}`;
}

function foldedNameOf(stream: SharedFile, base: SharedFile): string {
  return stream.identity.slice(base.identity.length + 1);
}

const SHARING = [
  { right: Access.READ_DATA | Access.EXECUTE, bit: ShareAccess.READ },
  { right: Access.WRITE_DATA | Access.APPEND_DATA, bit: ShareAccess.WRITE },
  { right: Access.DELETE, bit: ShareAccess.DELETE },
] as const;

function countOpen(file: SharedFile, open: Open, by: 1 | -1): void {
  if (!isOplockStat(open.sharingAccess)) file.caching.nonStatOpens += by;
  if (!hasDataAccess(open.sharingAccess)) return;
  for (let i = 0; i < 3; i++) {
    const rule = SHARING[i];
    if (rule === undefined) continue;
    if ((open.sharingAccess & rule.right) !== 0) file.uses[i] = (file.uses[i] ?? 0) + by;
    if ((open.shareAccess & rule.bit) === 0) file.refusals[i] = (file.refusals[i] ?? 0) + by;
  }
}
