// The inotify events that our own operations cause, by what was done and to which path: they are no news. An
// operation is over before its events are expected, so that all of them come with the next batch taken from the
// queue: after that nothing is expected any more, and no change by another program is mistaken for long.
import { Inotify } from "../../linux/inotify.ts";
import { NotifyAction } from "../../wire/fscc/notify.ts";

const MAX_EXPECTED = 4096;

export class ExpectedEvents {
  // Names come and go one event each; the kernel merges events of attributes and of closing, so these have no number.
  private readonly counted = new Map<string, number>();
  private readonly merged = new Set<string>();

  /** The batch must be taken first: no more is remembered. */
  get isFull(): boolean {
    return this.counted.size + this.merged.size >= MAX_EXPECTED;
  }

  /** A change of ours, by its NotifyAction. */
  add(action: NotifyAction, path: string): void {
    if (action === NotifyAction.ADDED) {
      this.addCreation(path);
      // Mode, owner and stored attributes of what is new.
      this.merged.add(keyOf(Inotify.ATTRIB, path));
    } else if (action === NotifyAction.REMOVED) {
      this.count(Inotify.DELETE, path);
    } else if (action === NotifyAction.RENAMED_OLD_NAME) {
      this.count(Inotify.MOVED_FROM, path);
    } else if (action === NotifyAction.RENAMED_NEW_NAME) {
      this.count(Inotify.MOVED_TO, path);
    } else {
      this.merged.add(keyOf(Inotify.ATTRIB, path));
    }
  }

  addCreation(path: string): void {
    this.count(Inotify.CREATE, path);
  }

  addClose(path: string): void {
    this.merged.add(keyOf(Inotify.CLOSE_WRITE, path));
  }

  /** Whether an event of that kind is ours; it is then expected once less. */
  take(kind: number, path: string): boolean {
    const key = keyOf(kind, path);
    const count = this.counted.get(key) ?? 0;
    if (count === 0) return false;
    if (count === 1) this.counted.delete(key);
    else this.counted.set(key, count - 1);
    return true;
  }

  /** Whether events of that kind may be ours; as many as there are. */
  has(kind: number, path: string): boolean {
    return this.merged.has(keyOf(kind, path));
  }

  clear(): void {
    this.counted.clear();
    this.merged.clear();
  }

  private count(kind: number, path: string): void {
    const key = keyOf(kind, path);
    this.counted.set(key, (this.counted.get(key) ?? 0) + 1);
  }
}

function keyOf(kind: number, path: string): string {
  return `${kind} ${path}`;
}
