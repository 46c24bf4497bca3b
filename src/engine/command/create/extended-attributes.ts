// Extended attributes in a CREATE (SMB2_CREATE_EA_BUFFER); [MS-SMB2] 2.2.13.2.1.
import type { MaybePromise } from "../../../port/port.ts";
import { CreateAction, CreateOption, type CreateRequest } from "../../../wire/command/create.ts";
import { decodeExtendedAttributes } from "../../../wire/fscc/extended-attribute.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { FileKind, type FileNode } from "../../vfs/store.ts";
import { needsKnowledge } from "../../vfs/extended-attributes.ts";
import type { Creation } from "./creation.ts";
import { changeAttributes, checkAttributes, decodeList } from "../open/extended-attributes.ts";

/** Returns SUCCESS, or the status that the request's extended attributes fail with; needs no file. */
export function checkCreateAttributes(request: CreateRequest, tree: Tree): NtStatus {
  const data = request.contexts.extendedAttributes;
  if (data === undefined || data.length === 0) return Status.SUCCESS;
  if (!tree.grant.eaSupport) return Status.EAS_NOT_SUPPORTED;
  // [MS-FSA] 2.1.5.1: FILE_NO_EA_KNOWLEDGE excludes extended attributes in the request.
  if ((request.createOptions & CreateOption.NO_EA_KNOWLEDGE) !== 0) return Status.ACCESS_DENIED;
  const attributes = decodeList(data, decodeExtendedAttributes);
  return typeof attributes === "number" ? attributes : checkAttributes(attributes);
}

/** [MS-FSA] 2.1.5.1.2: a file with a NEED_EA attribute refuses FILE_NO_EA_KNOWLEDGE with ACCESS_DENIED. */
export function checkEaKnowledge(creation: Creation, node: FileNode): MaybePromise<NtStatus> {
  const { request, tree } = creation;
  const hasNone = (request.createOptions & CreateOption.NO_EA_KNOWLEDGE) !== 0;
  if (!hasNone || !tree.grant.eaSupport) return Status.SUCCESS;
  return andThen(needsKnowledge(node.values), (needs) => (needs ? Status.ACCESS_DENIED : Status.SUCCESS));
}

/**
 * Sets the request's extended attributes on a file that this CREATE created or overwrote. If that fails, a
 * created file is removed again. Returns the status.
 */
export function applyCreateAttributes(creation: Creation, node: FileNode): MaybePromise<NtStatus> {
  const data = creation.request.contexts.extendedAttributes;
  if (data === undefined || data.length === 0 || creation.action === CreateAction.OPENED)
    return Status.SUCCESS;
  const attributes = decodeExtendedAttributes(data);
  return andThen(changeAttributes(creation.tree, node, attributes), (status) => {
    const { file, store, tree } = creation;
    const isNew = creation.action === CreateAction.CREATED;
    if (status === Status.SUCCESS || !isNew || file === undefined) return status;
    const isDirectory = node.stat.kind === FileKind.DIRECTORY;
    return andThen(store.remove(file.pathBelow(tree.grant.path), file.identity, isDirectory), () => status);
  });
}
