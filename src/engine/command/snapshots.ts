// Previous versions: which store a CREATE looks into, what nobody may do there, and the list of what there is.
// [MS-SMB2] 2.2.13.2.7 (TWrp), 2.2.32.2, 3.3.5.9, 3.3.5.15.1.
import type { MaybePromise, ShareGrant } from "../../port/port.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../wire/create.ts";
import { Writer } from "../../wire/cursor.ts";
import { Fsctl } from "../../wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../wire/fscc/info-class.ts";
import { encodeSnapshotArray, snapshotArraySize } from "../../wire/fscc/snapshot.ts";
import type { IoctlRequest } from "../../wire/ioctl.ts";
import { InfoType } from "../../wire/query-info.ts";
import type { SetInfoRequest } from "../../wire/set-info.ts";
import { Status } from "../../wire/status.ts";
import type { Exchange } from "../connection/exchange.ts";
import type { Tree } from "../session/session.ts";
import type { Open } from "../state/open.ts";
import type { Snapshot } from "../vfs/layer/snapshots.ts";
import { andThen } from "../vfs/maybe-promise.ts";
import type { ParsedPath } from "../vfs/path.ts";
import { secondsOfToken, tokenOf } from "../vfs/snapshot-names.ts";
import { overwrites } from "./create-existing.ts";
import { lookupStatusOf, statusOf } from "./errno-status.ts";
import { answerIoctl } from "./ioctl-answer.ts";

const EOPNOTSUPP = -95;
const EACCES = -13;
const ENOENT = -2;
/** A FILETIME of zero: the client means no snapshot. */
const NO_TIME_SECONDS = -11_644_473_600;
/** The three numbers of SRV_SNAPSHOT_ARRAY, and the least that a client leaves room for. */
const HEAD_BYTES = 12;
const LEAST_BYTES = 16;

/** What a CREATE names: the snapshot's time, undefined for the share as it is now, and the path without tokens. */
export interface TimedPath {
  readonly seconds: number | undefined;
  readonly path: ParsedPath;
}

/**
 * The time that TWrp or a token in the path tells. Tokens of different times name nothing: OBJECT_NAME_NOT_FOUND.
 * What stands behind the snapshots' own folder is a name and no token.
 */
export function findTime(request: CreateRequest, path: ParsedPath, grant: ShareGrant): TimedPath | number {
  const { timewarp } = request.contexts;
  const isZero = timewarp?.seconds === NO_TIME_SECONDS && timewarp.nanoseconds === 0;
  let seconds = isZero ? undefined : timewarp?.seconds;
  if (grant.snapshots === null || !path.components.some((name) => name.startsWith("@GMT-"))) {
    return { seconds, path };
  }
  const folder = folderBelow(grant);
  const components: string[] = [];
  for (const name of path.components) {
    const told = isFolder(components, folder) ? undefined : secondsOfToken(name);
    if (told === undefined) {
      components.push(name);
      continue;
    }
    if (seconds !== undefined && seconds !== told) return Status.OBJECT_NAME_NOT_FOUND;
    seconds = told;
  }
  return { seconds, path: { ...path, components } };
}

/** The snapshots' folder where it may be below the share: as a path below it. */
function folderBelow({ path, snapshots }: ShareGrant): string | undefined {
  const folder = snapshots?.folder ?? "";
  if (!folder.startsWith("/")) return folder;
  return folder.startsWith(`${path}/`) ? folder.slice(path.length + 1) : undefined;
}

function isFolder(components: readonly string[], folder: string | undefined): boolean {
  return folder !== undefined && components.length > 0 && components.join("/") === folder;
}

/** The snapshot of that time, or the status where there is none. */
export function openSnapshot(tree: Tree, seconds: number, isPosix: boolean): MaybePromise<Snapshot | number> {
  return andThen(tree.store?.snapshots?.().at(seconds) ?? EOPNOTSUPP, (snapshot) => {
    if (typeof snapshot !== "number") {
      const { store, path } = snapshot;
      return isPosix ? { store: store.posixView?.() ?? store, path } : snapshot;
    }
    const isMissing = snapshot === EOPNOTSUPP || snapshot === ENOENT;
    return isMissing ? Status.OBJECT_NAME_NOT_FOUND : lookupStatusOf(snapshot);
  });
}

/** What a request may not ask of a snapshot: anything to be made, replaced or removed. SUCCESS, or the refusal. */
export function checkSnapshotRequest(request: CreateRequest): number {
  const deletes = (request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  const makes = request.createDisposition === CreateDisposition.CREATE;
  return deletes || makes || overwrites(request) ? Status.MEDIA_WRITE_PROTECTED : Status.SUCCESS;
}

/** Whether SET_INFO changes something on disk, which a snapshot has no room for. */
export function changesSnapshot(open: Open, request: SetInfoRequest): boolean {
  if (open.snapshotPath === undefined) return false;
  const { infoType, infoClass } = request;
  const isOfOpen = infoClass === FileInfoClass.POSITION || infoClass === FileInfoClass.MODE;
  return infoType !== InfoType.FILE || !isOfOpen;
}

const changingControls: ReadonlySet<number> = new Set([
  Fsctl.SET_SPARSE,
  Fsctl.SET_ZERO_DATA,
  Fsctl.FILE_LEVEL_TRIM,
  Fsctl.SET_COMPRESSION,
  Fsctl.SRV_COPYCHUNK,
  Fsctl.SRV_COPYCHUNK_WRITE,
  Fsctl.DUPLICATE_EXTENTS_TO_FILE,
  Fsctl.SET_REPARSE_POINT,
  Fsctl.DELETE_REPARSE_POINT,
]);

/** The same for a control code. */
export function changesSnapshotByControl(open: Open | undefined, ctlCode: number): boolean {
  return open?.snapshotPath !== undefined && changingControls.has(ctlCode);
}

/** FSCTL_SRV_ENUMERATE_SNAPSHOTS: all tokens, or how much room they need. */
export function enumerateSnapshots(exchange: Exchange, request: IoctlRequest): MaybePromise<number> {
  const { tree } = exchange.open as Open;
  if (request.maxOutputResponse < LEAST_BYTES) return Status.INVALID_PARAMETER;
  return andThen(tree.store?.snapshots?.().times() ?? EOPNOTSUPP, (times) => {
    // Who may not list them is told of none.
    const known = times === EACCES ? [] : times;
    if (typeof known === "number") return known === EOPNOTSUPP ? Status.NOT_SUPPORTED : statusOf(known);
    const arraySize = snapshotArraySize(known.length);
    // All or none are listed.
    const fits = known.length > 0 && HEAD_BYTES + arraySize <= request.maxOutputResponse;
    const tokens = fits ? known.map(tokenOf) : [];
    const writer = new Writer(new Uint8Array(fits ? HEAD_BYTES + arraySize : LEAST_BYTES));
    encodeSnapshotArray(writer, { available: known.length, arraySize, tokens });
    answerIoctl(exchange, request, writer.bytes.subarray(0, writer.position));
    return Status.SUCCESS;
  });
}
