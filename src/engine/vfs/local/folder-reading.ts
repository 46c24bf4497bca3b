// Reads large directories in steps, so that no directory keeps the event loop or a worker, and answers
// look-ups from them. Look-ups that need the same directory share a reading.
import { turns } from "../../turns.ts";
import type { MaybePromise } from "../../../port/port.ts";
import type { DirectoryCache } from "../context/directory-cache.ts";
import type { FolderAnswer, UnreadFolder } from "../context/unread-folder.ts";
import { NameTable } from "../context/name-table.ts";
import type { NamesRead, Sought } from "../context/names-read.ts";
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

interface Reading {
  readonly names: NamesRead;
  /** Ends with 0 when all names have been read. */
  readonly end: Promise<0 | Failure>;
}

interface NextReading {
  /** What it has to look for from its begin. */
  readonly sought: Sought[];
  readonly begun: Promise<Reading>;
}

/** The readings of one directory cache, by directory. `next` begins when `present` ends. */
type Readings = Map<string, { readonly present: Reading; next: NextReading | undefined }>;

const underWay = new WeakMap<DirectoryCache, Readings>();

/** Looks up the name that an operation needs, and closes the folder's descriptor. */
export async function answerFrom(disk: FolderDisk, folder: UnreadFolder): Promise<FolderAnswer | Failure> {
  const { key, name, isShort } = folder;
  const rules = isShort ? disk.names.shortNames : undefined;
  const sought: Sought = { name, rules };
  let table = disk.directories.validEntry(key, folder.timestamps)?.names;
  let names = isShort ? undefined : table?.find(name);
  if (names !== undefined || table instanceof NameTable) {
    disk.closeFolder(folder.unread);
  } else {
    const reading = await joinReading(disk, folder, sought);
    const failure = await reading.end;
    if (failure !== 0) return failure;
    table = reading.names.kept;
    names = reading.names.find(sought);
  }
  if (rules !== undefined && table instanceof NameTable) {
    while (!table.prepareShort(rules, STEP_MS)) await turns.next();
    const found = table.findShort(name);
    names = found === undefined ? [] : [found];
  }
  return { key, name, isShort, names: names ?? [] };
}

/** The reading that finds what is sought: one that is under way, the next one, or a new one. */
function joinReading(disk: FolderDisk, folder: UnreadFolder, sought: Sought): MaybePromise<Reading> {
  const { key, unread: fd } = folder;
  const { directories } = disk;
  let readings = underWay.get(directories);
  if (readings === undefined) underWay.set(directories, (readings = new Map()));
  const before = readings.get(key);
  if (before === undefined) return begin(disk, folder, readings, [sought]);
  // It may have passed the place of a name that was made since, unless changes are reported.
  if (directories.isWatched(key) && before.present.names.want(sought)) {
    disk.closeFolder(fd);
    return before.present;
  }
  if (before.next !== undefined) {
    disk.closeFolder(fd);
    before.next.sought.push(sought);
    return before.next.begun;
  }
  const inTurn = readings;
  const all = [sought];
  const beginNext = (): Reading => begin(disk, folder, inTurn, all);
  const begun = before.present.end.then(beginNext, beginNext);
  before.next = { sought: all, begun };
  return begun;
}

function begin(disk: FolderDisk, folder: UnreadFolder, readings: Readings, all: readonly Sought[]): Reading {
  const { key, unread: fd } = folder;
  const { directories } = disk;
  const reading = directories.beginReading(folder, disk.isWatchable ? fd : -1);
  const { names } = reading;
  for (const sought of all) names.want(sought);
  let isComplete = false;
  const end = readAll(disk, fd, names)
    .then((failure) => {
      isComplete = failure === 0;
      return failure;
    })
    .finally(() => {
      const own = readings.get(key);
      if (own?.present === present && own.next === undefined) readings.delete(key);
      disk.closeFolder(fd);
      directories.endReading(reading, isComplete);
    });
  const present = { names, end };
  readings.set(key, { present, next: undefined });
  return present;
}

async function readAll(disk: FolderDisk, fd: number, names: NamesRead): Promise<0 | Failure> {
  let stepMs = performance.now();
  const mayEndTurn = async (): Promise<void> => {
    if (performance.now() - stepMs < STEP_MS) return;
    await turns.next();
    stepMs = performance.now();
  };
  for (;;) {
    const batch = await disk.readNames(fd);
    if (typeof batch === "number") return batch;
    for (const [at, name] of batch.names.entries()) {
      names.add(name);
      if (at % NAMES_PER_CHECK === 0) await mayEndTurn();
    }
    if (names.hasTooMany) {
      const steps = names.dropNames();
      while (steps.next().done !== true) await mayEndTurn();
    }
    if (batch.isEnd) return 0;
  }
}
