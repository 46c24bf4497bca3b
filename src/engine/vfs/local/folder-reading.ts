// Reads large directories in steps, so that no directory keeps the event loop or a worker, and answers
// look-ups from them. Look-ups that need the same directory share a reading.
import { turns } from "../../turns.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { DirectoryCache, FolderAnswer, UnreadFolder } from "../context/directory-cache.ts";
import { type NameHashes, NameTable } from "../context/name-table.ts";
import type { ShareNames } from "../name/share-names.ts";
import type { NameBatch } from "../disk/listing.ts";
import type { Failure } from "../store.ts";

/** Milliseconds of work between two turns of the event loop. */
const STEP_MS = 3;
const NAMES_PER_CHECK = 64;

/** What a reading uses of a share's disk. */
export interface FolderDisk {
  readonly directories: DirectoryCache;
  readonly names: ShareNames;
  /** The kernel reports changes of its directories. */
  readonly isWatchable: boolean;
  /** One getdents64(2) batch, at once or in a worker. */
  readNames(fd: number): MaybePromise<NameBatch | Failure>;
  closeFolder(fd: number): void;
}

type Reading = Promise<NameTable | Failure>;

/** The readings of one directory cache, by directory. `next` begins when `present` ends. */
type Readings = Map<string, { present: Reading; next: Reading | undefined }>;

const underWay = new WeakMap<DirectoryCache, Readings>();

/** Looks up the name that an operation needs, and closes the folder's descriptor. */
export async function answerFrom(disk: FolderDisk, folder: UnreadFolder): Promise<FolderAnswer | Failure> {
  const { key, name, isShort } = folder;
  const cached = disk.directories.validEntry(key, folder.timestamps)?.names;
  const known = isShort ? undefined : cached?.find(name);
  if (known !== undefined) {
    disk.closeFolder(folder.unread);
    return { key, name, isShort, names: known };
  }
  const names = await namesOf(disk, folder, cached);
  if (typeof names === "number") return names;
  if (!isShort) return { key, name, isShort, names: names.find(name) };
  const rules = disk.names.shortNames;
  while (!names.prepareShort(rules, STEP_MS)) await turns.next();
  const found = names.findShort(name);
  return { key, name, isShort, names: found === undefined ? [] : [found] };
}

function namesOf(
  disk: FolderDisk,
  folder: UnreadFolder,
  cached: NameTable | NameHashes | undefined,
): MaybePromise<NameTable | Failure> {
  const { key, unread: fd } = folder;
  const { directories } = disk;
  if (cached instanceof NameTable) {
    disk.closeFolder(fd);
    return cached;
  }
  let readings = underWay.get(directories);
  if (readings === undefined) underWay.set(directories, (readings = new Map()));
  const before = readings.get(key);
  if (before === undefined) return begin(disk, folder, readings);
  if (directories.isWatched(key)) {
    disk.closeFolder(fd);
    return before.present;
  }
  // The present reading may have passed the place of a name that was made since: it needs another one.
  if (before.next !== undefined) {
    disk.closeFolder(fd);
    return before.next;
  }
  const inTurn = readings;
  before.next = before.present.then(() => begin(disk, folder, inTurn));
  return before.next;
}

function begin(disk: FolderDisk, folder: UnreadFolder, readings: Readings): Reading {
  const { key, unread: fd } = folder;
  const present = read(disk, folder).finally(() => {
    if (readings.get(key)?.present === present) readings.delete(key);
    disk.closeFolder(fd);
  });
  readings.set(key, { present, next: undefined });
  return present;
}

async function read(disk: FolderDisk, folder: UnreadFolder): Promise<NameTable | Failure> {
  const { unread: fd } = folder;
  const { directories } = disk;
  const entry = directories.beginReading(folder, disk.isWatchable ? fd : -1);
  let isComplete = false;
  let hashes: NameHashes | undefined;
  try {
    let stepMs = performance.now();
    const mayEndTurn = async (): Promise<void> => {
      if (performance.now() - stepMs < STEP_MS) return;
      await turns.next();
      stepMs = performance.now();
    };
    while (!isComplete) {
      const batch = await disk.readNames(fd);
      if (typeof batch === "number") return batch;
      for (const [at, name] of batch.names.entries()) {
        entry.names.add(name);
        if (at % NAMES_PER_CHECK === 0) await mayEndTurn();
      }
      isComplete = batch.isEnd;
    }
    if (directories.isTooLarge(entry)) {
      const copy = entry.names.hashes();
      let step = copy.next();
      for (; step.done !== true; step = copy.next()) await mayEndTurn();
      hashes = step.value;
    }
    return entry.names;
  } finally {
    directories.endReading(entry, isComplete, hashes);
  }
}
