// The oplock or lease that a CREATE requests, and the one in its response; [MS-SMB2] 3.3.5.9 (oplock levels),
// 3.3.5.9.8 and 3.3.5.9.11 (leases).
import type { CreateRequest } from "../../../wire/command/create.ts";
import { OplockLevel } from "../../../wire/command/create.ts";
import { type LeaseContext, LeaseFlag } from "../../../wire/context/create-context.ts";
import { Capability } from "../../../wire/command/negotiate.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Tree } from "../../state/session.ts";
import { levelOf, rightsOf } from "../../state/caching-grant.ts";
import { Cache, type Lease } from "../../state/caching-holder.ts";
import type { Open } from "../../state/open.ts";
import { hexOf } from "../open/lease-id.ts";

const NO_KEY = new Uint8Array(16);

/** The caching that a CREATE requests: the upper limit of what it is granted. */
export interface CachingRequest {
  /** SMB2_LEASE_* bits; an oplock level is expressed by the same bits. */
  readonly wanted: number;
  /** Undefined when the request is for an oplock or for no caching. */
  readonly lease: Lease | undefined;
  readonly epoch: number;
}

const NOTHING: CachingRequest = Object.freeze({ wanted: 0, lease: undefined, epoch: 0 });

/** The parent directory's lease key in hex; undefined when the client sent none. */
export function parentKeyOf(exchange: Exchange, request: CreateRequest): string | undefined {
  const context = leaseContextOf(exchange, request);
  return context !== undefined && hasParent(context) ? hexOf(context.parentKey) : undefined;
}

function hasParent(context: LeaseContext): boolean {
  return context.version === 2 && (context.flags & LeaseFlag.PARENT_LEASE_KEY_SET) !== 0;
}

function leaseContextOf(exchange: Exchange, request: CreateRequest): LeaseContext | undefined {
  const context = request.contexts.lease;
  if (context === undefined || request.oplockLevel !== OplockLevel.LEASE) return undefined;
  const { negotiated } = exchange.connection;
  if (((negotiated?.serverCapabilities ?? 0) & Capability.LEASING) === 0) return undefined;
  // Version 2 exists since SMB 3.0.
  return context.version === 2 && !exchange.connection.isAtLeast3 ? undefined : context;
}

/** The caching that `request` asks for and that the dialect and the share allow. */
export function readCachingRequest(exchange: Exchange, tree: Tree, request: CreateRequest): CachingRequest {
  if (!tree.grant.oplocks) return NOTHING;
  const context = leaseContextOf(exchange, request);
  if (context === undefined) {
    const wanted = rightsOf(request.oplockLevel);
    return wanted === 0 ? NOTHING : { wanted, lease: undefined, epoch: 0 };
  }
  const keyText = hexOf(context.key);
  const lease: Lease = {
    id: tree.session.terms.clientGuid + keyText,
    key: context.key.slice(),
    keyText,
    version: context.version,
    parentKey: hasParent(context) ? context.parentKey.slice() : undefined,
  };
  return { wanted: context.state, lease, epoch: context.epoch };
}

/**
 * Limits `request` to what a directory allows: no oplocks; READ and HANDLE leases of version 2 on connections
 * with directory leasing. `isFixed` is false when a directory may be reached by several paths (followed
 * symlinks).
 */
export function limitToDirectory(
  exchange: Exchange,
  request: CachingRequest,
  isFixed: boolean,
): CachingRequest {
  const { negotiated } = exchange.connection;
  const knows = ((negotiated?.serverCapabilities ?? 0) & Capability.DIRECTORY_LEASING) !== 0;
  if (request.lease === undefined || request.lease.version === 1 || !knows || !isFixed) return NOTHING;
  return { ...request, wanted: request.wanted & (Cache.READ | Cache.HANDLE) };
}

/** The OplockLevel field of the response. */
export function grantedLevel(open: Open): OplockLevel {
  const holder = open.caching;
  if (holder === undefined) return OplockLevel.NONE;
  return holder.lease === undefined ? levelOf(holder.state) : OplockLevel.LEASE;
}

/** The lease context of the response; undefined when the open has no lease. */
export function leaseAnswer(open: Open): LeaseContext | undefined {
  const holder = open.caching;
  const lease = holder?.lease;
  if (holder === undefined || lease === undefined) return undefined;
  let flags = holder.isBreaking ? LeaseFlag.BREAK_IN_PROGRESS : 0;
  if (lease.parentKey !== undefined) flags |= LeaseFlag.PARENT_LEASE_KEY_SET;
  return {
    version: lease.version,
    key: lease.key,
    state: holder.state,
    flags,
    parentKey: lease.parentKey ?? NO_KEY,
    epoch: holder.epoch,
  };
}
