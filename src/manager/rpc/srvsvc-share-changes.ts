// srvsvc: administrators add, change and delete shares. [MS-SRVS] 3.1.4.7, 3.1.4.11 to 3.1.4.13; 2.2.4.22 to
// 2.2.4.31 (levels).
import { wireError } from "../../wire/cursor.ts";
import type { ShareChange, ShareChangeFault } from "../config/share-change.ts";
import { isAdministrator, type RpcCall, type RpcOperation, Win32Error } from "./interface.ts";
import type { NdrReader } from "./ndr.ts";
import { ShareType, UNLIMITED, unixPath } from "./srvsvc-shares.ts";

/** Longest descriptor that is skipped; a call has at most 64 KiB. */
const MAX_DESCRIPTOR_BYTES = 0xffff;

/** What a client says about a share; undefined: its level has no such field. */
interface ShareFields {
  readonly name?: string;
  readonly type?: number;
  readonly comment?: string;
  readonly maxUses?: number;
  readonly path?: string;
  /** Flags of DFS and client-side caching. */
  readonly flags?: number;
  readonly hasDescriptor?: boolean;
}

/** Levels with which a share may be added; the others lack the path. [MS-SRVS] 3.1.4.7. */
const ADD_LEVELS: ReadonlySet<number> = new Set([2, 502, 503]);

const FAULTS: Readonly<Record<ShareChangeFault, number>> = {
  "bad name": Win32Error.INVALID_NAME,
  "bad value": Win32Error.INVALID_PARAMETER,
  exists: Win32Error.DUPLICATE_SHARE,
  missing: Win32Error.NET_NAME_NOT_FOUND,
  "no directory": Win32Error.UNKNOWN_DIRECTORY,
  outside: Win32Error.ACCESS_DENIED,
  elsewhere: Win32Error.NOT_SUPPORTED,
  failed: Win32Error.ACCESS_DENIED,
};

/** Undefined for a level that cannot be set. Null: the client sent no structure. */
function readFields(input: NdrReader, level: number): ShareFields | null | undefined {
  if (input.u32() !== level) throw wireError("union's level differs from the call's");
  const read = READERS[level];
  if (read === undefined) return undefined;
  return input.pointer() ? read(input) : null;
}

const READERS: Readonly<Record<number, (input: NdrReader) => ShareFields>> = {
  1: (input) => readDetails(input, 1),
  2: (input) => readDetails(input, 2),
  502: (input) => readDetails(input, 502),
  503: (input) => readDetails(input, 503),
  1004: (input) => ({ comment: input.pointer() ? input.string() : "" }),
  1005: (input) => ({ flags: input.u32() }),
  1006: (input) => ({ maxUses: input.u32() }),
  1501(input) {
    input.u32();
    return { hasDescriptor: readDescriptor(input, input.pointer()) };
  },
};

/** The structures with the name; their texts follow in the order of their pointers. */
function readDetails(input: NdrReader, level: number): ShareFields {
  const hasName = input.pointer();
  const type = input.u32();
  const hasComment = input.pointer();
  if (level === 1) {
    const name = hasName ? input.string() : "";
    return { name, type, comment: hasComment ? input.string() : "" };
  }
  // Permissions of share-level security.
  input.u32();
  const maxUses = input.u32();
  // Current uses.
  input.u32();
  const hasPath = input.pointer();
  const hasPassword = input.pointer();
  const hasServer = level === 503 && input.pointer();
  if (level !== 2) input.u32();
  const hasDescriptor = level !== 2 && input.pointer();
  const name = hasName ? input.string() : "";
  const comment = hasComment ? input.string() : "";
  const path = hasPath ? input.string() : "";
  if (hasPassword) input.string();
  if (hasServer) input.string();
  return { name, type, comment, maxUses, path, hasDescriptor: readDescriptor(input, hasDescriptor) };
}

function readDescriptor(input: NdrReader, isPresent: boolean): boolean {
  if (isPresent) input.bytesOf(input.count(MAX_DESCRIPTOR_BYTES));
  return isPresent;
}

/**
 * Undefined: the number of connections stays what the configuration says. `net` sends 0 for that, as in
 * smb.conf.
 */
function connectionsOf({ maxUses = UNLIMITED }: ShareFields): number | undefined {
  return maxUses === UNLIMITED || maxUses === 0 ? undefined : maxUses;
}

/** Win32Error, or the change. */
function additionOf(fields: ShareFields): ShareChange | number {
  const { name = "", type, comment = "", path = "" } = fields;
  if (type !== ShareType.DISK) return Win32Error.INVALID_PARAMETER;
  // Rights are those of the configuration: an accepted descriptor would promise others.
  if (fields.hasDescriptor) return Win32Error.NOT_SUPPORTED;
  const directory = unixPath(path);
  if (directory === undefined) return Win32Error.UNKNOWN_DIRECTORY;
  return { kind: "add", name, path: directory, comment, maxConnections: connectionsOf(fields) };
}

/** Name, type and path cannot be changed; clients send them back as they were shown them. */
function changeOf(call: RpcCall, name: string, fields: ShareFields): ShareChange | number {
  const { comment, path, flags = 0, hasDescriptor } = fields;
  const share = call.context
    .shares(call.identity)
    .find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (share === undefined) return Win32Error.NET_NAME_NOT_FOUND;
  const isMoved = path !== undefined && path !== "" && unixPath(path) !== share.path;
  if (flags !== 0 || hasDescriptor || isMoved) return Win32Error.NOT_SUPPORTED;
  return { kind: "set", name, comment, maxConnections: connectionsOf(fields) };
}

async function apply(call: RpcCall, change: ShareChange): Promise<number> {
  const fault = await call.context.changeShare(change, call.identity);
  return fault === undefined ? Win32Error.SUCCESS : FAULTS[fault];
}

/**
 * Reads a call's level and structure, then answers it with the pointer to the wrong parameter, which is not
 * named.
 */
function changing(
  isLevel: (level: number) => boolean,
  readName: (input: NdrReader) => string,
  plan: (call: RpcCall, name: string, fields: ShareFields) => ShareChange | number,
): RpcOperation {
  return (call) => {
    const { input, output } = call;
    input.skipServerName();
    const name = readName(input);
    const level = input.u32();
    const fields = isLevel(level) ? readFields(input, level) : undefined;
    const hasParameter = fields !== undefined && input.pointer();
    const answer = (error: number): void => {
      output.pointer(hasParameter);
      if (hasParameter) output.u32(0);
      output.u32(error);
    };
    const refusal = refusalOf(call, name);
    if (refusal !== undefined) return answer(refusal);
    if (fields === undefined) return answer(Win32Error.INVALID_LEVEL);
    if (fields === null) return answer(Win32Error.INVALID_PARAMETER);
    const planned = plan(call, name, fields);
    return typeof planned === "number" ? answer(planned) : apply(call, planned).then(answer);
  };
}

/** Why nobody may change this share, or this caller none. */
function refusalOf({ context, identity }: RpcCall, name: string): number | undefined {
  if (!isAdministrator(context, identity) || name.toUpperCase() === "IPC$") return Win32Error.ACCESS_DENIED;
  return context.mayChangeShares ? undefined : Win32Error.NOT_SUPPORTED;
}

export const addShare = changing(
  (level) => ADD_LEVELS.has(level),
  () => "",
  (_, __, fields) => additionOf(fields),
);

export const setShare = changing(
  (level) => level in READERS,
  (input) => input.string(),
  changeOf,
);

/**
 * NetrShareDel, and NetrShareDelSticky, which differs for shares that do not outlive the server: there are
 * none.
 */
export const deleteShare: RpcOperation = (call) => {
  const { input, output } = call;
  input.skipServerName();
  const name = input.string();
  const refusal = refusalOf(call, name);
  if (refusal !== undefined) {
    output.u32(refusal);
    return;
  }
  return apply(call, { kind: "delete", name }).then((error) => output.u32(error));
};
