// The changes that one watch keeps until a request takes them: in order, also where the disk still has to say
// whether the client may learn of one.
import type { MaybePromise } from "../../port/port.ts";
import type { Change } from "../../wire/fscc/notify.ts";

/** Bytes of changes kept for one watch, whatever OutputBufferLength says. More is an overflow. */
const MAX_WATCH_BYTES = 64 * 1024;
/** Bytes of changes kept for all watches together. */
const MAX_TOTAL_BYTES = 4 * 1024 * 1024;
/** FILE_NOTIFY_INFORMATION without its name. */
const ENTRY_BYTES = 12;
const MAX_PADDING = 3;

/** Bytes of changes that all watches of a table keep. */
export interface KeptBytes {
  bytes: number;
}

/**
 * True where the client may learn of a change, undefined where nobody can tell: the change is reported as
 * lost.
 */
export type MayLearn = boolean | undefined;

/** A change that a client may learn of, or must not. */
export interface OfferedChange {
  readonly change: Change;
  readonly mayLearn: MaybePromise<MayLearn>;
}

/** Changes behind an answer that is still to come. */
interface Undecided {
  readonly changes: readonly Change[];
  /** At least what they take in a reply. */
  readonly bytes: number;
  answers: readonly MayLearn[] | undefined;
}

function isDecided(answers: readonly MaybePromise<MayLearn>[]): answers is readonly MayLearn[] {
  return !answers.some((answer) => answer instanceof Promise);
}

export class KeptChanges {
  private changes: Change[] = [];
  /** Of `changes`, as a reply has them. */
  private bytes = 0;
  private undecided: Undecided[] = [];
  private undecidedBytes = 0;
  /** Some changes are lost; no more are kept until `take`. */
  hasOverflowed = false;
  private readonly limit: number;
  private readonly all: KeptBytes;
  private readonly decided: () => void;

  /** `decided` is called when changes that waited for an answer can be taken. */
  constructor(outputBytes: number, all: KeptBytes, decided: () => void) {
    this.limit = Math.min(outputBytes, MAX_WATCH_BYTES);
    this.all = all;
    this.decided = decided;
  }

  /** True where `take` returns something. */
  get hasAny(): boolean {
    return this.hasOverflowed || this.changes.length > 0;
  }

  /** Keeps changes that a client learns of in one reply. */
  add(...offered: readonly OfferedChange[]): void {
    if (this.hasOverflowed) return;
    const open = offered.filter(({ mayLearn }) => mayLearn !== false);
    if (open.length === 0) return;
    const changes = open.map(({ change }) => change);
    const answers = open.map(({ mayLearn }) => mayLearn);
    if (this.undecided.length === 0 && isDecided(answers)) this.keep(changes, answers);
    else this.keepUndecided(changes, answers);
  }

  /** Changes are lost: the client must enumerate. */
  overflow(): void {
    this.clear();
    this.hasOverflowed = true;
  }

  /** Forgets everything; answers that are still to come count no more. */
  clear(): void {
    this.all.bytes -= this.bytes + this.undecidedBytes;
    this.bytes = 0;
    this.changes = [];
    this.undecidedBytes = 0;
    this.undecided = [];
    this.hasOverflowed = false;
  }

  /** Removes and returns the changes; undefined where some are lost or they do not fit into `outputBytes`. */
  take(outputBytes: number): readonly Change[] | undefined {
    const { changes, bytes } = this;
    if (this.hasOverflowed || bytes > outputBytes) {
      // The client enumerates after this: what is undecided has happened before.
      this.clear();
      return undefined;
    }
    this.all.bytes -= bytes;
    this.bytes = 0;
    this.changes = [];
    return changes;
  }

  private keep(changes: readonly Change[], answers: readonly MayLearn[]): void {
    for (const [at, change] of changes.entries()) {
      const mayLearn = answers[at];
      if (mayLearn === false) continue;
      const bytes = (-this.bytes & MAX_PADDING) + ENTRY_BYTES + change.name.length * 2;
      if (mayLearn === undefined || !this.hasRoom(bytes)) return this.overflow();
      this.changes.push(change);
      this.bytes += bytes;
      this.all.bytes += bytes;
    }
  }

  private keepUndecided(changes: readonly Change[], answers: readonly MaybePromise<MayLearn>[]): void {
    let bytes = 0;
    for (const { name } of changes) bytes += MAX_PADDING + ENTRY_BYTES + name.length * 2;
    if (!this.hasRoom(bytes)) return this.overflow();
    const undecided: Undecided = { changes, bytes, answers: isDecided(answers) ? answers : undefined };
    this.undecided.push(undecided);
    this.undecidedBytes += bytes;
    this.all.bytes += bytes;
    if (undecided.answers !== undefined) return;
    void Promise.all(answers).then((all) => {
      undecided.answers = all;
      this.settle();
    });
  }

  /** Keeps the changes before the first that still waits for its answer. */
  private settle(): void {
    const { undecided } = this;
    let count = 0;
    for (const { changes, bytes, answers } of undecided) {
      if (answers === undefined) break;
      count++;
      this.undecidedBytes -= bytes;
      this.all.bytes -= bytes;
      this.keep(changes, answers);
      if (this.hasOverflowed) break;
    }
    // An overflow has emptied the list.
    if (this.undecided === undecided) undecided.splice(0, count);
    if (count > 0) this.decided();
  }

  private hasRoom(bytes: number): boolean {
    return (
      this.bytes + this.undecidedBytes + bytes <= this.limit && this.all.bytes + bytes <= MAX_TOTAL_BYTES
    );
  }
}
