// Reads and writes of an open file's data, of which a worker that does nothing else needs only this module.
// Buffers are passed by address: the event loop owns them, and keeps them until the worker has answered.
import { readToAddress } from "../../../linux/io.ts";
import { writeRange } from "../context/data-range.ts";
import type { Count, Failure } from "../store.ts";

/** Reads until `length` bytes or the end of the file; returns the number of bytes read. */
export function readData(
  _: unknown,
  fd: number,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  let done = 0;
  while (done < length) {
    const count = readToAddress(fd, address + done, length - done, offset + done);
    if (count < 0) return count;
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Writes all bytes; returns `length`. */
export function writeData(
  _: unknown,
  fd: number,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  return writeRange(fd, address, length, offset);
}
