// A durable open that the server before has left (state/stored-open.ts): when its client reconnects, the file
// is opened again as the client's user. [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12.
import type { MaybePromise } from "../../../port/port.ts";
import { CreateOption } from "../../../wire/command/create.ts";
import { Access } from "../../../wire/security/access.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { EngineContext } from "../../connection/context.ts";
import { factsOf, isUnchanged } from "../../state/file-facts.ts";
import type { Open } from "../../state/open.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { type FileHandle, FileKind, type FileNode, type FileStore } from "../../vfs/store.ts";
import { closeOpen } from "../close/teardown.ts";
import { mirrorLocks } from "../lock/lock-mirror.ts";
import { accessFor, loadRights } from "../open/access-check.ts";
import { dataModeOf } from "../open/data-mode.ts";

/**
 * Gives `open` its descriptors, through `tree` of the client that reconnects. Another file of that name,
 * data that was changed without this server, or access that the user does not have any more closes the open:
 * OBJECT_NAME_NOT_FOUND, and the client opens the file anew.
 */
export function reopen(context: EngineContext, open: Open, tree: Tree): MaybePromise<NtStatus> {
  const store = storeFor(open, tree);
  const path = open.pathBelow(tree.grant.path);
  if (store === undefined || path === "") return refuse(context, open);
  const components = store.clientPath(path).split(open.isPosix ? "/" : "\\");
  return andThen(store.lookup(components), (found) => {
    const node = typeof found === "number" ? undefined : found.node;
    if (node === undefined) return refuse(context, open);
    return andThen(openAgain(open, tree, store, components, node), (handle) => {
      // The client has sent this twice, the open's time is over, or the session has ended.
      const isLate = !isAwaited(context, open) || !tree.session.trees.has(tree.id);
      if (handle !== undefined && !isLate) return resume(context, open, node, handle);
      if (typeof handle === "object") void handle.close();
      node.close();
      return isLate ? Status.OBJECT_NAME_NOT_FOUND : refuse(context, open);
    });
  });
}

/** True while the open waits for its client and has no descriptors yet. */
function isAwaited({ durables }: EngineContext, open: Open): boolean {
  return !open.isClosed && durables.isDetached(open) && open.node === undefined;
}

function storeFor({ isPosix }: Open, { store, grant }: Tree): FileStore | undefined {
  return isPosix ? (grant.posixExtensions ? store?.posixView?.() : undefined) : store;
}

/** Opens the data of `node`; "none" where the open has no access to data, undefined where it is refused. */
function openAgain(
  open: Open,
  tree: Tree,
  store: FileStore,
  components: readonly string[],
  node: FileNode,
): MaybePromise<FileHandle | "none" | undefined> {
  const { file, grantedAccess } = open;
  const now = factsOf(node.identity, node.stat);
  const isSame = file?.identity === now.identity && isUnchanged(file.leftFacts ?? now, now);
  if (!isSame || node.stat.kind !== FileKind.FILE) return undefined;
  return andThen(loadRights(tree, store, components, node, grantedAccess), (status) => {
    const maximal = accessFor(tree, node, grantedAccess) | Access.ACCESS_SYSTEM_SECURITY;
    if (status !== Status.SUCCESS || (grantedAccess & ~maximal) !== 0) return undefined;
    const writes = (grantedAccess & (Access.WRITE_DATA | Access.APPEND_DATA)) !== 0;
    const writeThrough = (open.createOptions & CreateOption.WRITE_THROUGH) !== 0;
    const mode = dataModeOf(tree, node, grantedAccess, writes, writeThrough);
    if (mode === undefined) return "none";
    return andThen(node.open(mode), (handle) => (typeof handle === "number" ? undefined : handle));
  });
}

/** The open has its file back, and this server sees from now on what changes it. */
function resume(
  context: EngineContext,
  open: Open,
  node: FileNode,
  handle: FileHandle | "none",
): MaybePromise<NtStatus> {
  const { file, fixedTimes } = open;
  open.node = node;
  open.handle = handle === "none" ? undefined : handle;
  if (fixedTimes?.access !== undefined) open.handle?.keepAccessTime?.(true);
  if (file === undefined) return Status.SUCCESS;
  file.leftFacts = undefined;
  context.log.debug.oplock?.(`open ${open.id} of the server before has its client again: ${file.path}`);
  return andThen(lockAgain(open), (isFree) => (isFree ? Status.SUCCESS : refuse(context, open)));
}

/** False where a local program holds a lock that conflicts with one of the open. */
async function lockInKernel(open: Open): Promise<boolean> {
  const { file } = open;
  const { locks } = file ?? {};
  if (file === undefined || locks === undefined) return true;
  for (const { offset, length } of [...locks.heldBy(open.id)])
    if (!(await mirrorLocks(open, file, locks, offset, length))) return false;
  return true;
}

function lockAgain(open: Open): MaybePromise<boolean> {
  const hasLocks = (open.file?.locks?.countOf(open.id) ?? 0) > 0;
  return hasLocks && open.tree.grant.posixLocking ? lockInKernel(open) : true;
}

function refuse(context: EngineContext, open: Open): MaybePromise<NtStatus> {
  context.log.debug.oplock?.(`open ${open.id} of the server before ends, its file is not what it was`);
  return andThen(closeOpen(context, open), () => Status.OBJECT_NAME_NOT_FOUND);
}
