// Changes of files' data that are under way though nobody waits for them any more: their client has cancelled
// them, has closed the file or has lost its connection. What comes later waits for them: a queued WRITE would
// land on newer data, or behind a truncation.
import type { SharedFile } from "./open.ts";

type Identified = Pick<SharedFile, "identity">;

export class LateChanges {
  /** By the identity of the file, which may have no open any more. The promises never reject. */
  private readonly unfinished = new Map<string, Promise<unknown>>();

  /** Settles when the late changes of `file` have ended or timed out; undefined where there are none. */
  of({ identity }: Identified): Promise<unknown> | undefined {
    return this.unfinished.size === 0 ? undefined : this.unfinished.get(identity);
  }

  /** Nobody waits for `work` any more, which changes the data of `file`. */
  keep({ identity }: Identified, work: Promise<unknown> | undefined): void {
    if (work === undefined) return;
    const all = Promise.allSettled([this.unfinished.get(identity), work]).then(() => {
      if (this.unfinished.get(identity) === all) this.unfinished.delete(identity);
    });
    this.unfinished.set(identity, all);
  }
}
