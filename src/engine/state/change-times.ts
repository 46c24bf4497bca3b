// ChangeTime as clients have set it: no Linux file system takes it from anybody, so it is remembered here for as long
// as the file is not changed. [MS-FSA] 2.1.5.15.2, [MS-FSCC] 2.4.7.
import type { Time } from "../../wire/filetime.ts";

/** What is said of a file, as the disk tells it or corrected by `apply`. */
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
  /** The disk's ctime: another one says that the file was changed since. */
  readonly diskSeconds: number;
  readonly diskNanoseconds: number;
  readonly time: Time;
}

/** More than this many are not remembered: the oldest goes. */
const MAX_REMEMBERED = 4096;

export class ChangeTimes {
  /** By the low half of the inode number: two files that share it push each other out. */
  private readonly files = new Map<number, Remembered>();

  get count(): number {
    return this.files.size;
  }

  /** `stat` is what the disk says right now; from here on its ChangeTime is `time`. */
  note(stat: Changed, time: Time): void {
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

  /** Puts the time that a client has set in place of the disk's, and forgets it where the file was changed since. */
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
