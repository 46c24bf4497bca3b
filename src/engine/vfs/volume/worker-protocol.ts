// What the event loop and a volume's worker say to each other: plain, cloneable data. Descriptors are numbers that
// mean the same to every thread of the process.
import type { JobSlots } from "../context/given-up.ts";
import type { ShareGrant } from "../../../port/port.ts";

/** What a worker needs to make its own ShareContext. */
export interface ShareDefinition {
  readonly grant: ShareGrant;
  readonly rootFd: number;
}

export interface DiskRequest {
  readonly job: number;
  /** Of the job among those of this worker; see given-up.ts. */
  readonly slot: number;
  /** A key of `diskOperations`. */
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly share: number;
  /** With the first request for a share. */
  readonly definition: ShareDefinition | undefined;
  /** Wall clock of the last change that the loop itself made to a directory. */
  readonly changedMs: number;
}

/** The share is not asked for any more. */
export interface ForgetShare {
  readonly forget: number;
}

/** The first message to a worker. */
export interface ShareSlots {
  readonly slots: JobSlots;
}

export type ToDiskWorker = DiskRequest | ForgetShare | ShareSlots;

export interface DiskAnswer {
  readonly job: number;
  readonly result: unknown;
  /** The operation threw; the text says what. */
  readonly error: string | undefined;
  /** The operation has (perhaps) changed a directory that the loop remembers. */
  readonly hasChanged: boolean;
  /** The thread had to wait: the answer did not come from memory. */
  readonly hasWaited: boolean;
}
