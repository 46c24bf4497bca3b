// Finder information in the extended attribute of netatalk and of Samba's vfs_fruit.
import { Errno } from "../../../linux/errno.ts";
import { Scratch } from "../../../linux/libc.ts";
import { emptyStatx, statFd } from "../../../linux/stat.ts";
import { getXattr, removeXattr, setXattr } from "../../../linux/xattr.ts";
import { isBlankFinderInfo, NO_FINDER_INFO } from "../format/afp-info.ts";
import {
  finderInfoIn,
  hasComment,
  makeNetatalkMetadata,
  NETATALK_METADATA,
} from "../format/netatalk-metadata.ts";
import type { Failure } from "../store.ts";

const MAX_BYTES = 4096;
const room = new Scratch(MAX_BYTES);
const facts = emptyStatx();

/** The attribute's value; undefined where there is none that the server understands. */
function load(fd: number): Uint8Array | undefined {
  const length = getXattr(fd, NETATALK_METADATA, room);
  const value = length <= 0 ? undefined : room.bytes.slice(0, length);
  return value !== undefined && finderInfoIn(value) !== undefined ? value : undefined;
}

export function hasNetatalkMetadata(fd: number): boolean {
  return load(fd) !== undefined;
}

/** The Finder information; undefined where there is none. */
export function netatalkFinderInfo(fd: number): Uint8Array | undefined {
  const value = load(fd);
  return value && presentFinderInfo(value);
}

function presentFinderInfo(value: Uint8Array): Uint8Array | undefined {
  const extent = finderInfoIn(value);
  if (extent === undefined) return undefined;
  const finderInfo = value.subarray(extent.offset, extent.offset + extent.length);
  return isBlankFinderInfo(finderInfo) ? undefined : finderInfo;
}

/** Changes the attribute or makes it; what else netatalk has stored in it stays. */
export function setNetatalkFinderInfo(fd: number, finderInfo: Uint8Array): 0 | Failure {
  const present = load(fd);
  const extent = present && finderInfoIn(present);
  if (present !== undefined && extent !== undefined) {
    present.set(finderInfo, extent.offset);
    return setXattr(fd, NETATALK_METADATA, present);
  }
  const failure = statFd(fd, facts);
  if (failure < 0) return failure;
  return setXattr(fd, NETATALK_METADATA, makeNetatalkMetadata(finderInfo, facts.modifySeconds));
}

/** -ENODATA where there is no Finder information. */
export function removeNetatalkFinderInfo(fd: number): 0 | Failure {
  const value = load(fd);
  if (value === undefined || presentFinderInfo(value) === undefined) return -Errno.ENODATA;
  if (hasComment(value)) return setNetatalkFinderInfo(fd, NO_FINDER_INFO);
  return removeXattr(fd, NETATALK_METADATA);
}
