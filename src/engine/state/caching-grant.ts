// What a new open may cache, given what others do; [MS-SMB2] 3.3.5.9 (oplocks), 3.3.5.9.8 and 3.3.5.9.11 (leases),
// [MS-FSA] 2.1.5.18.1. Pure: counts in, rights out.
import { OplockLevel } from "../../wire/command/create.ts";
import { Cache, type CachingHolder, type FileCaching } from "./caching-holder.ts";

const ALL = Cache.READ | Cache.HANDLE | Cache.WRITE;

/** The rights that an oplock level stands for. */
export function rightsOf(level: number): number {
  if (level === OplockLevel.BATCH) return ALL;
  if (level === OplockLevel.EXCLUSIVE) return Cache.READ | Cache.WRITE;
  return level === OplockLevel.II ? Cache.READ : 0;
}

/** The oplock level of rights that an oplock may have. */
export function levelOf(rights: number): OplockLevel {
  if (rights === ALL) return OplockLevel.BATCH;
  if ((rights & Cache.WRITE) !== 0) return OplockLevel.EXCLUSIVE;
  return (rights & Cache.READ) !== 0 ? OplockLevel.II : OplockLevel.NONE;
}

/** Only nothing, R, RH, RW and RWH exist: without R there is nothing. */
export function soundRights(rights: number): number {
  return (rights & Cache.READ) === 0 ? 0 : rights & ALL;
}

/**
 * The rights that `holder` may have of the `wanted` ones, `holder` and its opens counted in `file` or not (a new
 * holder has no rights yet, and its open may be entered already: `busyOpens` says how many are its own).
 */
export function grantable(file: FileCaching, holder: CachingHolder, wanted: number): number {
  let rights = soundRights(wanted);
  if (rights === 0) return 0;
  const isHeld = holder.state !== 0;
  // A stat open may stand beside somebody's unwritten data, which no cache of its own would see.
  const writes = (holder.state & Cache.WRITE) !== 0;
  if (file.writers > (writes ? 1 : 0)) return 0;
  const others = file.active - (isHeld ? 1 : 0);
  if (others > 0 || file.busyOpens > holder.busyOpens) rights &= ~Cache.WRITE;
  if (holder.lease !== undefined) {
    // An oplock and the handle's right do not go together: who has the one would wait for who has the other.
    if (file.activeOplocks > 0) rights &= ~Cache.HANDLE;
    return rights;
  }
  if (file.handleLeases > 0) return 0;
  // There is no oplock level for R and H alone.
  return rights === ALL || rights === (Cache.READ | Cache.WRITE) ? rights : rights & Cache.READ;
}

/**
 * The state of an existing lease after one more open asked for `wanted`: a lease grows when all that was asked for
 * can be had, and never shrinks by a request; 3.3.5.9.8.
 */
export function upgraded(file: FileCaching, holder: CachingHolder, wanted: number): number {
  const { state } = holder;
  if (holder.isBreaking || (state & wanted) !== state || wanted === state) return state;
  return grantable(file, holder, wanted) === wanted ? wanted : state;
}
