// How long calls that write a file's data to the disk are waited for: a slow disk with much dirty data takes
// minutes, and a backup whose FLUSH fails is broken.
import { pagesWritten } from "../../../linux/writeback.ts";
import type { OperationName } from "../disk/operations.ts";

/** Time-outs that a call is waited for without a sign that the kernel writes. */
const UNSEEN_TIMEOUTS = 10;

const patientOperations: ReadonlySet<string> = new Set<OperationName>(["sync", "flushValue"]);

/** Of one call. */
export class Patience {
  private pages = -1;
  private unseen = 0;

  /** Undefined for an operation that ends with its first time-out. */
  static of(operation: string): Patience | undefined {
    return patientOperations.has(operation) ? new Patience() : undefined;
  }

  /**
   * After each time-out: true where the call is waited for once more. The kernel counts the pages of all
   * disks: what a file system in user space writes to its disk is not known as the file's.
   */
  isLeft(): boolean {
    const pages = pagesWritten();
    const hasMoved = this.pages >= 0 && pages !== this.pages;
    this.pages = pages;
    this.unseen = hasMoved ? 0 : this.unseen + 1;
    return this.unseen < UNSEEN_TIMEOUTS;
  }
}
