// The disk operations of one store: each runs at once on the event loop, or in a worker of the volume.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import type { Credentials, MaybePromise, ShareGrant } from "../../../port/port.ts";
import {
  type OperationArgs,
  type OperationName,
  type OperationResult,
  memoryOperations,
} from "../disk/operations.ts";
import type { MountedVolume } from "../volume/mounted-volume.ts";
import { type CallOwner, nextOwnerId } from "../volume/call.ts";
import type { Pending } from "../volume/pending.ts";
import { ShareContext } from "../context/share-context.ts";
import { andThen } from "../../and-then.ts";
import { type DirectoryCache } from "../context/directory-cache.ts";
import { type FolderAnswer, isUnread, type UnreadFolder } from "../context/unread-folder.ts";
import type { FoundPath } from "../disk/lookup.ts";
import type { ShareNames } from "../name/share-names.ts";
import { answerFrom, type FolderDisk } from "./folder-reading.ts";
import { isLossOfDisk } from "../disk/share-directory.ts";
import type { Failure } from "../store.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import type { ShareRoot } from "./share-root.ts";

/** Returns the grant with `auto` for reserved characters replaced by what the disk's file system needs. */
function grantOn(root: ShareRoot, grant: ShareGrant): ShareGrant {
  if (grant.names.reserved !== "auto") return grant;
  const reserved = root.volume.reservesCharacters ? "private" : "native";
  return { ...grant, names: { ...grant.names, reserved } };
}

/** More large directories than a path has names, twice. */
const MAX_ANSWERS = 512;

export class ShareDisk implements CallOwner, FolderDisk {
  /** Names the share and its user to the workers. */
  id = nextOwnerId();
  readonly root: ShareRoot;
  context: ShareContext;
  private isCheckingRoot = false;

  /** Takes over the caller's reference to `root`. */
  constructor(grant: ShareGrant, root: ShareRoot) {
    this.root = root;
    this.context = new ShareContext(grantOn(root, grant), root.fd, root.directories, false);
  }

  /** Runs an operation on a path below the root. */
  run<K extends OperationName>(name: K, ...args: OperationArgs<K>): MaybePromise<OperationResult<K>> {
    return this.runOn(this.root.volume, undefined, name, args);
  }

  /**
   * Runs `find`: on the event loop also where the disk may be spun down, if the path is in the directory
   * cache.
   */
  find(names: readonly string[], anyForm: boolean, asksRights: boolean): MaybePromise<FoundPath | Failure> {
    return this.withFolders((answers): MaybePromise<OperationResult<"find">> => {
      const { context } = this;
      const { volume, isEnded } = this.root;
      if (isEnded) return -Errno.EBADF;
      const now = performance.now();
      if (volume.isResponsive(now) || (volume.isHealthy(now) && context.isInMemory(names.join("/")))) {
        return volume.callOnEventLoop(context, "find", [names, anyForm, answers, asksRights], now);
      }
      return volume.callInWorker(this, undefined, "find", [names, anyForm, answers, asksRights]);
    });
  }

  /** Calls `look` until it needs no other large directory; each is read in steps. */
  withFolders<T>(
    look: (answers: readonly FolderAnswer[]) => MaybePromise<T | UnreadFolder>,
    answers: readonly FolderAnswer[] = [],
  ): MaybePromise<T | Failure> {
    return andThen(look(answers), (found): MaybePromise<T | Failure> => {
      if (!isUnread(found)) return found;
      if (answers.length < MAX_ANSWERS) return this.readAndLook(look, answers, found);
      this.closeFolder(found.unread);
      return -Errno.EBUSY;
    });
  }

  private async readAndLook<T>(
    look: (answers: readonly FolderAnswer[]) => MaybePromise<T | UnreadFolder>,
    answers: readonly FolderAnswer[],
    folder: UnreadFolder,
  ): Promise<T | Failure> {
    // The share may be closed meanwhile: its root and volume are needed until the end.
    this.retain();
    try {
      const answer = await answerFrom(this, folder);
      return typeof answer === "number" ? answer : await this.withFolders(look, [...answers, answer]);
    } finally {
      this.release();
    }
  }

  get names(): ShareNames {
    return this.context.names;
  }

  get isWatchable(): boolean {
    return !this.root.volume.isRemote;
  }

  readNames(fd: number): MaybePromise<OperationResult<"readNames">> {
    // The descriptor is closed after the answer.
    return this.runOn(this.root.volume, undefined, "readNames", [fd]);
  }

  closeFolder(fd: number): void {
    this.closeFd(this.root.volume, fd);
  }

  /** Runs `mayList`: on the event loop wherever the path is in memory, as that of a changed directory is. */
  mayList(path: string): MaybePromise<OperationResult<"mayList">> {
    const { context } = this;
    const { volume, isEnded } = this.root;
    if (isEnded) return -Errno.EBADF;
    const now = performance.now();
    if (volume.isResponsive(now) || (volume.isHealthy(now) && context.isInMemory(path)))
      return volume.callOnEventLoop(context, "mayList", [path], now);
    return volume.callInWorker(this, undefined, "mayList", [path]);
  }

  /**
   * Runs an operation on a descriptor of `volume`; `pending` keeps the descriptor open until it has ended.
   * -EBADF once the root has ended.
   */
  runOn<K extends OperationName>(
    volume: MountedVolume,
    pending: Pending | undefined,
    name: K,
    args: OperationArgs<K>,
  ): MaybePromise<OperationResult<K>> {
    if (this.root.isEnded) return -Errno.EBADF as OperationResult<K>;
    const result = this.runNow(volume, name, args);
    // -EAGAIN: nothing is done yet. It would wait for a sidecar's lock or for the disk, which only a worker
    // may.
    if (result !== -Errno.EAGAIN) return result as OperationResult<K>;
    return volume.callInWorker(this, pending, name, args);
  }

  /** Runs an operation on the event loop; -EAGAIN where a worker must run it. */
  runNow<K extends OperationName>(
    volume: MountedVolume,
    name: K,
    args: OperationArgs<K>,
  ): OperationResult<K> | Failure {
    const now = performance.now();
    const isOnEventLoop = memoryOperations.has(name) ? volume.isHealthy(now) : volume.isResponsive(now);
    return isOnEventLoop ? volume.callOnEventLoop(this.context, name, args, now) : -Errno.EAGAIN;
  }

  /** As `runOn`, but always in a worker; `buffer` has the address that is among the arguments. */
  runInWorker<K extends OperationName>(
    volume: MountedVolume,
    pending: Pending,
    name: K,
    args: OperationArgs<K>,
    buffer?: TransferBuffer,
  ): Promise<OperationResult<K>> {
    return volume.callInWorker(this, pending, name, args, buffer);
  }

  /** Runs an operation that takes long on every disk: always in a worker. */
  runLong<K extends OperationName>(name: K, ...args: OperationArgs<K>): Promise<OperationResult<K>> {
    return this.root.volume.callInWorker(this, undefined, name, args);
  }

  /** Closes a descriptor of `volume`: in a worker where close(2) may ask a network or a process. */
  closeFd(volume: MountedVolume, fd: number): MaybePromise<0 | Failure> {
    return volume.isRemote ? volume.callInWorker(this, undefined, "close", [fd]) : closeFd(fd);
  }

  /** Later operations run as this user, with these groups. */
  setCredentials(credentials: Credentials | null): void {
    this.replaceGrant({ ...this.grant, credentials });
  }

  makeReadOnly(): void {
    this.replaceGrant({ ...this.grant, readOnly: true });
  }

  private replaceGrant(grant: ShareGrant): void {
    this.root.forgetShare(this.id);
    this.id = nextOwnerId();
    this.context = new ShareContext(grant, this.root.fd, this.root.directories, false);
  }

  get grant(): ShareGrant {
    return this.context.grant;
  }

  get rootFd(): number {
    return this.root.fd;
  }

  get directories(): DirectoryCache {
    return this.root.directories;
  }

  retain(): void {
    this.root.retain();
  }

  release(): void {
    this.root.release();
  }

  /**
   * A failure may concern another volume below the share: a stat of the root says whether the share's disk is
   * lost.
   */
  failed(errno: Failure): void {
    if (!isLossOfDisk(errno) || this.isCheckingRoot || this.root.isLost) return;
    this.isCheckingRoot = true;
    void this.root.volume.callInWorker(this, undefined, "stat", [this.root.fd, ""]).then((stat) => {
      this.isCheckingRoot = false;
      if (typeof stat === "number" && isLossOfDisk(stat)) this.root.lose();
    });
  }

  close(): void {
    this.root.forgetShare(this.id);
    this.root.release();
  }
}
