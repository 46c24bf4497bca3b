// How the objects of one store come to their disk: a call of the table of disk operations, made at once on the event
// loop or by the volume's worker.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import type { Credentials, MaybePromise, ShareGrant } from "../../../port/port.ts";
import type { DirectoryCache } from "../context/directory-cache.ts";
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
import { isLossOfDisk } from "../disk/share-directory.ts";
import type { ShareRoot } from "./share-root.ts";

/** The grant with what only the disk can say: which names it takes. */
function grantOn(root: ShareRoot, grant: ShareGrant): ShareGrant {
  if (grant.names.reserved !== "auto") return grant;
  const reserved = root.volume.reservesCharacters ? "private" : "native";
  return { ...grant, names: { ...grant.names, reserved } };
}

export class ShareDisk implements CallOwner {
  /** Names the share and its user to the workers. */
  id = nextOwnerId();
  readonly root: ShareRoot;
  context: ShareContext;
  private isAsking = false;

  /** Takes over the caller's hold on `root`. */
  constructor(grant: ShareGrant, root: ShareRoot) {
    this.root = root;
    this.context = new ShareContext(grantOn(root, grant), root.fd, root.directories, false);
  }

  /** An operation by path below the root. */
  run<K extends OperationName>(name: K, ...args: OperationArgs<K>): MaybePromise<OperationResult<K>> {
    return this.runOn(this.root.volume, undefined, name, args);
  }

  /** The operation `find`: on the loop also where the disk may rest, if the path is in memory. */
  find(names: readonly string[], anyForm: boolean): MaybePromise<OperationResult<"find">> {
    const { context } = this;
    const { volume } = this.root;
    const now = performance.now();
    if (volume.isLively(now) || (volume.isCalm(now) && context.isInMemory(names.join("/")))) {
      return volume.callHere(context, "find", [names, anyForm], now);
    }
    return volume.callElsewhere(this, undefined, "find", [names, anyForm]);
  }

  /** An operation on a descriptor of `volume`, which `hold` keeps open until it is over. */
  runOn<K extends OperationName>(
    volume: MountedVolume,
    hold: Pending | undefined,
    name: K,
    args: OperationArgs<K>,
  ): MaybePromise<OperationResult<K>> {
    const now = performance.now();
    const isHere = memoryOperations.has(name) ? volume.isCalm(now) : volume.isLively(now);
    if (isHere) {
      const result = volume.callHere(this.context, name, args, now);
      // A worker is at what this would change: it did nothing, and is to wait for that.
      if (result !== -Errno.EAGAIN) return result;
    }
    return volume.callElsewhere(this, hold, name, args);
  }

  /** The same, by the worker in any case; `keeps` is memory whose address is among the arguments. */
  runElsewhere<K extends OperationName>(
    volume: MountedVolume,
    hold: Pending,
    name: K,
    args: OperationArgs<K>,
    keeps?: Uint8Array,
  ): Promise<OperationResult<K>> {
    return volume.callElsewhere(this, hold, name, args, keeps);
  }

  /** Closes a descriptor of `volume`; where that may ask the other side, nobody waits for it. */
  closeFd(volume: MountedVolume, fd: number): void {
    if (volume.isRemote) void volume.callElsewhere(this, undefined, "close", [fd]);
    else closeFd(fd);
  }

  /** The user has other groups, or is another one on this machine: what is asked from here on is asked as such. */
  setCredentials(credentials: Credentials | null): void {
    const grant = { ...this.grant, credentials };
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
    this.root.hold();
  }

  release(): void {
    this.root.release();
  }

  /** Whether the disk behind the root has gone is asked of the root itself. */
  failed(errno: number): void {
    if (!isLossOfDisk(errno) || this.isAsking || this.root.isLost) return;
    this.isAsking = true;
    void this.root.volume.callElsewhere(this, undefined, "stat", [this.root.fd, ""]).then((stat) => {
      this.isAsking = false;
      if (typeof stat === "number" && isLossOfDisk(stat)) this.root.lose();
    });
  }

  close(): void {
    this.root.forgetShare(this.id);
    this.root.release();
  }
}
