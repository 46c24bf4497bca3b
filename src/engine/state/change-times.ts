// ChangeTimes that clients have set, or that the server must not move. Linux has no call to set ctime, so
// they are kept in memory until the file changes. [MS-FSA] 2.1.5.15.2, [MS-FSCC] 2.4.7.
import type { Time } from "../../wire/filetime.ts";

/** The identity and change time of a file, from the disk or as replaced by `apply`. */
interface Changed {
  readonly device: number;
  readonly inodeLow: number;
  readonly inodeHigh: number;
  changeSeconds: number;
  changeNanoseconds: number;
}

interface Remembered {
  readonly device: number;
  readonly inodeHigh: number;
  /** The disk's ctime when the client set the time; another ctime means that the file has changed. */
  readonly diskSeconds: number;
  readonly diskNanoseconds: number;
  readonly time: Time;
}

/** Beyond this many the oldest is dropped. */
const MAX_REMEMBERED = 4096;

export class ChangeTimes {
  /** By the low half of the inode number: of two files that share it, the later one stays. */
  private readonly files = new Map<number, Remembered>();

  get count(): number {
    return this.files.size;
  }

  /** Sets the ChangeTime of a file to `time`. `stat` is its current state on disk. */
  remember(stat: Changed, time: Time): void {
    this.files.delete(stat.inodeLow);
    this.files.set(stat.inodeLow, {
      device: stat.device,
      inodeHigh: stat.inodeHigh,
      diskSeconds: stat.changeSeconds,
      diskNanoseconds: stat.changeNanoseconds,
      time,
    });
    if (this.files.size <= MAX_REMEMBERED) return;
    for (const oldest of this.files.keys()) {
      this.files.delete(oldest);
      break;
    }
  }

  /**
   * The server has moved a file's ctime from `before` to `after` by something that clients do not see: they
   * see the time before it.
   */
  hold(before: Readonly<Changed>, after: Readonly<Changed>): void {
    const shown = { ...before };
    this.apply(shown);
    this.remember(after, { seconds: shown.changeSeconds, nanoseconds: shown.changeNanoseconds });
  }

  /** Replaces the ctime in `stat` by the time that a client has set, unless the file has changed since. */
  apply(stat: Changed): void {
    if (this.files.size === 0) return;
    const known = this.files.get(stat.inodeLow);
    if (known === undefined || known.device !== stat.device || known.inodeHigh !== stat.inodeHigh) return;
    const { time } = known;
    if (stat.changeSeconds === known.diskSeconds && stat.changeNanoseconds === known.diskNanoseconds) {
      stat.changeSeconds = time.seconds;
      stat.changeNanoseconds = time.nanoseconds;
    } else if (stat.changeSeconds !== time.seconds || stat.changeNanoseconds !== time.nanoseconds) {
      this.files.delete(stat.inodeLow);
    }
  }
}
