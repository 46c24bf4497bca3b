// Removes entries of a sidecar whose file was removed or renamed by a program that does not know sidecars.
import { Errno } from "../../../linux/errno.ts";
import { eachName } from "../../../linux/dir.ts";
import { unlinkAt } from "../../../linux/directory-entries.ts";
import { closeFd } from "../../../linux/open.ts";
import { emptyStatx, statAt } from "../../../linux/stat.ts";
import { openEntry, pointersIn } from "./entry.ts";
import { dataFileName, idOfDataFile, isTemporaryEntry, subjectOfEntry } from "./entry-name.ts";

const entryStat = emptyStatx();

/** Every so many new entries, on average, orphans are searched for, so that writing a value stays cheap. */
const SWEEP_ONE_IN = 16;
/**
 * The entries among which a sweep chooses, and those that it looks at. The event loop sweeps, too, and on FAT
 * each look at a missing file reads the folder.
 */
const MAX_SWEPT = 2048;
const MAX_LOOKS = 32;
/** The same for new data files and the search for those without an entry, which reads the entries. */
const SEARCH_ONE_IN = 64;
const MAX_SEARCHED = 4096;
/** The time for which a search for data files without an entry reads entries; it finds none then. */
const SEARCH_MS = 250;

/** Younger entries stay: a program may remove a file and create it anew. */
const ORPHAN_AGE_SECONDS = 3600;

export function sweepAtRandom(folder: number, sidecar: number): void {
  if (Math.random() * SWEEP_ONE_IN >= 1) return;
  removeOrphans(folder, sidecar, Date.now() / 1000);
}

/**
 * Removes entries without a file and temporary files of a killed server, if older than ORPHAN_AGE_SECONDS: of
 * a part of the entries that is chosen at random.
 */
export function removeOrphans(folder: number, sidecar: number, nowSeconds: number): void {
  const entries: string[] = [];
  eachName(sidecar, (entry) => entries.push(entry) < MAX_SWEPT);
  const first = Math.floor(Math.random() * Math.max(0, entries.length - MAX_LOOKS + 1));
  for (const entry of entries.slice(first, first + MAX_LOOKS)) {
    const subject = subjectOfEntry(entry);
    const isOrphan =
      isTemporaryEntry(entry) ||
      (subject !== undefined && subject !== "" && statAt(folder, subject, entryStat) === -Errno.ENOENT);
    if (!isOrphan) continue;
    if (statAt(sidecar, entry, entryStat) < 0) continue;
    if (nowSeconds - entryStat.changeSeconds > ORPHAN_AGE_SECONDS) unlinkAt(sidecar, entry, false);
  }
}

export function sweepDataAtRandom(sidecar: number): void {
  if (Math.random() * SEARCH_ONE_IN >= 1) return;
  removeOrphanData(sidecar, Date.now() / 1000);
}

/**
 * Removes data files that no entry names, if older than ORPHAN_AGE_SECONDS: a killed server leaves them, and
 * programs that do not know sidecars. None where the sidecar or an entry cannot be read: it may name them.
 */
export function removeOrphanData(sidecar: number, nowSeconds: number): void {
  const data = new Set<string>();
  const entries: string[] = [];
  const failure = eachName(sidecar, (name) => {
    const id = idOfDataFile(name);
    if (id === undefined) entries.push(name);
    else if (isOld(sidecar, name, nowSeconds)) data.add(name);
    return entries.length < MAX_SEARCHED;
  });
  if (failure < 0 || data.size === 0 || entries.length === MAX_SEARCHED) return;
  const untilMs = performance.now() + SEARCH_MS;
  for (const name of entries) {
    if (isTemporaryEntry(name)) continue;
    if (performance.now() > untilMs) return;
    const entry = openEntry(sidecar, name);
    if (entry === undefined) return;
    const pointers = pointersIn(entry);
    closeFd(entry.fd);
    if (pointers === undefined) return;
    for (const { pointer } of pointers) data.delete(dataFileName(pointer.id));
  }
  for (const name of data) unlinkAt(sidecar, name, false);
}

function isOld(sidecar: number, name: string, nowSeconds: number): boolean {
  return statAt(sidecar, name, entryStat) === 0 && nowSeconds - entryStat.changeSeconds > ORPHAN_AGE_SECONDS;
}
