// Values of a sidecar in parts: where the bytes of a value are, whether in the entry or in a data file, and
// values that get a data file. All functions run as the server.
import { Errno } from "../../../linux/errno.ts";
import { readPlain, syncFd } from "../../../linux/io.ts";
import { Open, closeFd } from "../../../linux/open.ts";
import { type Count, type Failure, isFailure } from "../store.ts";
import { ValuePlace, type ValueSize } from "../value-store.ts";
import {
  DATA_START,
  createDataFile,
  dataBytes,
  encodePointer,
  openDataFile,
  removeDataFile,
} from "./data-file.ts";
import { type OpenEntry, type Subject, pointerIn, pointerName } from "./entry.ts";
import { changeValues, openSidecar, tryEntryOf } from "./folder.ts";
import { sweepDataAtRandom } from "./orphans.ts";

/** A value as a range of an open file; the caller closes `fd`. */
export interface ValueRange {
  readonly fd: number;
  readonly start: number;
  readonly bytes: Count;
  readonly isFile: boolean;
}

/** Opens a value, its data file with the mode `access`; -ENODATA where there is none. */
export function openSidecarValue(
  folder: number,
  subject: Subject,
  name: string,
  access: number,
): ValueRange | Failure {
  return withEntry<ValueRange | Failure>(folder, subject, (sidecar, entry) => {
    const range = rangeOf(sidecar, entry, name, access);
    if (typeof range === "number" || range.isFile) closeFd(entry.fd);
    return range;
  });
}

/** Calls `action` with the sidecar and the open entry, which it closes. */
function withEntry<T>(
  folder: number,
  subject: Subject,
  action: (sidecar: number, entry: OpenEntry) => T,
): T | Failure {
  const sidecar = openSidecar(folder);
  if (sidecar < 0) return sidecar === -Errno.ENOENT ? -Errno.ENODATA : sidecar;
  try {
    const entry = tryEntryOf(folder, sidecar, subject);
    return typeof entry === "object" ? action(sidecar, entry) : (entry ?? -Errno.ENODATA);
  } finally {
    closeFd(sidecar);
  }
}

/** A value in the entry counts before a data file: it was set later. */
function rangeOf(sidecar: number, entry: OpenEntry, name: string, access: number): ValueRange | Failure {
  const extent = entry.table.extents.get(name);
  if (extent !== undefined) {
    const { offset, length } = extent;
    return { fd: entry.fd, start: offset, bytes: length, isFile: false };
  }
  const pointer = pointerIn(entry, name);
  if (pointer === undefined) return -Errno.ENODATA;
  const fd = openDataFile(sidecar, pointer, entry.uid, access);
  if (fd < 0) return fd;
  const bytes = dataBytes(fd);
  if (!isFailure(bytes)) return { fd, start: DATA_START, bytes, isFile: true };
  closeFd(fd);
  return bytes;
}

const oneByte = new Uint8Array(1);

/** The sizes of values, in the order of `names`; -ENODATA in the place of one that does not exist. */
export function measureSidecarValues(
  folder: number,
  subject: Subject,
  names: readonly string[],
): (ValueSize | Failure)[] | Failure {
  return withEntry<(ValueSize | Failure)[]>(folder, subject, (sidecar, entry) => {
    const sizes = names.map((name) => {
      const range = rangeOf(sidecar, entry, name, Open.RDONLY);
      if (typeof range === "number") return range;
      const size = sizeOf(range);
      if (range.isFile) closeFd(range.fd);
      return size;
    });
    closeFd(entry.fd);
    return sizes;
  });
}

function sizeOf({ fd, start, bytes, isFile }: ValueRange): ValueSize | Failure {
  if (isFile) return { bytes, last: -1, place: ValuePlace.FILE };
  if (bytes === 0) return { bytes, last: -1, place: ValuePlace.ENTRY };
  const count = readPlain(fd, oneByte, 0, 1, start + bytes - 1);
  if (count < 0) return count;
  return { bytes, last: oneByte[0] ?? 0, place: ValuePlace.ENTRY };
}

/**
 * Gives a value a data file with what `fill` writes to it from DATA_START on; both are on disk before it
 * returns. On failure the old value is still there. For workers.
 */
export function storeInDataFile(
  folder: number,
  subject: Subject,
  name: string,
  fill: (fd: number) => 0 | Failure,
  isValid?: (name: string) => boolean,
): 0 | Failure {
  return changeValues(folder, subject, isValid, (values, sidecar) => {
    sweepDataAtRandom(sidecar);
    const made = createDataFile(sidecar);
    if (typeof made === "number") return made;
    let failure = fill(made.fd);
    if (failure === 0) failure = syncFd(made.fd);
    const closed = closeFd(made.fd);
    if (failure === 0 && closed < 0) failure = closed;
    if (failure < 0) {
      removeDataFile(sidecar, made.pointer);
      return failure;
    }
    values.delete(name);
    values.set(pointerName(name), encodePointer(made.pointer));
    return 0;
  });
}

/** Renames a value, which replaces one of the new name; -ENODATA where there is none. For workers. */
export function renameSidecarValue(
  folder: number,
  subject: Subject,
  name: string,
  newName: string,
): 0 | Failure {
  return changeValues(folder, subject, undefined, (values) => {
    const value = values.get(name);
    const pointer = values.get(pointerName(name));
    if (value === undefined && pointer === undefined) return -Errno.ENODATA;
    for (const one of [name, newName]) {
      values.delete(one);
      values.delete(pointerName(one));
    }
    if (value !== undefined) values.set(newName, value);
    else if (pointer !== undefined) values.set(pointerName(newName), pointer);
    return 0;
  });
}
