// Removes entries of a sidecar whose file was removed or renamed by a program that does not know sidecars.
import { Errno } from "../../../linux/errno.ts";
import { eachName } from "../../../linux/dir.ts";
import { unlinkAt } from "../../../linux/directory-entries.ts";
import { emptyStatx, statAt } from "../../../linux/stat.ts";
import { isTemporaryEntry, subjectOfEntry } from "./entry-name.ts";

const entryStat = emptyStatx();

/** Every so many new entries, on average, orphans are searched for, so that writing a value stays cheap. */
const SWEEP_ONE_IN = 64;
const MAX_SWEPT = 4096;

/** Younger entries stay: a program may remove a file and create it anew. */
const ORPHAN_AGE_SECONDS = 3600;

export function sweepAtRandom(folder: number, sidecar: number): void {
  if (Math.random() * SWEEP_ONE_IN >= 1) return;
  removeOrphans(folder, sidecar, Date.now() / 1000);
}

/**
 * Removes entries without a file and temporary files of a killed server, if older than ORPHAN_AGE_SECONDS.
 */
export function removeOrphans(folder: number, sidecar: number, nowSeconds: number): void {
  const orphans: string[] = [];
  let left = MAX_SWEPT;
  eachName(sidecar, (entry) => {
    const subject = subjectOfEntry(entry);
    const isOrphan =
      isTemporaryEntry(entry) ||
      (subject !== undefined && subject !== "" && statAt(folder, subject, entryStat) === -Errno.ENOENT);
    if (isOrphan) orphans.push(entry);
    return --left > 0;
  });
  for (const entry of orphans) {
    if (statAt(sidecar, entry, entryStat) < 0) continue;
    if (nowSeconds - entryStat.changeSeconds > ORPHAN_AGE_SECONDS) unlinkAt(sidecar, entry, false);
  }
}
