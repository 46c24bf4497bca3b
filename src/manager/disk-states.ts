// Explains disks that cannot be written to or have errors: asks the disk in a worker, and logs the answer,
// once in a while for each disk.
import { currentMounts, type Mount, mountOf } from "../linux/mountinfo.ts";
import { askFacts } from "./volumes/mount-facts.ts";
import { describeState, isReadOnly } from "./volumes/state-words.ts";

const TIMEOUT_MS = 5_000;
/** Between two lines about one disk. */
const QUIET_MS = 600_000;
const MAX_DISKS = 256;

export class DiskStates {
  private readonly warn: (text: string) => void;
  private readonly now: () => number;
  /** When a line about a mount was written, by its number. */
  private readonly writtenMs = new Map<number, number>();

  constructor(warn: (text: string) => void, now: () => number = () => performance.now()) {
    this.warn = warn;
    this.now = now;
  }

  /** A client could not write to the share's directory, because its disk is read-only. */
  async refusedToWrite(share: string, path: string): Promise<void> {
    const mount = mountOf(currentMounts(), path);
    if (mount === undefined || !this.isDue(mount)) return;
    const words = (await describeMount(mount)) ?? "it refuses to be written to";
    this.warn(`share [${share}]: nothing can be written to its disk ${mount.source}: ${words}`);
  }

  private isDue({ mountId }: Mount): boolean {
    const now = this.now();
    const before = this.writtenMs.get(mountId);
    if (before !== undefined && now - before < QUIET_MS) return false;
    if (this.writtenMs.size >= MAX_DISKS) this.writtenMs.clear();
    this.writtenMs.set(mountId, now);
    return true;
  }
}

/** Undefined for a disk that can be written to and says nothing of damage. */
export async function describeMount(mount: Mount): Promise<string | undefined> {
  if (!mount.source.startsWith("/dev/"))
    return isReadOnly(mount) ? `it is mounted read-only: mount -o remount,rw ${mount.mountPoint}` : undefined;
  const facts = await askFacts(mount, TIMEOUT_MS);
  return facts && describeState(mount, facts);
}
