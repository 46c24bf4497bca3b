// The files of one share for one user, on a directory of this machine.
import { DirentReader } from "../../linux/dir.ts";
import { Errno } from "../../linux/errno.ts";
import { makeDirectoryAt, setModeFd, setOwnerFd, unlinkAt } from "../../linux/names.ts";
import { Open, closeFd, duplicateFd, openAt, reopen } from "../../linux/open.ts";
import { Access, accessFd, emptyStatx, statFd } from "../../linux/stat.ts";
import type { MaybePromise, ShareGrant } from "../../port/port.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../wire/fscc/attributes.ts";
import { storeAttributes } from "./attributes.ts";
import { lookupPath } from "./lookup.ts";
import { linkNode, removeName, renamePath } from "./moving.ts";
import { joinPath, splitPath, toClientName } from "./names.ts";
import { PosixHandle } from "./posix-handle.ts";
import { PosixNode } from "./posix-node.ts";
import { ShareContext } from "./share-context.ts";
import { ShareRoot } from "./share-root.ts";
import type { Failure, FileHandle, FileNode, FileStore, Found, OpenMode, VolumeInfo } from "./store.ts";
import { volumeOf } from "./volume.ts";

/**
 * The files below `grant.path`. A failure where the path is missing (-ENOENT), no directory (-ENOTDIR) or not
 * absolute (-EINVAL). The store must be closed; nodes and handles of it may outlive it.
 */
export function openStore(grant: ShareGrant): FileStore | Failure {
  const root = ShareRoot.acquire(grant.path);
  return typeof root === "number" ? root : new PosixStore(new ShareContext(grant, root));
}

const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;
const READ_ONLY_MASK = ~0o222;

const statx = emptyStatx();
const parentStatx = emptyStatx();

class PosixStore implements FileStore {
  private readonly context: ShareContext;
  private isClosed = false;

  constructor(context: ShareContext) {
    this.context = context;
  }

  lookup(components: readonly string[]): MaybePromise<Found | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    return lookupPath(this.context, components, () => this.isClosed);
  }

  createFile(
    found: Found,
    mode: OpenMode,
    attributes: number,
  ): { node: FileNode; handle: FileHandle } | Failure {
    const { grant } = this.context;
    const refusal = this.refuseChange(found);
    if (refusal < 0) return refusal;
    let permissions = (FILE_MODE & grant.createMask) | grant.forceCreateMode;
    if (!grant.storeDosAttributes && (attributes & FileAttribute.READONLY) !== 0)
      permissions &= READ_ONLY_MASK;
    const flags = Open.RDWR | Open.CREAT | Open.EXCL | Open.NOFOLLOW | (mode.writeThrough ? Open.DSYNC : 0);
    const fd = this.createName(found.path, (directory, name) => openAt(directory, name, flags, permissions));
    if (fd < 0) return fd;
    const node = this.finishCreation(fd, found.path, permissions, attributes | FileAttribute.ARCHIVE);
    if (typeof node !== "number") {
      return { node, handle: new PosixHandle(this.context, fd, found.path, node.stat.device, mode) };
    }
    closeFd(fd);
    this.undoCreation(found.path, false);
    return node;
  }

  createDirectory(found: Found, attributes: number): FileNode | Failure {
    const { grant } = this.context;
    const refusal = this.refuseChange(found);
    if (refusal < 0) return refusal;
    const permissions = (DIRECTORY_MODE & grant.directoryMask) | grant.forceDirectoryMode;
    const fd = this.createName(found.path, (directory, name) => {
      const made = makeDirectoryAt(directory, name, permissions & 0o777);
      if (made < 0) return made;
      const opened = openAt(directory, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
      if (opened < 0) unlinkAt(directory, name, true);
      return opened;
    });
    if (fd < 0) return fd;
    const node = this.finishCreation(fd, found.path, permissions, attributes & ~FileAttribute.ARCHIVE);
    closeFd(fd);
    if (typeof node === "number") this.undoCreation(found.path, true);
    return node;
  }

  remove(path: string, identity: string, isDirectory: boolean): 0 | Failure {
    if (this.context.grant.readOnly) return -Errno.EROFS;
    return removeName(this.context, path, identity, isDirectory);
  }

  isEmpty(node: FileNode): boolean | Failure {
    if (!(node instanceof PosixNode)) return -Errno.EINVAL;
    const fd = this.context.asUser(() => openAt(node.fd, ".", Open.RDONLY | Open.DIRECTORY));
    if (fd < 0) return fd;
    const reader = new DirentReader();
    let result = reader.advance(fd);
    while (result > 0 && reader.isDots) result = reader.advance(fd);
    reader.release();
    closeFd(fd);
    return result < 0 ? result : result === 0;
  }

  rename(from: string, identity: string, to: Found, replace: boolean): { path: string } | Failure {
    if (this.context.grant.readOnly) return -Errno.EROFS;
    return renamePath(this.context, from, identity, to, replace);
  }

  link(node: FileNode, to: Found, replace: boolean): 0 | Failure {
    if (this.context.grant.readOnly) return -Errno.EROFS;
    if (!(node instanceof PosixNode)) return -Errno.EINVAL;
    return linkNode(this.context, node, to, replace);
  }

  volume(node: FileNode): VolumeInfo | Failure {
    return node instanceof PosixNode ? volumeOf(this.context, node.fd) : -Errno.EINVAL;
  }

  clientPath(path: string): string {
    return path.split("/").map(toClientName).join("\\");
  }

  seesBelow(directory: string, path: string): boolean {
    const { veto, identity } = this.context;
    if (this.isClosed || (veto && path.split("/").some((name) => veto(toClientName(name))))) return false;
    const { parent } = splitPath(path);
    if (parent === "" || !identity.isSwitching) return true;
    const listed = this.context.inDirectory(joinPath(directory, parent), (fd) => accessFd(fd, Access.READ));
    return listed === 0;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.context.root.release();
  }

  private refuseChange(found: Found): 0 | Failure {
    if (this.isClosed) return -Errno.EBADF;
    if (this.context.grant.readOnly) return -Errno.EROFS;
    return found.node === undefined && found.path !== "" ? 0 : -Errno.EEXIST;
  }

  /** Makes a name as the user: what `make` answers, a descriptor or a failure. */
  private createName(path: string, make: (directory: number, name: string) => number): number {
    const { directories } = this.context.root;
    const { parent, name } = splitPath(path);
    return this.context.inDirectory(parent, (directory) => {
      const change = directories.begin(directory);
      const fd = make(directory, name);
      if (fd < 0) return fd;
      directories.commit(change, directory, name);
      if (this.context.grant.inheritOwner) statFd(directory, parentStatx);
      return fd;
    });
  }

  private undoCreation(path: string, isDirectory: boolean): void {
    const { parent, name } = splitPath(path);
    this.context.inDirectory(parent, (directory) => unlinkAt(directory, name, isDirectory));
  }

  /**
   * Mode, owner and attributes of an object that the user has just made, and the node for it. Done as the
   * server: a new file may be one that its owner cannot write. `fd` stays the caller's.
   */
  private finishCreation(
    fd: number,
    path: string,
    permissions: number,
    attributes: number,
  ): PosixNode | Failure {
    const { grant } = this.context;
    let failure = statFd(fd, statx);
    if (failure < 0) return failure;
    const missing = permissions & ~statx.mode & 0o7777;
    // A mode cut down by the process's umask is set right; one cut down by the parent's default ACL is meant so.
    if (missing !== 0 && (missing & ~(process.umask() | 0o7000)) === 0) {
      statx.mode |= missing;
      failure = setModeFd(fd, statx.mode & 0o7777);
      if (failure < 0) return failure;
    }
    if (grant.inheritOwner && parentStatx.uid !== statx.uid) {
      failure = setOwnerFd(fd, parentStatx.uid, -1);
      if (failure < 0) return failure;
    }
    if (grant.storeDosAttributes) this.storeFirst(fd, attributes);
    const pathFd = reopen(fd, Open.PATH);
    // Without /proc the same description serves; the node never reads or writes by it.
    const nodeFd = pathFd === -Errno.ENOENT ? duplicateFd(fd) : pathFd;
    return nodeFd < 0 ? nodeFd : PosixNode.take(this.context, nodeFd, path);
  }

  /** A file system without extended attributes keeps what its mode can say. */
  private storeFirst(fd: number, attributes: number): void {
    const birth = statx.hasBirth ? statx.birthSeconds : statx.changeSeconds;
    const nanoseconds = statx.hasBirth ? statx.birthNanoseconds : statx.changeNanoseconds;
    const bits = attributes & SETTABLE_ATTRIBUTES;
    const failure = storeAttributes(fd, statx.mode & 0o7777, bits, birth, nanoseconds);
    if (failure === -Errno.EOPNOTSUPP && (bits & FileAttribute.READONLY) !== 0) {
      setModeFd(fd, statx.mode & 0o7777 & READ_ONLY_MASK);
    }
  }
}
