// The file store of a local directory: the files of one share for one user.
import { Errno } from "../../../linux/errno.ts";
import { upcase } from "../../../wire/fscc/upcase.ts";
import type { Credentials, MaybePromise, ShareGrant } from "../../../port/port.ts";
import { binGrant, RecycleBin } from "../recycle/bin.ts";
import { RecycleKeeper } from "../recycle/keeper.ts";
import { ownRepositoryOf } from "../recycle/repositories.ts";
import { mayBeHidden } from "../disk/hiding.ts";
import { diskNamesOf } from "../disk/lookup.ts";
import { type OpenedSnapshot, ShareSnapshots, type SnapshotGrant } from "../snapshot/share-snapshots.ts";
import { andThen } from "../../and-then.ts";
import { turns } from "../../turns.ts";
import { UNFINISHED } from "../sidecar/folder-removal.ts";
import { targetOf } from "../disk/rename.ts";
import type { DfsLink } from "../name/dfs-target.ts";
import { isInBundle } from "../name/backup-names.ts";
import { joinPath, splitPath } from "../name/names.ts";
import { BackupLimits } from "./backup-limits.ts";
import { ListRights } from "./list-rights.ts";
import { LocalHandle } from "./local-handle.ts";
import { VolumeCache } from "./volume-cache.ts";
import { LocalNode } from "./local-node.ts";
import { posixView } from "../context/posix-view.ts";
import { ShareDisk } from "./share-disk.ts";
import { ShareRoot } from "./share-root.ts";
import {
  type Discarded,
  type Failure,
  type FileHandle,
  FileKind,
  type FileNode,
  type FileStore,
  type Found,
  type OpenMode,
  type SpecialFile,
  type VolumeInfo,
} from "../store.ts";

/**
 * Opens a store for the files below `grant.path`. -ENOENT where the path is missing, -ENOTDIR where it is no
 * directory, -EINVAL where it is not absolute, -ENOMEDIUM where its disk is not mounted. The store must be
 * closed; its nodes and handles may outlive it.
 */
export function openStore(grant: ShareGrant): MaybePromise<FileStore | Failure> {
  return openLocalStore(grant);
}

function openLocalStore(grant: ShareGrant): MaybePromise<LocalStore | Failure> {
  return andThen(ShareRoot.acquire(grant), (root) => {
    if (typeof root === "number") return root;
    const disk = new ShareDisk(grant, root);
    if (!root.volume.isRemote) return withBin(new LocalStore(disk), grant);
    // The cached descriptor does not show whether the remote file system still answers.
    return andThen(disk.run("stat", root.fd, ""), (stat) => {
      if (typeof stat !== "number") return withBin(new LocalStore(disk), grant);
      disk.close();
      return stat;
    });
  });
}

/**
 * Adds the share's recycle bin, which has a store of its own: the share's veto list and name mapping do not
 * hold there.
 */
function withBin(store: LocalStore, grant: ShareGrant): MaybePromise<LocalStore | Failure> {
  if (grant.recycle === null) return store;
  const { recycle } = grant;
  const own = ownRepositoryOf(recycle, grant.credentials);
  return andThen(openLocalStore(binGrant(grant)), (binStore) => {
    if (typeof binStore === "number") {
      store.close();
      return binStore;
    }
    binStore.isBin = true;
    const keeper = new RecycleKeeper({
      rules: recycle,
      key: `${grant.path}/${recycle.repository} ${grant.credentials?.uid ?? -1}`,
      openStore: () => openStore({ ...binGrant(store.grant), followSymlinks: false, crossMounts: false }),
      repositories: own === undefined ? [recycle.repository] : [recycle.repository, own],
    });
    store.bin = new RecycleBin(binStore, recycle, grant.crossMounts, grant.credentials, keeper);
    return store;
  });
}

function openSnapshot(grant: SnapshotGrant): MaybePromise<OpenedSnapshot | Failure> {
  return andThen(openLocalStore(grant), (store) => {
    if (typeof store === "number") return store;
    return andThen(store.rootPath(), (path) => {
      if (typeof path === "string") return { store, path };
      store.close();
      return path;
    });
  });
}

/**
 * Keeps the root until the answer of `make` is an object, which keeps it from then on: the store may be
 * closed meanwhile, and another client's file may have the number of the root's descriptor then.
 */
function holding<T>(disk: ShareDisk, make: () => MaybePromise<T>): MaybePromise<T> {
  disk.retain();
  let made: MaybePromise<T> | undefined;
  try {
    made = make();
  } finally {
    if (!(made instanceof Promise)) disk.release();
  }
  return made instanceof Promise ? made.finally(() => disk.release()) : made;
}

const monotonicMs = (): number => performance.now();

class LocalStore implements FileStore {
  private readonly disk: ShareDisk;
  isForMac = false;
  bin: RecycleBin | undefined;
  /** The recycle bin's own store: making its directories does not move the dates of those around them. */
  isBin = false;
  private view: LocalStore | undefined;
  private openedSnapshots: ShareSnapshots | undefined;
  private isClosed = false;
  private readonly listRights: ListRights;
  private removeLossListener: (() => void) | undefined;

  private readonly volumes: VolumeCache;
  private readonly backups: BackupLimits | undefined;

  constructor(disk: ShareDisk) {
    this.disk = disk;
    this.listRights = new ListRights(disk);
    const { space } = disk.context.grant;
    this.volumes = new VolumeCache(space.cacheSeconds, monotonicMs);
    this.backups = BackupLimits.of(space, disk.root.backups, () => disk.runLong("countBackups"));
  }

  lookup(components: readonly string[], asksRights = false): MaybePromise<Found | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    const { disk } = this;
    const names = diskNamesOf(disk.context, components);
    if (typeof names === "number") return names;
    return holding(disk, () =>
      andThen(disk.find(names, this.isForMac, asksRights), (found) => {
        if (typeof found === "number") return found;
        const { fd, path, name, facts } = found;
        this.backups?.noteUse(path);
        if (facts === undefined) return this.isClosed ? -Errno.EBADF : this.tunnelled(path, name);
        const node = new LocalNode(disk, fd, path, facts);
        if (!this.isClosed) return { path, name, node, rights: facts.rights < 0 ? undefined : facts.rights };
        node.close();
        return -Errno.EBADF;
      }),
    );
  }

  dfsLink(components: readonly string[]): MaybePromise<DfsLink | undefined | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    const { disk } = this;
    const names = diskNamesOf(disk.context, components);
    if (typeof names === "number") return names;
    return disk.withFolders((answers) => disk.run("findDfsLink", names, this.isForMac, answers));
  }

  createFile(
    found: Found,
    mode: OpenMode,
    attributes: number,
    permissions?: number,
  ): MaybePromise<{ node: FileNode; handle: FileHandle } | Failure> {
    const refusal = this.refuseChange(found);
    if (refusal < 0) return refusal;
    if (this.backups === undefined) return this.createAt(found.path, mode, attributes, permissions);
    const { backups } = this;
    return andThen(backups.admit(found.path), (full) => {
      if (full < 0) return full;
      return andThen(this.createAt(found.path, mode, attributes, permissions), (made) => {
        if (typeof made === "number") backups.removed(found.path);
        return made;
      });
    });
  }

  private createAt(
    path: string,
    mode: OpenMode,
    attributes: number,
    permissions: number | undefined,
  ): MaybePromise<{ node: FileNode; handle: FileHandle } | Failure> {
    const { disk } = this;
    return holding(disk, () =>
      andThen(disk.run("createFile", path, mode.writeThrough, attributes, permissions), (made) => {
        if (typeof made === "number") return made;
        const node = new LocalNode(disk, made.fd, path, made);
        const volume = disk.root.volumeOf(made.stat.device);
        return { node, handle: new LocalHandle(disk, volume, made.dataFd, path, mode) };
      }),
    );
  }

  createDirectory(found: Found, attributes: number, permissions?: number): MaybePromise<FileNode | Failure> {
    const refusal = this.refuseChange(found);
    if (refusal < 0) return refusal;
    const { disk } = this;
    const args = [found.path, attributes, permissions, this.isBin] as const;
    return holding(disk, () =>
      andThen(disk.run("createDirectory", ...args), (made) =>
        typeof made === "number" ? made : new LocalNode(disk, made.fd, found.path, made),
      ),
    );
  }

  remove(path: string, identity: string, isDirectory: boolean): MaybePromise<0 | Failure> {
    const { disk } = this;
    if (disk.context.grant.readOnly) return -Errno.EROFS;
    return andThen(disk.run("remove", path, identity, isDirectory), (result): MaybePromise<0 | Failure> => {
      if (result === UNFINISHED) return turns.next().then(() => this.remove(path, identity, isDirectory));
      if (result === 0) this.nameLeft(path, isDirectory);
      return result;
    });
  }

  discard(path: string, identity: string): MaybePromise<Discarded | Failure> {
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    if (this.bin !== undefined && !this.isBackup(path)) return this.bin.discard(path, identity);
    return andThen(this.remove(path, identity, false), (result) =>
      result < 0 ? result : { movedTo: undefined },
    );
  }

  /** What backupd removes makes room for the next backup: the recycle bin does not keep it. */
  private isBackup(path: string): boolean {
    return this.grant.isTimeMachine && isInBundle(path);
  }

  isEmpty(node: FileNode): MaybePromise<boolean | Failure> {
    return node instanceof LocalNode ? node.run("isEmpty", node.fd) : -Errno.EINVAL;
  }

  rename(
    from: string,
    identity: string,
    to: Found,
    replace: boolean,
  ): MaybePromise<{ path: string } | Failure> {
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    // As in smbd. macOS means to lose it, and the recycle bin replaces another file.
    const keepsCompanion = !this.isForMac && !this.isBin;
    const renamed = this.disk.run("rename", from, identity, targetOf(to), replace, keepsCompanion);
    return andThen(renamed, (result) => {
      if (typeof result !== "number") this.nameLeft(from, true);
      return result;
    });
  }

  link(node: FileNode, to: Found, replace: boolean): MaybePromise<0 | Failure> {
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    if (!(node instanceof LocalNode)) return -Errno.EINVAL;
    if (node.stat.kind === FileKind.DIRECTORY) return -Errno.EISDIR;
    return node.run("link", node.fd, node.identity, targetOf(to), replace);
  }

  volume(node: FileNode): MaybePromise<VolumeInfo | Failure> {
    if (!(node instanceof LocalNode)) return -Errno.EINVAL;
    const info = this.volumes.get(node.stat.device, () => node.run("volume", node.fd));
    const { backups } = this;
    if (backups === undefined) return info;
    return andThen(info, (found) => (typeof found === "number" ? found : backups.limit(found)));
  }

  replaceBySpecial(path: string, identity: string, special: SpecialFile): MaybePromise<FileNode | Failure> {
    const { disk } = this;
    if (disk.context.grant.readOnly) return -Errno.EROFS;
    return holding(disk, () =>
      andThen(disk.run("replaceBySpecial", path, identity, special), (made) =>
        typeof made === "number" ? made : new LocalNode(disk, made.fd, path, made),
      ),
    );
  }

  snapshots(): ShareSnapshots {
    const { disk } = this;
    this.openedSnapshots ??= new ShareSnapshots({
      grant: disk.context.grant,
      list: () => disk.run("listSnapshots"),
      open: openSnapshot,
    });
    return this.openedSnapshots;
  }

  /** Returns the path of the share's directory, as the kernel has it. */
  rootPath(): MaybePromise<string | Failure> {
    return this.disk.run("snapshotPathOfRoot");
  }

  posixView(): FileStore {
    const { disk } = this;
    if (this.view !== undefined) return this.view;
    const grant = posixView(disk.context.grant, this.isBin && disk.context.grant.followSymlinks);
    const view = new LocalStore(new ShareDisk(grant, disk.root.retain()));
    view.isBin = this.isBin;
    view.bin = this.bin?.posixView(grant.credentials);
    this.view = view;
    return view;
  }

  clientPath(path: string): string {
    return this.disk.context.isPosix ? path : this.componentsOf(path).join("\\");
  }

  componentsOf(path: string): string[] {
    const { names } = this.disk.context;
    return path === "" ? [] : path.split("/").map((name) => names.toClient(name));
  }

  shortNameOf(name: string): string {
    return this.disk.context.names.shortNameOf(name);
  }

  seesBelow(directory: string, path: string): MaybePromise<boolean | undefined> {
    const { context } = this.disk;
    const { identity } = context;
    if (this.isClosed || path.split("/").some((name) => context.isVetoed(name))) return false;
    const { parent, name } = splitPath(path);
    const mayList =
      parent === "" || !identity.isSwitching ? true : this.listRights.ask(joinPath(directory, parent));
    if (!mayBeHidden(name)) return mayList;
    return andThen(mayList, (answer) => {
      if (answer !== true) return answer;
      const asked = this.disk.run("isHidden", joinPath(directory, path));
      return andThen(asked, (isHidden) => (typeof isHidden === "number" ? undefined : !isHidden));
    });
  }

  onLoss(action: () => void): void {
    this.removeLossListener = this.disk.root.onLoss(action);
  }

  setCredentials(credentials: Credentials | null): void {
    this.disk.setCredentials(credentials);
    this.view?.setCredentials(credentials);
    this.bin?.setCredentials(credentials);
    // Snapshots are opened again with the new credentials.
    this.openedSnapshots?.close();
    this.openedSnapshots = undefined;
  }

  makeReadOnly(): void {
    this.disk.makeReadOnly();
    this.view?.makeReadOnly();
  }

  get grant(): ShareGrant {
    return this.disk.context.grant;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.removeLossListener?.();
    this.view?.close();
    this.openedSnapshots?.close();
    this.bin?.close();
    this.disk.close();
  }

  /** A name was removed or renamed away. */
  private nameLeft(path: string, mayBeDirectory: boolean): void {
    const { tunnel } = this.disk.root;
    this.backups?.removed(path);
    if (mayBeDirectory) tunnel.forgetBelow(path);
    tunnel.note(path);
  }

  /** A missing name: where it is the short name of one that was removed just now, that one. */
  private tunnelled(path: string, name: string): Found {
    const { context, root } = this.disk;
    const { names } = context;
    // [MS-FSA] 2.1.1.2: not where names are case-sensitive.
    if (context.grant.caseSensitive || !names.mayBeShort(name)) return { path, name, node: undefined };
    const { parent } = splitPath(path);
    const long = root.tunnel.find(parent, upcase(name), names.shortNames.shortOf);
    if (long === undefined || context.isVetoed(long)) return { path, name, node: undefined };
    return { path: joinPath(parent, long), name: long, node: undefined };
  }

  private refuseChange(found: Found): 0 | Failure {
    if (this.isClosed) return -Errno.EBADF;
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    return found.node === undefined && found.path !== "" ? 0 : -Errno.EEXIST;
  }
}
