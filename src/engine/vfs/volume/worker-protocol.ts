// Messages between the event loop and a volume's worker: plain, cloneable data. All threads share the
// descriptors.
import type { HeldChange } from "../context/folder-times.ts";
import type { JobSlots } from "../context/given-up.ts";
import type { ShareGrant } from "../../../port/port.ts";

/** A worker makes its own ShareContext from it. */
export interface ShareDefinition {
  readonly grant: ShareGrant;
  readonly rootFd: number;
}

export interface DiskRequest {
  readonly job: number;
  /** The job's index in this worker's shared-memory flags; see context/given-up.ts. */
  readonly slot: number;
  /** A key of `diskOperations`. */
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  /** Only in a worker's first request for a share. */
  readonly definition: ShareDefinition | undefined;
  /** Date.now() of the last change that the event loop itself made to a directory of the share. */
  readonly changedMs: number;
}

/** No request for this share follows. */
export interface ForgetShare {
  readonly forget: number;
}

/** The first message to a worker. */
export interface AssignSlots {
  readonly slots: JobSlots;
}

/** The last message: the worker closes its descriptors. */
export interface EndWorker {
  readonly end: true;
}

/** Memory is short: the worker drops its cache of directories. */
export interface DropCaches {
  readonly dropCaches: true;
}

export type ToDiskWorker = DiskRequest | ForgetShare | AssignSlots | EndWorker | DropCaches;

export interface DiskAnswer {
  readonly job: number;
  readonly result: unknown;
  /** The text of what the operation threw. */
  readonly error: string | undefined;
  /** The operation may have changed a directory that the event loop has cached. */
  readonly hasChanged: boolean;
  readonly held: readonly HeldChange[];
  /** The thread has slept: the answer did not come from memory alone. */
  readonly hasWaited: boolean;
}
