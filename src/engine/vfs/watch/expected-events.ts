// The inotify events that our own operations cause, by what was done and to which path: they are no news. What is
// expected when the queue is read came into the queue before: it is forgotten when all that was read is handled, so that
// no change by another program is mistaken for long. What is expected later waits for the next reading.
import { Inotify } from "../../../linux/inotify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";

const MAX_EXPECTED = 4096;

interface Expected {
  readonly kind: number;
  readonly path: string;
  /** How many events; the kernel merges those of attributes and of closing, so they have no number. */
  count: number;
  /** The reading of the queue after which it was expected. */
  reading: number;
}

export class ExpectedEvents {
  private readonly expected = new Map<string, Expected>();
  private reading = 0;

  /** The queue should be read first: what is expected grows. */
  get isFull(): boolean {
    return this.expected.size >= MAX_EXPECTED;
  }

  /** A change of ours, by its NotifyAction. */
  add(action: NotifyAction, path: string): void {
    if (action === NotifyAction.ADDED) {
      this.expect(Inotify.CREATE, path);
      // Mode, owner and stored attributes of what is new.
      this.expect(Inotify.ATTRIB, path);
    } else if (action === NotifyAction.REMOVED) {
      this.expect(Inotify.DELETE, path);
    } else if (action === NotifyAction.RENAMED_OLD_NAME) {
      this.expect(Inotify.MOVED_FROM, path);
    } else if (action === NotifyAction.RENAMED_NEW_NAME) {
      this.expect(Inotify.MOVED_TO, path);
    } else {
      this.expect(Inotify.ATTRIB, path);
    }
  }

  /** What a listing has shown already: its event is in the queue, with `isReading` in the part that is being read. */
  addSeen(path: string, isReading: boolean): void {
    this.expect(Inotify.CREATE, path, isReading ? this.reading - 1 : this.reading);
  }

  addClose(path: string): void {
    this.expect(Inotify.CLOSE_WRITE, path);
  }

  /** Whether an event of that kind is ours; it is then expected once less. */
  take(kind: number, path: string): boolean {
    const key = keyOf(kind, path);
    const expected = this.expected.get(key);
    if (expected === undefined) return false;
    if (--expected.count === 0) this.expected.delete(key);
    return true;
  }

  /** Whether events of that kind may be ours; as many as there are. */
  has(kind: number, path: string): boolean {
    return this.expected.has(keyOf(kind, path));
  }

  /** A directory has another path: what is below it as well. */
  moved(from: string, to: string): void {
    const below = `${from}/`;
    for (const [key, { kind, path, count, reading }] of [...this.expected]) {
      if (!path.startsWith(below)) continue;
      this.expected.delete(key);
      const newPath = to + path.slice(from.length);
      this.expected.set(keyOf(kind, newPath), { kind, path: newPath, count, reading });
    }
  }

  /** The queue is read now. */
  read(): void {
    this.reading++;
  }

  /** All that was read is handled. */
  handled(): void {
    for (const [key, { reading }] of this.expected) if (reading < this.reading) this.expected.delete(key);
  }

  clear(): void {
    this.expected.clear();
  }

  private expect(kind: number, path: string, reading = this.reading): void {
    const key = keyOf(kind, path);
    const expected = this.expected.get(key);
    if (expected === undefined) {
      this.expected.set(key, { kind, path, count: 1, reading });
    } else {
      expected.count++;
      expected.reading = Math.max(reading, expected.reading);
    }
  }
}

function keyOf(kind: number, path: string): string {
  return `${kind} ${path}`;
}
