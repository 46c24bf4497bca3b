// The files of one share for one user, on a directory of this machine.
import { DirentReader } from "../../linux/dir.ts";
import { Errno } from "../../linux/errno.ts";
import { makeDirectoryAt, setModeFd, setOwnerFd, unlinkAt } from "../../linux/names.ts";
import { Open, closeFd, duplicateFd, openAt, reopen } from "../../linux/open.ts";
import { emptyStatx, statFd } from "../../linux/stat.ts";
import type { MaybePromise, ShareGrant } from "../../port/port.ts";
import { FileAttribute, SETTABLE_ATTRIBUTES } from "../../wire/fscc/attributes.ts";
import { storeAttributes } from "./attributes.ts";
import { lookupPath } from "./lookup.ts";
import { linkNode, removeName, renamePath } from "./moving.ts";
import { splitPath, toClientName } from "./names.ts";
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
    const { parent, name } = splitPath(found.path);
    let fd: number = -Errno.EIO;
    const node = this.context.inDirectory(parent, (directory) => {
      const { directories } = this.context.root;
      const change = directories.begin(directory);
      fd = openAt(directory, name, flags, permissions);
      if (fd < 0) return fd;
      directories.commit(change, directory, name);
      const made = this.finishCreation(
        fd,
        directory,
        found.path,
        permissions,
        attributes | FileAttribute.ARCHIVE,
      );
      if (typeof made === "number") {
        closeFd(fd);
        unlinkAt(directory, name, false);
      }
      return made;
    });
    if (typeof node === "number") return node;
    return { node, handle: new PosixHandle(this.context, fd, found.path, node.stat.device, mode) };
  }

  createDirectory(found: Found, attributes: number): FileNode | Failure {
    const { grant } = this.context;
    const refusal = this.refuseChange(found);
    if (refusal < 0) return refusal;
    const permissions = (DIRECTORY_MODE & grant.directoryMask) | grant.forceDirectoryMode;
    const { parent, name } = splitPath(found.path);
    return this.context.inDirectory(parent, (directory) => {
      const { directories } = this.context.root;
      const change = directories.begin(directory);
      const made = makeDirectoryAt(directory, name, permissions & 0o777);
      if (made < 0) return made;
      directories.commit(change, directory, name);
      const fd = openAt(directory, name, Open.PATH | Open.DIRECTORY | Open.NOFOLLOW);
      const bits = attributes & ~FileAttribute.ARCHIVE;
      const node = fd < 0 ? fd : this.finishCreation(fd, directory, found.path, permissions, bits);
      if (fd >= 0) closeFd(fd);
      if (typeof node === "number") unlinkAt(directory, name, true);
      return node;
    });
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

  /** Mode, owner and attributes of a new object, and the node for it. `fd` stays the caller's. */
  private finishCreation(
    fd: number,
    directory: number,
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
      failure = setModeFd(fd, (statx.mode & 0o7777) | missing);
      if (failure < 0) return failure;
    }
    if (grant.inheritOwner) {
      failure = this.inheritOwner(fd, directory);
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
    const store = () => storeAttributes(fd, bits, birth, nanoseconds);
    let failure = store();
    // A file that its owner may not write takes attributes from root alone.
    if (failure === -Errno.EACCES) failure = this.context.asServer(store);
    if (failure === -Errno.EOPNOTSUPP && (bits & FileAttribute.READONLY) !== 0) {
      setModeFd(fd, statx.mode & 0o7777 & READ_ONLY_MASK);
    }
  }

  /** The parent's owner becomes the file's: only the server, as root, may give files away. */
  private inheritOwner(fd: number, directory: number): 0 | Failure {
    const failure = statFd(directory, parentStatx);
    if (failure < 0) return failure;
    if (parentStatx.uid === statx.uid) return 0;
    return this.context.asServer(() => setOwnerFd(fd, parentStatx.uid, -1));
  }
}
