// Changes of the resource fork of an AppleDouble file in place, as of a file of its own, in workers. The
// entry's length grows after the data is there, and shrinks before it goes.
import { Errno } from "../../../linux/errno.ts";
import { truncateFd, writePlain } from "../../../linux/io.ts";
import { writeRange, zeroRange } from "../context/data-range.ts";
import type { AppleEntry } from "../format/apple-double.ts";
import { type Count, type Failure, isFailure } from "../store.ts";
import type { Companion } from "./companion.ts";

const LENGTH_IN_ENTRY = 8;

/** The resource fork where it can grow in place: nothing that is in use follows it. */
export function growingFork({ double }: Companion): AppleEntry | undefined {
  const { fork, entries } = double;
  if (fork === undefined || fork.offset === 0) return undefined;
  const isLast = entries.every(
    ({ offset, length }) => length === 0 || offset + length <= fork.offset + fork.length,
  );
  return isLast ? fork : undefined;
}

/** Writes a range of the fork from memory; returns `length`. */
export function writeFork(
  companion: Companion,
  fork: AppleEntry,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  const failure = offset > fork.length ? cutBehind(companion, fork) : 0;
  if (failure < 0) return failure;
  const written = writeRange(companion.fd, address, length, fork.offset + offset);
  if (isFailure(written) || offset + length <= fork.length) return written;
  const grown = setLength(companion, fork, offset + length);
  return grown < 0 ? grown : written;
}

export function truncateFork(companion: Companion, fork: AppleEntry, size: number): 0 | Failure {
  const { fd } = companion;
  if (size < fork.length) {
    const failure = setLength(companion, fork, size);
    if (failure < 0) return failure;
    return resize(fd, fork.offset + size);
  }
  const cut = cutBehind(companion, fork);
  const failure = cut < 0 ? cut : resize(fd, fork.offset + size);
  return failure < 0 ? failure : setLength(companion, fork, size);
}

export function zeroFork(
  { fd }: Companion,
  fork: AppleEntry,
  offset: number,
  length: number,
): Count | Failure {
  const count = Math.min(length, fork.length - offset);
  return count <= 0 ? 0 : zeroRange(fd, fork.offset + offset, count, false);
}

/** What an earlier end of the fork has left behind it must not become its data. */
function cutBehind({ fd, bytes }: Companion, { offset, length }: AppleEntry): 0 | Failure {
  return bytes > offset + length ? resize(fd, offset + length) : 0;
}

function resize(fd: number, size: number): 0 | Failure {
  const failure = truncateFd(fd, size);
  return failure < 0 ? failure : 0;
}

function setLength({ fd }: Companion, { at }: AppleEntry, length: number): 0 | Failure {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  const count = writePlain(fd, bytes, 0, bytes.length, at + LENGTH_IN_ENTRY);
  if (count < 0) return count;
  return count === bytes.length ? 0 : -Errno.EIO;
}
