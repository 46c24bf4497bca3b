// The files of one share for one user, on a directory of this machine.
import { Errno } from "../../linux/errno.ts";
import { Access, accessFd } from "../../linux/stat.ts";
import type { MaybePromise, ShareGrant } from "../../port/port.ts";
import { diskNamesOf } from "./lookup.ts";
import { andThen } from "./maybe-promise.ts";
import { targetOf } from "./moving.ts";
import { joinPath, splitPath, toClientName } from "./names.ts";
import { PosixHandle } from "./posix-handle.ts";
import { PosixNode } from "./posix-node.ts";
import { ShareDisk } from "./share-disk.ts";
import { ShareRoot } from "./share-root.ts";
import {
  type Failure,
  type FileHandle,
  FileKind,
  type FileNode,
  type FileStore,
  type Found,
  type OpenMode,
  type VolumeInfo,
} from "./store.ts";

/**
 * The files below `grant.path`. A failure where the path is missing (-ENOENT), no directory (-ENOTDIR) or not
 * absolute (-EINVAL). The store must be closed; nodes and handles of it may outlive it.
 */
export function openStore(grant: ShareGrant): FileStore | Failure {
  const root = ShareRoot.acquire(grant.path);
  return typeof root === "number" ? root : new PosixStore(new ShareDisk(grant, root));
}

class PosixStore implements FileStore {
  private readonly disk: ShareDisk;
  private isClosed = false;

  constructor(disk: ShareDisk) {
    this.disk = disk;
  }

  lookup(components: readonly string[]): MaybePromise<Found | Failure> {
    if (this.isClosed) return -Errno.EBADF;
    const { disk } = this;
    const names = diskNamesOf(disk.context, components);
    if (names === undefined) return -Errno.ENOENT;
    return andThen(disk.find(names), (found) => {
      if (typeof found === "number") return found;
      const { fd, path, name, facts } = found;
      const node = facts && new PosixNode(disk, fd, path, facts);
      if (!this.isClosed) return { path, name, node };
      node?.close();
      return -Errno.EBADF;
    });
  }

  createFile(
    found: Found,
    mode: OpenMode,
    attributes: number,
  ): MaybePromise<{ node: FileNode; handle: FileHandle } | Failure> {
    const refusal = this.refuseChange(found);
    if (refusal < 0) return refusal;
    const { disk } = this;
    const { path } = found;
    return andThen(disk.run("createFile", path, mode.writeThrough, attributes), (made) => {
      if (typeof made === "number") return made;
      const node = new PosixNode(disk, made.fd, path, made);
      const volume = disk.root.volumeOf(made.stat.device);
      return { node, handle: new PosixHandle(disk, volume, made.dataFd, path, mode) };
    });
  }

  createDirectory(found: Found, attributes: number): MaybePromise<FileNode | Failure> {
    const refusal = this.refuseChange(found);
    if (refusal < 0) return refusal;
    const { disk } = this;
    const { path } = found;
    return andThen(disk.run("createDirectory", path, attributes), (made) =>
      typeof made === "number" ? made : new PosixNode(disk, made.fd, path, made),
    );
  }

  remove(path: string, identity: string, isDirectory: boolean): MaybePromise<0 | Failure> {
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    return this.disk.run("remove", path, identity, isDirectory);
  }

  isEmpty(node: FileNode): MaybePromise<boolean | Failure> {
    return node instanceof PosixNode ? node.run("isEmpty", node.fd) : -Errno.EINVAL;
  }

  rename(
    from: string,
    identity: string,
    to: Found,
    replace: boolean,
  ): MaybePromise<{ path: string } | Failure> {
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    return this.disk.run("rename", from, identity, targetOf(to), replace);
  }

  link(node: FileNode, to: Found, replace: boolean): MaybePromise<0 | Failure> {
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    if (!(node instanceof PosixNode)) return -Errno.EINVAL;
    if (node.stat.kind === FileKind.DIRECTORY) return -Errno.EISDIR;
    return node.run("link", node.fd, node.identity, targetOf(to), replace);
  }

  volume(node: FileNode): MaybePromise<VolumeInfo | Failure> {
    return node instanceof PosixNode ? node.run("volume", node.fd) : -Errno.EINVAL;
  }

  clientPath(path: string): string {
    return path.split("/").map(toClientName).join("\\");
  }

  seesBelow(directory: string, path: string): boolean {
    const { context } = this.disk;
    const { veto, identity } = context;
    if (this.isClosed || (veto && path.split("/").some((name) => veto(toClientName(name))))) return false;
    const { parent } = splitPath(path);
    if (parent === "" || !identity.isSwitching) return true;
    const listed = context.inDirectory(joinPath(directory, parent), (fd) => accessFd(fd, Access.READ));
    return listed === 0;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.disk.close();
  }

  private refuseChange(found: Found): 0 | Failure {
    if (this.isClosed) return -Errno.EBADF;
    if (this.disk.context.grant.readOnly) return -Errno.EROFS;
    return found.node === undefined && found.path !== "" ? 0 : -Errno.EEXIST;
  }
}
