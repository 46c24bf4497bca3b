// Log lines about disks that come and go. One that flaps, by a loose cable or for want of power, gets a few
// lines and then none until it has been quiet for a while. Pure: the clock is passed in.

/** Lines about one disk before it counts as flapping. */
const MAX_LINES = 6;
const QUIET_MS = 60_000;
const MAX_DISKS = 512;

interface Recent {
  lines: number;
  lastMs: number;
}

export class ChangeLog {
  private readonly write: (text: string) => void;
  private readonly warn: (text: string) => void;
  private readonly now: () => number;
  private readonly recent = new Map<string, Recent>();

  constructor(write: (text: string) => void, warn: (text: string) => void, now: () => number) {
    this.write = write;
    this.warn = warn;
    this.now = now;
  }

  /** `disk` tells the disk from others; `name` is that of its share. */
  changed(disk: string, name: string, text: string): void {
    const now = this.now();
    const known = this.recent.get(disk);
    const recent = known !== undefined && now - known.lastMs < QUIET_MS ? known : { lines: 0, lastMs: now };
    recent.lastMs = now;
    recent.lines++;
    this.recent.delete(disk);
    this.recent.set(disk, recent);
    if (recent.lines <= MAX_LINES) this.write(text);
    if (recent.lines === MAX_LINES)
      this.warn(
        `share [${name}]: its disk comes and goes, look at its cable and power; ` +
          "that is not logged again until it has stayed the same for a minute",
      );
    this.forgetOldest();
  }

  private forgetOldest(): void {
    for (const disk of this.recent.keys()) {
      if (this.recent.size <= MAX_DISKS) return;
      this.recent.delete(disk);
    }
  }
}
