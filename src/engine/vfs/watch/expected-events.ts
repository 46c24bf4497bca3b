// inotify events that the server's own operations cause, by kind and path; they are suppressed. An event
// expected before a read of the queue is already in the queue: the expectation is dropped once all events of
// that read are handled, so that a later change by another program is not suppressed. Newer ones last until
// the next read.
import { Inotify } from "../../../linux/inotify.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";

const MAX_EXPECTED = 4096;

interface Expected {
  readonly kind: number;
  readonly path: string;
  /** Number of events. Unused for ATTRIB and CLOSE_WRITE, which the kernel merges. */
  count: number;
  /** Number of queue reads when the event was expected. */
  reading: number;
}

export class ExpectedEvents {
  private readonly expected = new Map<string, Expected>();
  private reading = 0;

  /** True when the queue should be read so that expectations can be dropped. */
  get isFull(): boolean {
    return this.expected.size >= MAX_EXPECTED;
  }

  /** Expects the events of one of the server's own changes. */
  add(action: NotifyAction, path: string): void {
    if (action === NotifyAction.ADDED) {
      this.expect(Inotify.CREATE, path);
      // Mode, owner and stored attributes of the new object.
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

  /**
   * Expects the CREATE event of an entry that a listing has shown: it is in the queue, or with `isReading` in
   * the part that is being read.
   */
  addSeen(path: string, isReading: boolean): void {
    this.expect(Inotify.CREATE, path, isReading ? this.reading - 1 : this.reading);
  }

  addClose(path: string): void {
    this.expect(Inotify.CLOSE_WRITE, path);
  }

  /** Returns true for an expected event, and then expects one less. */
  take(kind: number, path: string): boolean {
    const key = keyOf(kind, path);
    const expected = this.expected.get(key);
    if (expected === undefined) return false;
    if (--expected.count === 0) this.expected.delete(key);
    return true;
  }

  /** Returns true if events of that kind are expected, in any number. */
  has(kind: number, path: string): boolean {
    return this.expected.has(keyOf(kind, path));
  }

  /** Changes the paths of expected events below a renamed directory. */
  moved(from: string, to: string): void {
    const below = `${from}/`;
    for (const [key, { kind, path, count, reading }] of [...this.expected]) {
      if (!path.startsWith(below)) continue;
      this.expected.delete(key);
      const newPath = to + path.slice(from.length);
      this.expected.set(keyOf(kind, newPath), { kind, path: newPath, count, reading });
    }
  }

  /** Called before the queue is read. */
  read(): void {
    this.reading++;
  }

  /** Called when all events that were read are handled. */
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
