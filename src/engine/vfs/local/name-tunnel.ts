// Name tunnelling of a share, as in Windows ([MS-FSA] 2.1.1.2): an old program saves a file by removing or
// renaming it and making it anew by the 8.3 name that it knows. Such a new file gets the long name back
// within 15 seconds, while a client uses the share. The creation time is not tunnelled: smbd does not do it
// either.
import { joinPath, splitPath } from "../name/names.ts";

/** EntryTime: [MS-FSA] 2.1.1.2. */
const LIFETIME_MS = 15_000;
/** Windows Server's default, TunnelMaxEntries. */
const MAX_ENTRIES = 1024;
/** UTF-16 units of all paths together. */
const MAX_UNITS = 128 * 1024;

export class NameTunnel {
  private readonly now: () => number;
  /** On-disk paths of names that were removed, and when; the oldest first. */
  private readonly removed = new Map<string, number>();
  private units = 0;

  /** `now` is a clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** Number of names. */
  get size(): number {
    return this.removed.size;
  }

  /** Remembers a name that was removed or renamed away. */
  note(path: string): void {
    this.delete(path);
    this.removed.set(path, this.now());
    this.units += path.length;
    this.purge();
  }

  /** Forgets the names below a directory that lost its path: another directory may get that path. */
  forgetBelow(path: string): void {
    const prefix = `${path}/`;
    for (const known of this.removed.keys()) if (known.startsWith(prefix)) this.delete(known);
  }

  /**
   * Returns the name that was removed last from the directory `parent` of those whose short name is `short`.
   */
  find(parent: string, short: string, shortOf: (name: string) => string): string | undefined {
    this.purge();
    let found: string | undefined;
    for (const path of this.removed.keys()) {
      const { name } = splitPath(path);
      if (joinPath(parent, name) === path && shortOf(name) === short) found = name;
    }
    return found;
  }

  private purge(): void {
    const oldestMs = this.now() - LIFETIME_MS;
    for (const [path, removedMs] of this.removed) {
      const isFull = this.removed.size > MAX_ENTRIES || this.units > MAX_UNITS;
      if (!isFull && removedMs > oldestMs) return;
      this.delete(path);
    }
  }

  private delete(path: string): void {
    if (this.removed.delete(path)) this.units -= path.length;
  }
}
