// Whether a disk turns, by what the kernel counts of it: requests completed and under way. Documentation/block/stat.rst
// and /sys/block/*/queue/rotational of the kernel. An answer that came from memory says nothing of the disk.
import { readFileSync } from "node:fs";

// A look takes 50 µs and more.
const CHECK_MS = 100;
const URGENT_CHECK_MS = 25;
/** What was counted longer ago does not tell when the disk has worked since. */
const MAX_AGE_MS = 5_000;

// Fields of /sys/block/*/stat.
const READS_COMPLETED = 0;
const WRITES_COMPLETED = 4;
const IN_FLIGHT = 8;

export class BlockActivity {
  private readonly directory: string;
  private completed = -1;
  private countedMs = Number.NEGATIVE_INFINITY;
  /** When requests were first seen under way of which none has been completed since; 0: not so. */
  private idleSinceMs = 0;

  /** `directory` is the device's in /sys. */
  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Of a block device; undefined where the number is none, or /sys is missing. */
  static of(device: number): BlockActivity | undefined {
    const activity = new BlockActivity(
      `/sys/dev/block/${Math.floor(device / 0x10_0000)}:${device % 0x10_0000}`,
    );
    return activity.read() === undefined ? undefined : activity;
  }

  /** The device's file, which only root may read. */
  get deviceFile(): string {
    try {
      const name = /^DEVNAME=(.+)$/m.exec(readFileSync(`${this.directory}/uevent`, "latin1"))?.[1];
      return name === undefined ? "" : `/dev/${name}`;
    } catch {
      return "";
    }
  }

  /** False for flash, which is never at rest. */
  canRest(): boolean {
    for (const place of ["queue", "../queue"]) {
      try {
        return readFileSync(`${this.directory}/${place}/rotational`, "latin1").trim() !== "0";
      } catch {
        // A partition: the queue is the whole disk's.
      }
    }
    return true;
  }

  /** Looks again if it is time (sooner with `isUrgent`): true where the disk has worked a moment ago. */
  check(now: number, isUrgent: boolean): boolean {
    if (now - this.countedMs < (isUrgent ? URGENT_CHECK_MS : CHECK_MS)) return false;
    const found = this.read();
    if (found === undefined) return false;
    const { completed, inFlight } = found;
    const hasWorked = this.completed >= 0 && completed !== this.completed;
    if (hasWorked || inFlight === 0) this.idleSinceMs = 0;
    else if (this.idleSinceMs === 0) this.idleSinceMs = now;
    const isRecent = now - this.countedMs < MAX_AGE_MS;
    this.completed = completed;
    this.countedMs = now;
    return hasWorked && isRecent;
  }

  /** Requests are under way and none of them has been completed for a while. */
  isStalled(now: number): boolean {
    return this.idleSinceMs > 0 && now - this.idleSinceMs >= CHECK_MS;
  }

  private read(): { completed: number; inFlight: number } | undefined {
    try {
      const fields = readFileSync(`${this.directory}/stat`, "latin1").trim().split(/\s+/).map(Number);
      const completed = (fields[READS_COMPLETED] ?? 0) + (fields[WRITES_COMPLETED] ?? 0);
      return { completed, inFlight: fields[IN_FLIGHT] ?? 0 };
    } catch {
      return undefined;
    }
  }
}
