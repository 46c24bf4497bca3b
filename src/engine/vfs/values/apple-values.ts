// Streams of macOS in an AppleDouble file beside the object: AFP_AfpInfo is its Finder information,
// AFP_Resource its resource fork, others its attributes. What is stored as a stream counts instead, and for
// Finder information what netatalk has stored.
import { Errno } from "../../../linux/errno.ts";
import { readNowToAddress, readToAddress, syncFd } from "../../../linux/io.ts";
import { closeFd } from "../../../linux/open.ts";
import {
  type Companion,
  hasPlaceholder,
  openCompanion,
  readExtent,
  readFinderInfo,
} from "../appledouble/companion.ts";
import type { ShareContext } from "../context/share-context.ts";
import type { UserIdentity } from "../context/user-identity.ts";
import { AFP_INFO_BYTES, isBlankFinderInfo, makeAfpInfo } from "../format/afp-info.ts";
import type { Extent } from "../format/apple-double.ts";
import { NETATALK_METADATA } from "../format/netatalk-metadata.ts";
import { type AppleValue, appleValueOf, keyOfAppleValue } from "../format/apple-names.ts";
import { type Count, type Failure, isFailure } from "../store.ts";
import { ValuePlace, type ValueSize } from "../value-store.ts";
import { netatalkFinderInfo } from "./netatalk-values.ts";
import { besideObject } from "./in-sidecar.ts";

const ABSENT = -Errno.ENODATA;
/** Longer values, which only resource forks are, are read in parts. */
const MAX_WHOLE_BYTES = 4_194_304;

/** True for what an operation on the stored values returns where there is no such value. */
export function isAbsent(result: unknown): boolean {
  return result === -Errno.ENODATA || result === -Errno.ENOENT;
}

/** Calls `action` with the object's AppleDouble file; -ENODATA where it has none that `reader` may read. */
export function withCompanion<T>(
  context: ShareContext,
  fd: number,
  path: string,
  action: (companion: Companion) => T | Failure,
  reader: UserIdentity | null = context.identity,
): T | Failure {
  const result = besideObject<T | Failure>(context, fd, path, (folder, { name, stat }) => {
    const companion = openCompanion(folder, name, stat, reader);
    if (typeof companion === "number") return companion;
    try {
      return action(companion);
    } finally {
      closeFd(companion.fd);
    }
  });
  return result === -Errno.ENOENT ? ABSENT : result;
}

/** Where the value is in the file; undefined where it is not. */
export function extentOf({ double }: Companion, value: AppleValue): Extent | undefined {
  if (value.kind === "fork") return double.fork;
  if (value.kind === "info") return double.finderInfo;
  return double.attributes.find(({ name }) => name === value.name);
}

/** The bytes of a value, of which `info` counts as absent where there is no Finder information. */
export function bytesOf(context: ShareContext, companion: Companion, value: AppleValue): Count | Failure {
  const extent = extentOf(companion, value);
  if (extent === undefined) return ABSENT;
  if (value.kind === "info") {
    const finderInfo = readFinderInfo(companion);
    if (typeof finderInfo === "number") return finderInfo;
    return isBlankFinderInfo(finderInfo) ? ABSENT : AFP_INFO_BYTES;
  }
  const isWiped = value.kind === "fork" && context.grant.apple.wipesPlaceholder && hasPlaceholder(companion);
  return isWiped ? 0 : extent.length;
}

/** `stored`: the names of what is stored, which list netatalk's attribute. */
export function listAppleValues(
  context: ShareContext,
  fd: number,
  path: string,
  stored: readonly string[],
): string[] | Failure {
  if (!context.grant.streams) return [];
  const hasMetadata = stored.includes(NETATALK_METADATA) && netatalkFinderInfo(fd) !== undefined;
  const inFile = withCompanion(context, fd, path, (companion) => {
    const values: AppleValue[] = hasMetadata ? [{ kind: "fork" }] : [{ kind: "info" }, { kind: "fork" }];
    const there = values.filter((value) => !isFailure(bytesOf(context, companion, value)));
    const attributes = companion.double.attributes.map(({ name }) => ({ kind: "attribute", name }) as const);
    return [...there, ...attributes].map(keyOfAppleValue);
  });
  if (!hasMetadata || (typeof inFile === "number" && !isAbsent(inFile))) return inFile;
  return [keyOfAppleValue({ kind: "info" }), ...(typeof inFile === "number" ? [] : inFile)];
}

export function getAppleValue(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
): Uint8Array | Failure {
  const value = context.grant.streams ? appleValueOf(key) : undefined;
  if (value === undefined) return ABSENT;
  const finderInfo = value.kind === "info" ? netatalkFinderInfo(fd) : undefined;
  if (finderInfo !== undefined) return makeAfpInfo(finderInfo);
  return withCompanion(context, fd, path, (companion): Uint8Array | Failure => {
    const bytes = bytesOf(context, companion, value);
    const extent = extentOf(companion, value);
    if (isFailure(bytes) || extent === undefined) return isFailure(bytes) ? bytes : ABSENT;
    if (bytes > MAX_WHOLE_BYTES) return -Errno.EFBIG;
    const data = readExtent(companion.fd, {
      offset: extent.offset,
      length: value.kind === "fork" ? bytes : extent.length,
    });
    return typeof data === "number" || value.kind !== "info" ? data : makeAfpInfo(data);
  });
}

export function measureAppleValue(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
): ValueSize | Failure {
  const value = context.grant.streams ? appleValueOf(key) : undefined;
  if (value === undefined) return ABSENT;
  if (value.kind === "info" && netatalkFinderInfo(fd) !== undefined)
    return { bytes: AFP_INFO_BYTES, last: -1, place: ValuePlace.ENTRY };
  return withCompanion(context, fd, path, (companion): ValueSize | Failure => {
    const bytes = bytesOf(context, companion, value);
    const place = value.kind === "fork" ? ValuePlace.FILE : ValuePlace.ENTRY;
    return isFailure(bytes) ? bytes : { bytes, last: -1, place };
  });
}

/** `LargeValues.read` to an address; -EAGAIN on the event loop where the data is not in memory. */
export function readAppleValue(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  const value = context.grant.streams ? appleValueOf(key) : undefined;
  if (value === undefined || value.kind === "info") return ABSENT;
  return withCompanion(context, fd, path, (companion): Count | Failure => {
    const bytes = bytesOf(context, companion, value);
    const extent = extentOf(companion, value);
    if (isFailure(bytes) || extent === undefined) return isFailure(bytes) ? bytes : ABSENT;
    const wanted = Math.max(0, Math.min(length, bytes - offset));
    for (let done = 0; done < wanted;) {
      const at = extent.offset + offset + done;
      const read = context.isWorker ? readToAddress : readNowToAddress;
      const count = read(companion.fd, address + done, wanted - done, at);
      if (count < 0) return context.isWorker ? count : -Errno.EAGAIN;
      if (count === 0) return done;
      done += count;
    }
    return wanted;
  });
}

/** `LargeValues.flush`. */
export function flushAppleValue(context: ShareContext, fd: number, path: string): 0 | Failure {
  return withCompanion(context, fd, path, (companion): 0 | Failure => {
    const failure = syncFd(companion.fd);
    return failure < 0 ? failure : 0;
  });
}
