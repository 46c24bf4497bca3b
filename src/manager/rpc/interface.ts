// Types of an RPC interface: identifier, version, operations by number, and the data they may use.
// C706 12.6.3.1 (interface identifiers), [MS-RPCE] 3.1.1.5.
import type { Identity } from "../../port/port.ts";
import type { NdrReader, NdrWriter } from "./ndr.ts";

/** A share as the interfaces describe it. */
export interface RpcShare {
  readonly name: string;
  readonly type: "disk" | "pipe";
  readonly comment: string;
  /** Listed. An unlisted share can still be queried by name. */
  readonly browseable: boolean;
  /** Absolute, empty for a pipe share. */
  readonly path: string;
}

/** The server's data for the interfaces; evaluated again for every call. */
export interface RpcContext {
  readonly serverName: string;
  readonly serverComment: string;
  readonly workgroup: string;
  /** The shares visible to this identity, in the order of the list. */
  shares(identity: Identity): readonly RpcShare[];
  /** `wallTimeMs` since 1970 UTC; `minutesWest`: how far local time is behind UTC. */
  now(): { readonly wallTimeMs: number; readonly minutesWest: number; readonly uptimeMs: number };
}

export interface RpcCall {
  readonly context: RpcContext;
  readonly identity: Identity;
  readonly input: NdrReader;
  readonly output: NdrWriter;
}

/** Reads the arguments, writes results and return value. A WireError that it throws becomes a fault. */
export type RpcOperation = (call: RpcCall) => void;

export interface RpcInterface {
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
  /** Indexed by opnum; a gap is an operation that the server lacks. */
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
/** Windows 7, as Samba reports; clients derive capabilities from the dialect, not from this version. */
export const VERSION_MAJOR = 6;
export const VERSION_MINOR = 1;
