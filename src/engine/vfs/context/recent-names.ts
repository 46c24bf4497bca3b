// Names that were made a short time ago in large directories: between a look-up, which reads such a directory
// for seconds, and the creation that follows it another client may have made the name in another case.
import { foldDiskName } from "../name/names.ts";

/** The oldest goes for the next one: as many are made while a directory of a million names is read. */
const MAX_NAMES = 4_096;

export class RecentNames {
  private readonly names = new Map<string, readonly string[]>();

  get isEmpty(): boolean {
    return this.names.size === 0;
  }

  /** Takes an on-disk name in the directory that `key` identifies. */
  add(key: string, name: string): void {
    const place = `${key}/${foldDiskName(name)}`;
    const others = this.names.get(place)?.filter((other) => other !== name) ?? [];
    this.names.delete(place);
    // Others may be gone by now: the last ones count.
    this.names.set(place, [...others.slice(-3), name]);
    if (this.names.size <= MAX_NAMES) return;
    for (const oldest of this.names.keys()) {
      this.names.delete(oldest);
      return;
    }
  }

  /** On-disk names with that folded form, which may have been removed since. */
  find(key: string, folded: string): readonly string[] {
    return this.names.get(`${key}/${folded}`) ?? [];
  }

  clear(): void {
    this.names.clear();
  }
}
