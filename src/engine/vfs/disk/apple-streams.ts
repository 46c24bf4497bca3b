// What macOS wants of a file's named values: resource fork, Finder information, and whether there are
// streams.
import { Errno } from "../../../linux/errno.ts";
import { closeFd } from "../../../linux/open.ts";
import type { Statx } from "../../../linux/stat.ts";
import { openCompanion, readFinderInfo } from "../appledouble/companion.ts";
import type { ShareContext } from "../context/share-context.ts";
import { isBlankFinderInfo } from "../format/afp-info.ts";
import { AFP_INFO_KEY, AFP_RESOURCE_KEY, finderInfoOfValue } from "../format/apple-facts.ts";
import { extentKey, MAX_EXTENTS, STREAM_PREFIX } from "../format/value-names.ts";
import type { AppleFacts } from "../listed.ts";
import { type OpenEntry, pointerName, readEntryValue } from "../sidecar/entry.ts";
import { isFailure } from "../store.ts";
import { type ValueSize, ValuePlace } from "../value-store.ts";
import { bytesOf, isAbsent } from "../values/apple-values.ts";
import { measureNamedValues } from "../values/large-values.ts";
import { findSpelling } from "../values/listed-xattrs.ts";
import { getNamedValue, listNamedValues } from "../values/named-values.ts";

/** AFP_AfpInfo has 60 bytes: a longer value is none. */
const MAX_INFO_BYTES = 64;
const STREAM_POINTER_PREFIX = pointerName(STREAM_PREFIX);

/** Of a sidecar's entry. */
export type SidecarAppleValues = Readonly<Pick<AppleFacts, "resourceBytes" | "finderInfo" | "hasStreams">>;

export const NO_APPLE_VALUES: SidecarAppleValues = {
  resourceBytes: 0,
  finderInfo: undefined,
  hasStreams: false,
};

/**
 * Reads them from an open entry of a sidecar; undefined where there is a resource fork, which must be
 * measured.
 */
export function readAppleValues(entry: OpenEntry): SidecarAppleValues | undefined {
  const names = [...entry.table.extents.keys()];
  if (names.some((name) => name.startsWith(STREAM_POINTER_PREFIX))) return undefined;
  const hasStreams = names.some((name) => name.startsWith(STREAM_PREFIX));
  if (!hasStreams) return NO_APPLE_VALUES;
  const info = findSpelling(names, AFP_INFO_KEY);
  const resource = findSpelling(names, AFP_RESOURCE_KEY);
  // How its size follows from that of the value depends on its last byte.
  if (resource !== undefined) return undefined;
  const value = info === undefined ? undefined : readShortValue(entry, info);
  return {
    resourceBytes: 0,
    finderInfo: value === undefined ? undefined : finderInfoOfValue(value),
    hasStreams,
  };
}

function readShortValue(entry: OpenEntry, name: string): Uint8Array | undefined {
  const { length } = entry.table.extents.get(name) ?? { length: 0 };
  return length > MAX_INFO_BYTES ? undefined : readEntryValue(entry, name);
}

/** Reads them by a descriptor of the file (O_PATH); `path` is its on-disk path. Runs as the server. */
export function fillAppleValues(context: ShareContext, fd: number, path: string, out: AppleFacts): void {
  if (!context.grant.streams) return;
  const names = listNamedValues(context, fd, path);
  // Unknown is not "none": macOS would not ask for the streams.
  out.hasStreams = typeof names === "number" || names.some((name) => name.startsWith(STREAM_PREFIX));
  if (typeof names === "number") return;
  const info = findSpelling(names, AFP_INFO_KEY);
  if (info !== undefined) {
    const value = getNamedValue(context, fd, path, info);
    if (typeof value === "object") out.finderInfo = finderInfoOfValue(value);
  }
  const resource = findSpelling(names, AFP_RESOURCE_KEY);
  if (resource !== undefined) out.resourceBytes = sizeOfStream(context, fd, path, resource);
}

/**
 * The same from the AppleDouble file of the entry `name` of an open directory, with one open: for an entry
 * that has neither stored streams nor netatalk's attribute, which would count instead.
 */
export function fillFromCompanion(
  context: ShareContext,
  directory: number,
  name: string,
  stat: Statx,
  out: AppleFacts,
): void {
  const companion = openCompanion(directory, name, stat, context.identity);
  if (typeof companion === "number") {
    // Unknown is not "none", as above.
    out.hasStreams = !isAbsent(companion);
    return;
  }
  const { fork, attributes } = companion.double;
  const info = readFinderInfo(companion);
  const finderInfo = typeof info === "number" || isBlankFinderInfo(info) ? undefined : info;
  const forkBytes = bytesOf(context, companion, { kind: "fork" });
  closeFd(companion.fd);
  out.finderInfo = finderInfo;
  out.resourceBytes = isFailure(forkBytes) ? 0 : forkBytes;
  out.hasStreams = fork !== undefined || attributes.length > 0 || finderInfo !== undefined;
}

/** As the stream's own size; 0 where it cannot be measured. */
function sizeOfStream(context: ShareContext, fd: number, path: string, key: string): number {
  const sizes = measureNamedValues(context, fd, path, [key]);
  const size = typeof sizes === "number" ? sizes : (sizes[0] ?? -Errno.ENODATA);
  if (typeof size === "number") return 0;
  const { bytes, last, place } = size;
  if (place === ValuePlace.FILE || last < 0) return bytes;
  if (last === 0) return context.grant.streamForm === "ksmbd" ? bytes : bytes - 1;
  if (last > MAX_EXTENTS) return bytes;
  const parts = extents(context, fd, path, key, last);
  // Without a continuation value the last byte is data.
  return parts.length === 0 ? bytes : parts.reduce((sum, part) => sum + part.bytes, bytes - 1);
}

/** The continuation values up to the first that is missing. */
function extents(context: ShareContext, fd: number, path: string, key: string, count: number): ValueSize[] {
  const names = Array.from({ length: count }, (_, i) => extentKey(key, i + 1));
  const sizes = measureNamedValues(context, fd, path, names);
  if (typeof sizes === "number") return [];
  const end = sizes.findIndex((size) => typeof size === "number");
  return sizes.slice(0, end < 0 ? sizes.length : end).filter((size) => typeof size === "object");
}
