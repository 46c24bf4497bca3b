// What of a directory's statx tells whether its names, once read, are still right.
import type { Statx } from "../../../linux/stat.ts";

/** A change within the same tick of the file system's clock does not change the times. */
const FINE_TICK_MS = 20;
// FAT has a resolution of two seconds, ext3 of one.
const COARSE_TICK_MS = 2_000;

/** Identifies the directory. */
export function keyOf(of: Statx): string {
  return `${of.deviceMajor}:${of.deviceMinor}:${of.inodeHigh}:${of.inodeLow}`;
}

/** Differs after a change of the directory, unless the times were racy. */
export function timestampsOf(of: Statx): string {
  return `${of.modifySeconds}.${of.modifyNanoseconds}.${of.changeSeconds}.${of.changeNanoseconds}`;
}

function changedMs(of: Statx): number {
  return of.changeSeconds * 1000 + of.changeNanoseconds / 1e6;
}

/** The directory's times are so recent that a later change may not change them. */
export function isRacyNow(of: Statx): boolean {
  return Date.now() - changedMs(of) < tickMs(of);
}

function tickMs(of: Statx): number {
  return of.changeNanoseconds === 0 && of.modifyNanoseconds === 0 ? COARSE_TICK_MS : FINE_TICK_MS;
}
