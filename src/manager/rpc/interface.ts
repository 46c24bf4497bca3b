// Types of an RPC interface: identifier, version, operations by number, and the data they may use.
// C706 12.6.3.1 (interface identifiers), [MS-RPCE] 3.1.1.5.
import type { EngineControl } from "../../port/control.ts";
import type { Identity, MaybePromise } from "../../port/port.ts";
import type { PipeServices } from "../../port/pipes.ts";
import type { ShareChange, ShareChangeFault } from "../config/share-change.ts";
import type { Handles } from "./handles.ts";
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
  readonly isDfsRoot: boolean;
}

/** A user that can log on. */
export interface RpcUser {
  readonly name: string;
  readonly rid: number;
  /** Of the account on the machine. */
  readonly uid: number | undefined;
  /** Named by `admin users` for every share. */
  readonly isAdministrator: boolean;
}

/** The users and groups that names and SIDs stand for. */
export interface RpcAccounts {
  readonly serverName: string;
  readonly workgroup: string;
  /** `S-1-5-21-…`, the domain of the users. */
  readonly machineSid: string;
  /** The account whose rights guests have. */
  readonly guestName: string;
  /** In the order of their relative identifiers. */
  users(): readonly RpcUser[];
  userOfRid(rid: number): RpcUser | undefined;
  /** Those of that name without regard to case. */
  usersNamed(name: string): readonly RpcUser[];
  /** Names and ids of the machine's users and groups; names without regard to case. */
  unixUser(uid: number): string | undefined;
  unixGroup(gid: number): string | undefined;
  uidOf(name: string): number | undefined;
  gidOf(name: string): number | undefined;
}

/** The passwords, for their users to change. */
export interface RpcPasswords {
  /** Clients may change passwords. */
  readonly isAllowed: boolean;
  /** The NT hash; undefined for an unknown user, and for one whose password is not in the password file. */
  hashOf(user: string): Uint8Array | undefined;
  /** False where it could not be stored; a line of the log then says why. */
  change(user: string, oldHash: Uint8Array, newHash: Uint8Array, remoteAddress: string): Promise<boolean>;
}

/** The running engine: its tables, and what may be ended. */
export type RpcEngine = Pick<EngineControl, "tables" | "endSession" | "closeOpen">;

/** The server's data for the interfaces; evaluated again for every call. */
export interface RpcContext {
  readonly serverName: string;
  readonly serverComment: string;
  readonly workgroup: string;
  readonly accounts: RpcAccounts;
  readonly passwords: RpcPasswords;
  /** False once the account of the identity was deleted or has another password. */
  isCurrent(identity: Identity): boolean;
  /** The user is named by `admin users` of [global]. */
  isAdministrator(user: string): boolean;
  /** Undefined until the engine runs. */
  readonly engine: RpcEngine | undefined;
  /**
   * Administrators may change shares: `client share directories` is set, and there is a configuration file.
   */
  readonly mayChangeShares: boolean;
  /** Undefined: the change is in the configuration file, and the server has read it. */
  changeShare(change: ShareChange, by: Identity): Promise<ShareChangeFault | undefined>;
  /** The shares visible to this identity, in the order of the list. */
  shares(identity: Identity): readonly RpcShare[];
  /** `wallTimeMs` since 1970 UTC; `minutesWest`: how far local time is behind UTC. */
  now(): { readonly wallTimeMs: number; readonly minutesWest: number; readonly uptimeMs: number };
}

export interface RpcCall {
  readonly context: RpcContext;
  /** Who calls: the user of the SMB session, or the one who logged on in the bind. */
  readonly identity: Identity;
  /** The client's open handles on this pipe. */
  readonly handles: Handles;
  readonly services: PipeServices;
  readonly input: NdrReader;
  readonly output: NdrWriter;
}

/**
 * Reads the arguments, writes results and return value. A WireError or RpcFault that it throws becomes a
 * fault.
 */
export type RpcOperation = (call: RpcCall) => MaybePromise<void>;

/** Ends a call with a FAULT of this status instead of a reply. */
export class RpcFault extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`RPC fault ${status.toString(16)}`);
    this.status = status;
  }
}

export function isAdministrator(context: RpcContext, identity: Identity): boolean {
  return isProven(identity) && context.isAdministrator(identity.user);
}

export function isProven(identity: Identity): boolean {
  return !identity.isGuest && !identity.isAnonymous;
}

export interface RpcInterface {
  /** Indexed by opnum; a gap is an operation that the server lacks. */
  readonly operations: readonly (RpcOperation | undefined)[];
  /**
   * The operations that guests and anonymous users may call; the others fault with ACCESS_DENIED for them.
   */
  readonly open: "all" | readonly number[];
}

/** [MS-ERREF] 2.2: return values of the operations. */
export const Win32Error = {
  SUCCESS: 0,
  ACCESS_DENIED: 5,
  NOT_SUPPORTED: 50,
  INVALID_PARAMETER: 87,
  INVALID_NAME: 123,
  INVALID_LEVEL: 124,
  MORE_DATA: 234,
  /** NERR_UnknownDevDir, _DuplicateShare, _NetNameNotFound. */
  UNKNOWN_DIRECTORY: 2116,
  DUPLICATE_SHARE: 2118,
  NET_NAME_NOT_FOUND: 2310,
  /** NERR_DeviceNotShared, _ClientNameNotFound, _FileIdNotFound, _UserNotFound. */
  DEVICE_NOT_SHARED: 2311,
  CLIENT_NAME_NOT_FOUND: 2312,
  FILE_ID_NOT_FOUND: 2314,
  USER_NOT_FOUND: 2221,
} as const;

/** [MS-SRVS] 2.2.2.6 and [MS-WKST] 2.2.5.1. */
export const PLATFORM_ID_NT = 500;
/** Windows 7, as Samba reports; clients derive capabilities from the dialect, not from this version. */
export const VERSION_MAJOR = 6;
export const VERSION_MINOR = 1;
