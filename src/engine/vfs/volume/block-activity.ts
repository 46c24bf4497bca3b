// Tells from the kernel's I/O statistics whether a disk is spinning: requests completed and in flight. See
// Documentation/block/stat.rst and queue/rotational in /sys. An answer from the page cache says nothing of
// the disk.
import { readFileSync } from "node:fs";

// The statistics are read at most this often: it takes 50 µs and more.
const CHECK_MS = 100;
const URGENT_CHECK_MS = 25;
/** A difference to older counts does not show that the disk has worked lately. */
const MAX_AGE_MS = 5_000;

// Fields of /sys/block/*/stat.
const READS_COMPLETED = 0;
const WRITES_COMPLETED = 4;
const IN_FLIGHT = 8;

export class BlockActivity {
  private readonly directory: string;
  private completed = -1;
  private countedMs = Number.NEGATIVE_INFINITY;
  /** Since when requests are in flight and none has been completed; 0 where that is not so. */
  private stalledSinceMs = 0;

  /** `directory` is the device's directory in /sys. */
  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Returns undefined where the number is not a block device's, or /sys is missing. */
  static of(device: number): BlockActivity | undefined {
    const activity = new BlockActivity(
      `/sys/dev/block/${Math.floor(device / 0x10_0000)}:${device % 0x10_0000}`,
    );
    return activity.read() === undefined ? undefined : activity;
  }

  /** The device file, which only root may read; "" where it is unknown. */
  get deviceFile(): string {
    try {
      const name = /^DEVNAME=(.+)$/m.exec(readFileSync(`${this.directory}/uevent`, "latin1"))?.[1];
      return name === undefined ? "" : `/dev/${name}`;
    } catch {
      return "";
    }
  }

  /** False for flash; true where the kernel does not say. */
  canSpinDown(): boolean {
    for (const queue of ["queue", "../queue"]) {
      try {
        return readFileSync(`${this.directory}/${queue}/rotational`, "latin1").trim() !== "0";
      } catch {
        // A partition has no queue: it is one directory up, at the whole disk.
      }
    }
    return true;
  }

  /**
   * Reads the statistics if they are due, sooner with `isUrgent`. True where the disk has completed requests
   * lately.
   */
  check(now: number, isUrgent: boolean): boolean {
    if (now - this.countedMs < (isUrgent ? URGENT_CHECK_MS : CHECK_MS)) return false;
    const found = this.read();
    if (found === undefined) return false;
    const { completed, inFlight } = found;
    const hasWorked = this.completed >= 0 && completed !== this.completed;
    if (hasWorked || inFlight === 0) this.stalledSinceMs = 0;
    else if (this.stalledSinceMs === 0) this.stalledSinceMs = now;
    const isRecent = now - this.countedMs < MAX_AGE_MS;
    this.completed = completed;
    this.countedMs = now;
    return hasWorked && isRecent;
  }

  /** True where requests are in flight and none has been completed for `CHECK_MS`. */
  isStalled(now: number): boolean {
    return this.stalledSinceMs > 0 && now - this.stalledSinceMs >= CHECK_MS;
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
