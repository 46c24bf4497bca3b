// The table of all operations that may wait for a disk: synchronous functions `(context, ...plain data) =>
// plain data`, called on the event loop where that is safe, else in a volume's worker. A failure is a
// negative errno.
import { readLinkAt } from "../../../linux/directory-entries.ts";
import { lockRange } from "../../../linux/locks.ts";
import { closeFd } from "../../../linux/open.ts";
import { deviceNumbersOf } from "../../../linux/stat.ts";
import { createDirectoryAt, createFileAt } from "./create.ts";
import {
  allocateData,
  syncData,
  truncateData,
  cloneRangeOf,
  copyRangeOf,
  allocatedRangesOf,
  zeroRangeOf,
} from "./data.ts";
import {
  findNamed,
  isEmptyDirectory,
  mayListDirectory,
  openDirectoryStream,
  readNames,
  statNames,
} from "./listing.ts";
import { isHiddenAt } from "./hiding.ts";
import { findDfsLink, findPath } from "./lookup.ts";
import { linkObject, removeName, renamePath } from "./rename.ts";
import {
  flushValue,
  measureNamedValues,
  readValueAt,
  renameNamedValue,
  storeLargeValue,
  truncateValue,
  writeValueAt,
  zeroValueRange,
} from "../values/large-values.ts";
import { getNamedValue, listNamedValues, removeNamedValue, setNamedValue } from "../values/named-values.ts";
import {
  describeNode,
  openNode,
  markNodeForArchive,
  setNodeAttributes,
  setNodeMode,
  setNodeSparse,
  setNodeTimes,
  statNode,
} from "./node.ts";
import { readNodeDescriptor, readNodeRights, writeNodeSecurity } from "../values/security.ts";
import { readData, writeData } from "./transfer.ts";
import type { ShareContext } from "../context/share-context.ts";
import { openShareDirectory } from "./share-directory.ts";
import { listSnapshots, snapshotPathOfRoot } from "../snapshot/folder.ts";
import { replaceBySpecial } from "./special-file.ts";
import { probeDevice } from "./probe.ts";
import { countBackups } from "../volume-info/backup-bundles.ts";
import { volumeOf } from "../volume-info/volume-info.ts";
import { watchDirectory } from "./watch-directory.ts";

export const diskOperations = {
  allocatedRanges: allocatedRangesOf,
  cloneRange: cloneRangeOf,
  allocate: allocateData,
  close: (_: ShareContext, fd: number) => closeFd(fd),
  copyRange: copyRangeOf,
  countBackups,
  createDirectory: createDirectoryAt,
  createFile: createFileAt,
  describe: describeNode,
  deviceNumbers: (_: ShareContext, fd: number) => deviceNumbersOf(fd),
  find: findPath,
  findDfsLink,
  findNamed,
  flushValue,
  getValue: getNamedValue,
  isEmpty: isEmptyDirectory,
  isHidden: isHiddenAt,
  mayList: mayListDirectory,
  link: linkObject,
  listValues: listNamedValues,
  lockRange: (_: ShareContext, fd: number, type: number, offset: bigint, length: bigint) =>
    lockRange(fd, type, offset, length),
  measureValues: measureNamedValues,
  open: openNode,
  openShareDirectory,
  listSnapshots,
  openStream: openDirectoryStream,
  probe: probeDevice,
  snapshotPathOfRoot,
  readRights: readNodeRights,
  readData,
  readDescriptor: readNodeDescriptor,
  readLink: (_: ShareContext, fd: number) => readLinkAt(fd, ""),
  readNames,
  readValue: readValueAt,
  remove: removeName,
  removeValue: removeNamedValue,
  rename: renamePath,
  renameValue: renameNamedValue,
  replaceBySpecial,
  markForArchive: markNodeForArchive,
  setAttributes: setNodeAttributes,
  setMode: setNodeMode,
  setSparse: setNodeSparse,
  setTimes: setNodeTimes,
  setValue: setNamedValue,
  stat: statNode,
  statNames,
  storeValue: storeLargeValue,
  sync: syncData,
  truncate: truncateData,
  truncateValue,
  volume: volumeOf,
  watchDirectory,
  writeData,
  writeSecurity: writeNodeSecurity,
  writeValue: writeValueAt,
  zeroRange: zeroRangeOf,
  zeroValue: zeroValueRange,
};

type Operations = typeof diskOperations;

export type OperationName = keyof Operations;

export type OperationArgs<K extends OperationName> = Operations[K] extends (
  context: ShareContext,
  ...args: infer Args
) => unknown
  ? Args
  : never;

export type OperationResult<K extends OperationName> = ReturnType<Operations[K]>;

type Fields = Readonly<Record<string, unknown>>;

/** Operations that may take long on a healthy disk, so that their duration says nothing about its health. */
export const longOperations: ReadonlySet<string> = new Set<OperationName>([
  "allocate",
  "allocatedRanges",
  "cloneRange",
  "copyRange",
  "countBackups",
  "flushValue",
  "storeValue",
  "sync",
  "truncate",
  "truncateValue",
  "zeroRange",
  "zeroValue",
]);

/**
 * Operations on an open object that local file systems answer from memory, even while the disk is spun down.
 */
export const memoryOperations: ReadonlySet<string> = new Set<OperationName>(["describe", "stat"]);

/** Fields of results that are descriptors, which the caller closes; "" for a result that is one itself. */
const descriptorFields: Readonly<Record<string, readonly string[]>> = {
  createDirectory: ["fd"],
  createFile: ["fd", "dataFd"],
  find: ["fd", "unread"],
  findDfsLink: ["unread"],
  findNamed: ["unread"],
  open: [""],
  replaceBySpecial: ["fd"],
  openShareDirectory: ["fd"],
  openStream: [""],
};

/** The descriptors in a late result, which must be closed because no caller waits for it. */
export function descriptorsIn(operation: string, result: unknown): number[] {
  const found: number[] = [];
  for (const field of descriptorFields[operation] ?? []) {
    const value = field === "" ? result : (result as Fields | null)?.[field];
    if (typeof value === "number" && value >= 0) found.push(value);
  }
  return found;
}
