// A disk operation that a volume's worker runs for a share: it settles the caller's promise, keeps
// descriptors and memory alive until the worker has ended it, and closes the descriptors of an answer that
// comes after the time-out.
import type { ShareGrant } from "../../../port/port.ts";
import type { HeldChange } from "../context/folder-times.ts";
import { DirectoryCache } from "../context/directory-cache.ts";
import type { Failure } from "../store.ts";
import type { TransferBuffer } from "../transfer-buffer.ts";
import type { DiskAnswer } from "./worker-protocol.ts";
import { type OperationName, descriptorsIn, longOperations } from "../disk/operations.ts";
import { Patience } from "./patience.ts";
import type { Pending } from "./pending.ts";
import type { DiskJob } from "./workers.ts";

/** The share and user that a worker runs an operation for. */
export interface CallOwner {
  /** Identifies the share and its user to the workers. */
  readonly id: number;
  readonly grant: ShareGrant;
  readonly rootFd: number;
  readonly directories: DirectoryCache;
  /** Keeps the root's descriptor open until `release`. */
  retain(): void;
  release(): void;
  /** A worker's operation returned this failure. */
  failed(errno: Failure): void;
}

let lastId = 0;

/** Returns a new number that identifies a share and its user to the workers. */
export function nextOwnerId(): number {
  return ++lastId;
}

/** Returns the owner of a call that is made before the share's root is open, or without it. */
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

/** What a call reports to its volume. */
export interface CallVolume {
  beginWork(): void;
  endWork(): void;
  /** The worker has answered; `hasWaited` where its thread slept meanwhile. */
  noteAnswer(hasWaited: boolean): void;
  noteHeld(held: readonly HeldChange[]): void;
  /** Closes a descriptor of an answer that nobody waits for any more. */
  closeLate(owner: CallOwner, fd: number): void;
  /** The caller's promise is settled. */
  settled(call: WaitingCall): void;
}

/** A call that is queued or that a worker runs. */
export class WaitingCall implements DiskJob {
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  readonly isLong: boolean;
  /** A descriptor that is not closed is lost for good. */
  readonly mustRun: boolean;
  /** Held until the worker has ended the operation, which has only its address. */
  private readonly buffer: TransferBuffer | undefined;
  readonly startedMs = performance.now();
  /** The call is given up then, unless its patience lasts. */
  deadlineMs: number;
  readonly patience: Patience | undefined;
  private readonly volume: CallVolume;
  private readonly owner: CallOwner;
  private readonly pending: Pending | undefined;
  private resolve: ((result: unknown) => void) | undefined;
  private reject: ((error: Error) => void) | undefined;

  constructor(
    volume: CallVolume,
    owner: CallOwner,
    pending: Pending | undefined,
    operation: OperationName,
    args: readonly unknown[],
    resolve: (result: unknown) => void,
    reject: (error: Error) => void,
    buffer: TransferBuffer | undefined,
    timeoutMs: number,
  ) {
    this.buffer = buffer;
    this.deadlineMs = this.startedMs + timeoutMs;
    this.patience = Patience.of(operation);
    this.isLong = longOperations.has(operation);
    this.mustRun = operation === "close";
    this.volume = volume;
    this.owner = owner;
    this.pending = pending;
    this.operation = operation;
    this.args = args;
    this.share = owner.id;
    this.resolve = resolve;
    this.reject = reject;
    if (!this.isLong) volume.beginWork();
    owner.retain();
    pending?.add();
    buffer?.beginUse();
  }

  get definition() {
    return { grant: this.owner.grant, rootFd: this.owner.rootFd };
  }

  changedMs(): number {
    return this.owner.directories.changedMs;
  }

  answered(result: unknown, { hasChanged, held, hasWaited }: DiskAnswer): void {
    if (hasChanged) this.owner.directories.distrust(Date.now());
    this.volume.noteAnswer(hasWaited);
    this.volume.noteHeld(held);
    const isLate = this.resolve === undefined;
    if (isLate) for (const fd of descriptorsIn(this.operation, result)) this.volume.closeLate(this.owner, fd);
    this.end();
    this.settle(result);
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

  lost(failure: Failure): void {
    this.end();
    this.settle(failure);
  }

  abandoned(failure: Failure): void {
    if (!this.isLong) this.volume.endWork();
    this.settle(failure);
  }

  /** Releases what the operation needed: the worker has ended it, or never gets it. */
  end(): void {
    if (!this.isLong) this.volume.endWork();
    this.buffer?.endUse();
    this.pending?.done();
    this.owner.release();
  }

  /** Resolves the caller's promise, unless it is settled already. */
  settle(result: unknown): void {
    const { resolve } = this;
    this.resolve = undefined;
    this.reject = undefined;
    if (resolve === undefined) return;
    this.volume.settled(this);
    resolve(result);
  }
}
