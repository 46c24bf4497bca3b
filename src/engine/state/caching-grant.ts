// The caching rights that a new open is granted beside the holders that a file has; [MS-SMB2] 3.3.5.9
// (oplocks), 3.3.5.9.8 and 3.3.5.9.11 (leases), [MS-FSA] 2.1.5.18.1. Pure functions.
import { OplockLevel } from "../../wire/command/create.ts";
import { Cache, type CachingHolder, type FileCaching } from "./caching-holder.ts";

const ALL = Cache.READ | Cache.HANDLE | Cache.WRITE;

/** The caching rights of an oplock level. */
export function rightsOf(level: number): number {
  if (level === OplockLevel.BATCH) return ALL;
  if (level === OplockLevel.EXCLUSIVE) return Cache.READ | Cache.WRITE;
  return level === OplockLevel.II ? Cache.READ : 0;
}

/** The oplock level with these caching rights. */
export function levelOf(rights: number): OplockLevel {
  if (rights === ALL) return OplockLevel.BATCH;
  if ((rights & Cache.WRITE) !== 0) return OplockLevel.EXCLUSIVE;
  return (rights & Cache.READ) !== 0 ? OplockLevel.II : OplockLevel.NONE;
}

/** Reduces rights to one of none, R, RH, RW and RWH: without R there are none. */
export function validRights(rights: number): number {
  return (rights & Cache.READ) === 0 ? 0 : rights & ALL;
}

/**
 * Those of the `wanted` rights that `holder` may have. The opens of `holder` may be counted in `file`
 * already: `holder.nonStatOpens` is their number.
 */
export function grantable(file: FileCaching, holder: CachingHolder, wanted: number): number {
  let rights = validRights(wanted);
  if (rights === 0) return 0;
  const isCounted = holder.state !== 0;
  // Beside a holder that caches writes a stat open caches nothing: it would not see the unwritten data.
  const writes = (holder.state & Cache.WRITE) !== 0;
  if (file.writers > (writes ? 1 : 0)) return 0;
  const otherHolders = file.active - (isCounted ? 1 : 0);
  if (otherHolders > 0 || file.nonStatOpens > holder.nonStatOpens) rights &= ~Cache.WRITE;
  if (holder.lease !== undefined) {
    // No H beside an oplock: each holder would wait for the other's break.
    if (file.activeOplocks > 0) rights &= ~Cache.HANDLE;
    return rights;
  }
  if (file.handleLeases > 0) return 0;
  // There is no oplock level for R and H alone.
  return rights === ALL || rights === (Cache.READ | Cache.WRITE) ? rights : rights & Cache.READ;
}

/**
 * The state of an existing lease after another open asked for `wanted`: all of it where that extends the
 * state and can be granted, else the state unchanged; 3.3.5.9.8.
 */
export function upgraded(file: FileCaching, holder: CachingHolder, wanted: number): number {
  const { state } = holder;
  if (holder.isBreaking || (state & wanted) !== state || wanted === state) return state;
  return grantable(file, holder, wanted) === wanted ? wanted : state;
}
