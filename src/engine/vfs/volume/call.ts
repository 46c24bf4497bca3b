// A call that a volume's worker makes for a share: who waits for it, what must stay open and in memory until it is really
// over, and what becomes of an answer that comes too late.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import type { ShareGrant } from "../../../port/port.ts";
import { DirectoryCache } from "../context/directory-cache.ts";
import type { DiskAnswer } from "./worker-protocol.ts";
import { type OperationName, descriptorsIn, longOperations } from "../disk/operations.ts";
import type { Pending } from "./pending.ts";
import type { DiskJob } from "./workers.ts";

/** On whose behalf a worker makes a call. */
export interface CallOwner {
  /** Names the share and its user to the workers. */
  readonly id: number;
  readonly grant: ShareGrant;
  readonly rootFd: number;
  readonly directories: DirectoryCache;
  /** Keep the root's descriptor open from the one to the other. */
  retain(): void;
  release(): void;
  /** A call by a worker failed with this negative errno. */
  failed(errno: number): void;
}

let lastId = 0;

/** Returns a new number that names a share and its user to the workers. */
export function nextOwnerId(): number {
  return ++lastId;
}

/** The owner of a call that is made before the share's root is open, or without it. */
export function ownerWithoutRoot(grant: ShareGrant): CallOwner {
  return {
    id: nextOwnerId(),
    grant,
    rootFd: -1,
    directories: new DirectoryCache(),
    retain: () => undefined,
    release: () => undefined,
    failed: () => undefined,
  };
}

/** What a call tells its volume. */
export interface CallVolume {
  beginWork(): void;
  endWork(): void;
  /** The worker has answered. */
  noteAnswer(hasWaited: boolean): void;
  /** Nobody waits for the call any more. */
  settled(call: WaitingCall): void;
}

/** A call that a worker makes, or is to make. */
export class WaitingCall implements DiskJob {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  readonly isLong: boolean;
  /** Only held, so that the memory stays. */
  readonly buffer: Uint8Array | undefined;
  readonly startedMs = performance.now();
  private readonly volume: CallVolume;
  private readonly owner: CallOwner;
  private readonly pending: Pending | undefined;
  private resolve: ((result: unknown) => void) | undefined;
  private reject: ((error: Error) => void) | undefined;

  constructor(
    volume: CallVolume,
    owner: CallOwner,
    hold: Pending | undefined,
    operation: OperationName,
    args: readonly unknown[],
    resolve: (result: unknown) => void,
    reject: (error: Error) => void,
    keeps: Uint8Array | undefined,
  ) {
    this.buffer = keeps;
    this.isLong = longOperations.has(operation);
    this.volume = volume;
    this.owner = owner;
    this.pending = hold;
    this.operation = operation;
    this.args = args;
    this.share = owner.id;
    this.resolve = resolve;
    this.reject = reject;
    if (!this.isLong) volume.beginWork();
    owner.retain();
    hold?.add();
  }

  get definition() {
    return { grant: this.owner.grant, rootFd: this.owner.rootFd };
  }

  changedMs(): number {
    return this.owner.directories.changedMs;
  }

  answered(result: unknown, { hasChanged, hasWaited }: DiskAnswer): void {
    if (hasChanged) this.owner.directories.distrust(Date.now());
    this.volume.noteAnswer(hasWaited);
    const isLate = this.resolve === undefined;
    this.end();
    if (isLate) for (const fd of descriptorsIn(this.operation, result)) closeFd(fd);
    else this.settle(result);
    if (typeof result === "number" && result < 0) this.owner.failed(result);
  }

  failed(error: Error): void {
    this.end();
    const { reject } = this;
    this.resolve = undefined;
    this.reject = undefined;
    this.volume.settled(this);
    reject?.(error);
  }

  lost(): void {
    this.end();
    this.settle(-Errno.EIO);
  }

  /** Nobody works on it any more. */
  end(): void {
    if (!this.isLong) this.volume.endWork();
    this.pending?.done();
    this.owner.release();
  }

  settle(result: unknown): void {
    const { resolve } = this;
    this.resolve = undefined;
    this.reject = undefined;
    if (resolve === undefined) return;
    this.volume.settled(this);
    resolve(result);
  }
}
