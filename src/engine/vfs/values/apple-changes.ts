// Changes of the values in AppleDouble files. On a disk without extended attributes new streams of macOS are
// put there, so that a Mac finds them when the disk is plugged into it; elsewhere as `fruit:resource` says.
import { Errno } from "../../../linux/errno.ts";
import { Open, closeFd } from "../../../linux/open.ts";
import { type Statx, emptyStatx, statFd } from "../../../linux/stat.ts";
import { type Companion, hasPlaceholder, openCompanion, replaceCompanion } from "../appledouble/companion.ts";
import { growingFork, truncateFork, writeFork, zeroFork } from "../appledouble/fork.ts";
import { traitsOf } from "../context/disk-traits.ts";
import type { ShareContext } from "../context/share-context.ts";
import { finderInfoOf, NO_FINDER_INFO } from "../format/afp-info.ts";
import { type AppleEntry, Maker } from "../format/apple-double.ts";
import { type AppleValue, appleValueOf } from "../format/apple-names.ts";
import { deviceOf } from "../format/file-stat.ts";
import { type Count, type Failure, isFailure } from "../store.ts";
import { bytesOf, extentOf, isAbsent, measureAppleValue, withCompanion } from "./apple-values.ts";
import { hasNetatalkMetadata, removeNetatalkFinderInfo, setNetatalkFinderInfo } from "./netatalk-values.ts";
import { isTooLarge } from "./overflow.ts";
import { besideObject, changeSidecar } from "./in-sidecar.ts";

const ABSENT = -Errno.ENODATA;
/** Longer attributes are stored as streams. */
const MAX_ATTRIBUTE_BYTES = 65_536;
const facts = emptyStatx();

/** What a change is made to; `companion` is undefined where the object has no AppleDouble file yet. */
interface Target {
  readonly folder: number;
  readonly name: string;
  readonly stat: Statx;
  readonly companion: Companion | undefined;
}

/** Calls `change` in a worker, under the folder's lock; -EAGAIN on the event loop. */
function changeCompanion(
  context: ShareContext,
  fd: number,
  path: string,
  change: (target: Target) => 0 | Failure,
): 0 | Failure {
  if (context.grant.readOnly) return -Errno.EROFS;
  if (!context.isWorker) return -Errno.EAGAIN;
  const action = (folder: number, { name, stat }: { name: string; stat: Statx }): 0 | Failure => {
    const companion = openCompanion(folder, name, stat, context.identity, Open.RDWR);
    if (typeof companion === "number")
      return companion === ABSENT ? change({ folder, name, stat, companion: undefined }) : companion;
    try {
      return change({ folder, name, stat, companion });
    } finally {
      closeFd(companion.fd);
    }
  };
  const result = changeSidecar(context, fd, path, action, besideObject);
  return result === -Errno.ENOENT ? ABSENT : result;
}

/**
 * Sets a value that is in the AppleDouble file or belongs there; undefined where it is stored as a stream.
 * `isStored`: a stream of that name is stored.
 */
export function setAppleValue(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
  data: Uint8Array,
  isStored: () => boolean,
): 0 | Failure | undefined {
  const value = context.grant.streams ? appleValueOf(key) : undefined;
  if (value === undefined) return undefined;
  if (value.kind === "attribute" && data.length > MAX_ATTRIBUTE_BYTES) return undefined;
  if (value.kind === "info" && belongsToNetatalk(context, fd, isStored)) {
    const result = setNetatalkFinderInfo(fd, finderInfoOf(data));
    return isTooLarge(result) ? undefined : result;
  }
  const belongsThere = belongsInFile(context, fd, value);
  if (!belongsThere) {
    const present = withCompanion(context, fd, path, (companion) => bytesOf(context, companion, value));
    if (present < 0 || isStored()) return undefined;
  }
  const result = changeCompanion(context, fd, path, (target) => setIn(context, fd, target, value, data));
  const doesNotFit = result === -Errno.E2BIG || result === -Errno.ENAMETOOLONG || result === -Errno.EEXIST;
  return isAbsent(result) || doesNotFit ? undefined : result;
}

function belongsToNetatalk(context: ShareContext, fd: number, isStored: () => boolean): boolean {
  if (context.grant.readOnly || statFd(fd, facts) < 0) return false;
  if (!traitsOf(context, deviceOf(facts), fd).hasUserXattrs) return false;
  return context.grant.apple.metadata === "netatalk" || (hasNetatalkMetadata(fd) && !isStored());
}

function belongsInFile(context: ShareContext, fd: number, value: AppleValue): boolean {
  if (statFd(fd, facts) < 0) return false;
  const { hasUserXattrs } = traitsOf(context, deviceOf(facts), fd);
  const { resource, metadata } = context.grant.apple;
  if (value.kind === "fork") return resource === "file" || (resource === "auto" && !hasUserXattrs);
  const isApples = value.kind === "info" || value.name.startsWith("com.apple.");
  return isApples && metadata !== "stream" && !hasUserXattrs;
}

function setIn(
  context: ShareContext,
  fd: number,
  { folder, name, stat, companion }: Target,
  value: AppleValue,
  data: Uint8Array,
): 0 | Failure {
  switch (value.kind) {
    case "fork": {
      // On a disk with extended attributes the file is for netatalk and Samba.
      const { hasUserXattrs } = traitsOf(context, deviceOf(stat), fd);
      const maker = hasUserXattrs ? Maker.NETATALK : Maker.MAC;
      return replaceCompanion(folder, name, stat, companion, { fork: data, maker });
    }
    case "info":
      return replaceCompanion(folder, name, stat, companion, { finderInfo: finderInfoOf(data) });
    case "attribute": {
      const one = { name: value.name, flags: 0, data };
      return replaceCompanion(folder, name, stat, companion, {
        attributes: (old) =>
          old.some((attribute) => attribute.name === value.name)
            ? old.map((attribute) => (attribute.name === value.name ? { ...attribute, data } : attribute))
            : [...old, one],
      });
    }
  }
}

/** -ENODATA where the AppleDouble file has no such value. */
export function removeAppleValue(context: ShareContext, fd: number, path: string, key: string): 0 | Failure {
  const size = measureAppleValue(context, fd, path, key);
  const value = appleValueOf(key);
  if (typeof size === "number" || value === undefined) return typeof size === "number" ? size : ABSENT;
  if (value.kind === "info") {
    const removed = context.grant.readOnly ? -Errno.EROFS : removeNetatalkFinderInfo(fd);
    const isInFile = isAbsent(removed) || typeof measureAppleValue(context, fd, path, key) === "object";
    if (!isInFile) return removed;
  }
  return changeCompanion(context, fd, path, ({ folder, name, stat, companion }) => {
    if (companion === undefined || extentOf(companion, value) === undefined) return ABSENT;
    if (value.kind === "fork") return replaceCompanion(folder, name, stat, companion, { fork: null });
    if (value.kind === "info")
      return replaceCompanion(folder, name, stat, companion, { finderInfo: NO_FINDER_INFO });
    return replaceCompanion(folder, name, stat, companion, {
      attributes: (old) => old.filter((attribute) => attribute.name !== value.name),
    });
  });
}

/** The fork; a placeholder that counts as none is emptied first, since its bytes are not the client's. */
function withoutPlaceholder(
  context: ShareContext,
  companion: Companion,
  fork: AppleEntry,
): AppleEntry | Failure {
  if (!context.grant.apple.wipesPlaceholder || !hasPlaceholder(companion)) return fork;
  const failure = truncateFork(companion, fork, 0);
  return failure < 0 ? failure : { ...fork, length: 0 };
}

/** Calls `change` with the fork where it can grow; first replaces a file in which it cannot. */
function changeFork(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
  change: (companion: Companion, fork: AppleEntry) => Count | Failure,
): Count | Failure {
  if (appleValueOf(key)?.kind !== "fork" || !context.grant.streams) return ABSENT;
  let count: Count | Failure = ABSENT;
  const failure = changeCompanion(context, fd, path, ({ folder, name, stat, companion }) => {
    if (companion?.double.fork === undefined) return ABSENT;
    const changed = (one: Companion, fork: AppleEntry): 0 | Failure => {
      const present = withoutPlaceholder(context, one, fork);
      count = typeof present === "number" ? present : change(one, present);
      return isFailure(count) ? count : 0;
    };
    const fork = companion.isOwn ? growingFork(companion) : undefined;
    if (fork !== undefined) return changed(companion, fork);
    const replaced = replaceCompanion(folder, name, stat, companion, { keepsFile: true });
    if (replaced < 0) return replaced;
    const again = openCompanion(folder, name, stat, context.identity, Open.RDWR);
    if (typeof again === "number") return again;
    try {
      const moved = growingFork(again);
      return moved === undefined ? -Errno.EIO : changed(again, moved);
    } finally {
      closeFd(again.fd);
    }
  });
  return failure < 0 ? failure : count;
}

/** `LargeValues.write` from an address; only the fork is changed in parts. */
export function writeAppleFork(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
  address: number,
  length: number,
  offset: number,
): Count | Failure {
  return changeFork(context, fd, path, key, (companion, fork) =>
    writeFork(companion, fork, address, length, offset),
  );
}

/** `LargeValues.truncate`. */
export function truncateAppleFork(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
  size: number,
): 0 | Failure {
  const result = changeFork(context, fd, path, key, (companion, fork) => truncateFork(companion, fork, size));
  return isFailure(result) ? result : 0;
}

/** `LargeValues.zeroRange`. */
export function zeroAppleFork(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
  offset: number,
  length: number,
): Count | Failure {
  return changeFork(context, fd, path, key, (companion, fork) => zeroFork(companion, fork, offset, length));
}

/** Renames a value that is not the fork. */
export function renameAppleValue(
  context: ShareContext,
  fd: number,
  path: string,
  key: string,
  newKey: string,
): 0 | Failure {
  const from = appleValueOf(key);
  const to = appleValueOf(newKey);
  if (typeof measureAppleValue(context, fd, path, key) === "number") return ABSENT;
  if (from?.kind !== "attribute" || to?.kind !== "attribute") return -Errno.EOPNOTSUPP;
  return changeCompanion(context, fd, path, ({ folder, name, stat, companion }) =>
    replaceCompanion(folder, name, stat, companion, {
      attributes: (old) =>
        old
          .filter((attribute) => attribute.name !== to.name)
          .map((attribute) => (attribute.name === from.name ? { ...attribute, name: to.name } : attribute)),
    }),
  );
}
