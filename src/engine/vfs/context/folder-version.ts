// Whether names were added to a folder or removed from it since they were read, by its ctime.
import { emptyStatx, statFd } from "../../../linux/stat.ts";

/** The kernel's clock for ctime moves every 1 to 10 ms: later changes of a folder get another ctime. */
const SETTLED_MS = 50;

const facts = emptyStatx();

export class FolderVersion {
  private readonly seconds: number;
  private readonly nanoseconds: number;
  private readonly isSettled: boolean;

  /** Of an open directory, before its names are read. */
  constructor(directory: number) {
    const isKnown = statFd(directory, facts) === 0;
    this.seconds = facts.changeSeconds;
    this.nanoseconds = facts.changeNanoseconds;
    const ageMs = Date.now() - this.seconds * 1000 - this.nanoseconds / 1_000_000;
    // Disks of Windows store seconds, or times of files only.
    this.isSettled = isKnown && this.nanoseconds !== 0 && ageMs > SETTLED_MS;
  }

  /** False where that is unknown, too. */
  isUnchanged(directory: number): boolean {
    if (!this.isSettled || statFd(directory, facts) < 0) return false;
    return facts.changeSeconds === this.seconds && facts.changeNanoseconds === this.nanoseconds;
  }
}
