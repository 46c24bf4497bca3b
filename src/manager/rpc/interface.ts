// What an RPC interface is to the association that calls it: an identifier, a version, operations by number.
// C706 12.6.3.1 (interface identifiers), [MS-RPCE] 3.1.1.5.
import type { Identity } from "../../port/port.ts";
import type { NdrReader, NdrWriter } from "./ndr.ts";

/** A share as the interfaces tell of it. */
export interface RpcShare {
  readonly name: string;
  readonly type: "disk" | "pipe";
  readonly comment: string;
  /** Listed; a share that is not can still be asked for by its name. */
  readonly browseable: boolean;
  /** Absolute, empty for a pipe share. */
  readonly path: string;
}

/** What the interfaces need to know; asked anew for every call. */
export interface RpcContext {
  readonly serverName: string;
  readonly serverComment: string;
  readonly workgroup: string;
  /** The shares that this identity may know of, in the order to list them. */
  shares(identity: Identity): readonly RpcShare[];
  /** Milliseconds since 1970, and minutes that local time is behind UTC. */
  now(): { readonly wallTimeMs: number; readonly minutesWest: number; readonly uptimeMs: number };
}

export interface RpcCall {
  readonly context: RpcContext;
  readonly identity: Identity;
  readonly input: NdrReader;
  readonly output: NdrWriter;
}

/** Reads its arguments, writes its results and its return value. A WireError becomes a fault. */
export type RpcOperation = (call: RpcCall) => void;

export interface RpcInterface {
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
  /** Indexed by opnum; a gap is an operation that this server does not have. */
  readonly operations: readonly (RpcOperation | undefined)[];
}

/** [MS-ERREF] 2.2: return values of the operations. */
export const Win32Error = {
  SUCCESS: 0,
  ACCESS_DENIED: 5,
  INVALID_LEVEL: 124,
  MORE_DATA: 234,
  /** NERR_NetNameNotFound. */
  NET_NAME_NOT_FOUND: 2310,
} as const;

/** [MS-SRVS] 2.2.2.6 and [MS-WKST] 2.2.5.1. */
export const PLATFORM_ID_NT = 500;
/** Windows 7, what Samba says as well: clients take the level of service from the dialect, not from here. */
export const VERSION_MAJOR = 6;
export const VERSION_MINOR = 1;
