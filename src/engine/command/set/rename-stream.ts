// FileRenameInformation on a named stream: renames it within its file ([MS-FSA] 2.1.5.15.11).
import type { MaybePromise } from "../../../port/port.ts";
import { RenameFlag, type RenameInformation } from "../../../wire/fscc/rename.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open, SharedFile } from "../../state/open.ts";
import { foldName } from "../../vfs/name/names.ts";
import { parsePath } from "../../vfs/name/client-path.ts";
import { FileKind, type FileNode } from "../../vfs/store.ts";
import type { NamedValues } from "../../vfs/value-store.ts";
import type { StreamName } from "../../vfs/stream/stream-handle.ts";
import { findStream, type StreamForm, streamKey } from "../../vfs/stream/stored-stream.ts";
import { moveStream, removeStream } from "../../vfs/stream/stream-change.ts";
import { measureStream } from "../../vfs/stream/stream-content.ts";
import { parseStreamName, StreamType } from "./stream-name.ts";
import { entryChanged } from "../open/cache-breaks.ts";
import { statusOf } from "../errno-status.ts";

export function renameStream(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  { flags, name }: RenameInformation,
): MaybePromise<NtStatus> {
  const { file } = open;
  if (!name.startsWith(":")) return statusOfFileName(name);
  const newName = parseStreamName(name, StreamType.DATA);
  if (typeof newName === "number") return newName;
  if (newName === "") return statusOfDefault(node, flags);
  const key = streamKey(newName, open.tree.grant.names.reserved);
  if (key === undefined || file?.stream === undefined) return Status.OBJECT_NAME_INVALID;
  if (file.deletePending) return Status.ACCESS_DENIED;
  if (foldName(newName) === foldName(file.stream.name)) return Status.SUCCESS;
  const replaces = (flags & RenameFlag.REPLACE_IF_EXISTS) !== 0;
  return move(exchange, open, file, file.stream, node, {
    form: open.tree.grant.streamForm,
    name: newName,
    key,
    replaces,
  });
}

/**
 * The status of a rename of a named stream to the unnamed one, which a file always has and a directory never.
 * [MS-FSA] 2.1.5.15.11.1 lets it take the place of an empty one; smbd 4.17 answers SUCCESS and changes
 * nothing. No client is known to ask for it.
 */
function statusOfDefault(node: FileNode, flags: number): NtStatus {
  if (node.stat.kind === FileKind.DIRECTORY) return Status.INVALID_PARAMETER;
  return (flags & RenameFlag.REPLACE_IF_EXISTS) === 0 ? Status.OBJECT_NAME_COLLISION : Status.NOT_SUPPORTED;
}

/** A name that contains a file's; statuses as on Windows (smbtorture smb2.streams.rename2). */
function statusOfFileName(name: string): NtStatus {
  const path = parsePath(name);
  if (typeof path === "number") return path;
  return path.stream === undefined ? Status.INVALID_PARAMETER : Status.SHARING_VIOLATION;
}

/**
 * The status of a rename of an unnamed stream to `:name`; undefined for the name of a file. [MS-FSA]
 * 2.1.5.15.11.1 moves the file's data to the named stream and leaves the file empty. That is not supported;
 * smbd 4.17 ends the connection (panic).
 */
export function statusOfUnnamed(name: string, isDirectory: boolean): NtStatus | undefined {
  if (!name.startsWith(":")) return undefined;
  const newName = parseStreamName(name, isDirectory ? StreamType.DIRECTORY : StreamType.DATA);
  if (typeof newName === "number") return newName;
  return newName === "" ? Status.SUCCESS : Status.NOT_SUPPORTED;
}

/** The new name and how its value is stored. */
interface Target {
  readonly form: StreamForm;
  readonly name: string;
  readonly key: string;
  readonly replaces: boolean;
}

async function move(
  exchange: Exchange,
  open: Open,
  file: SharedFile,
  stream: StreamName,
  node: FileNode,
  target: Target,
): Promise<NtStatus> {
  const { context } = exchange;
  const { opens } = context;
  const folded = foldName(target.name);
  const from = stream.name;
  if (file.base?.streams?.has(folded) === true) {
    return target.replaces ? Status.INVALID_PARAMETER : Status.OBJECT_NAME_COLLISION;
  }
  // Until the rename is done, no client may open a stream of the new name.
  const reserved = file.base === undefined ? undefined : opens.takeStream(file.base, folded);
  if (reserved !== undefined) reserved.deletePending = true;
  open.beginUse();
  try {
    let status = await checkTarget(node.values, target);
    if (status === Status.SUCCESS)
      status = await context.notify.quietly(
        stream.run(() => moveValue(node.values, stream, target)),
        file.path,
      );
    if (status !== Status.SUCCESS) return status;
  } finally {
    open.endUse();
    if (reserved !== undefined) opens.dropIfUnused(reserved);
  }
  opens.renameStream(file, folded);
  context.notify.streamRenamed(file.path, from, target.name);
  entryChanged(context, open);
  return Status.SUCCESS;
}

/** Only an empty stream may be replaced; it is removed here. */
async function checkTarget(values: NamedValues, target: Target): Promise<NtStatus> {
  const stored = await findStream(values, target.name);
  if (typeof stored === "number") return statusOf(stored);
  if (stored === undefined) return Status.SUCCESS;
  if (!target.replaces) return Status.OBJECT_NAME_COLLISION;
  const stream = await measureStream(values, stored.key, target.form);
  if (typeof stream === "number") return statusOf(stream);
  if (stream.size > 0) return Status.INVALID_PARAMETER;
  const removed = await removeStream(values, stored.key);
  return removed < 0 ? statusOf(removed) : Status.SUCCESS;
}

/** Renames the stored value. */
async function moveValue(values: NamedValues, stream: StreamName, target: Target): Promise<NtStatus> {
  const moved = await moveStream(values, stream.key, target.key, target.form);
  if (moved < 0) return statusOf(moved);
  stream.key = target.key;
  stream.name = target.name;
  return Status.SUCCESS;
}
