// The extended attributes that CREATE brings in SMB2_CREATE_EA_BUFFER; [MS-SMB2] 2.2.13.2.1.
import type { MaybePromise } from "../../../port/port.ts";
import { CreateAction, CreateOption, type CreateRequest } from "../../../wire/command/create.ts";
import { decodeExtendedAttributes } from "../../../wire/fscc/extended-attribute.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import { FileKind, type FileNode } from "../../vfs/store.ts";
import { needsKnowledge } from "../../vfs/extended-attributes.ts";
import type { Creation } from "./creation.ts";
import { change, checkAttributes, decodeList } from "../open/extended-attributes.ts";

/** SUCCESS, or why a CREATE with these attributes is refused before any file is looked at. */
export function checkCreateAttributes(request: CreateRequest, tree: Tree): NtStatus {
  const data = request.contexts.extendedAttributes;
  if (data === undefined || data.length === 0) return Status.SUCCESS;
  if (!tree.grant.eaSupport) return Status.EAS_NOT_SUPPORTED;
  // 2.1.5.1: who knows nothing of them cannot give any.
  if ((request.createOptions & CreateOption.NO_EA_KNOWLEDGE) !== 0) return Status.ACCESS_DENIED;
  const attributes = decodeList(data, decodeExtendedAttributes);
  return typeof attributes === "number" ? attributes : checkAttributes(attributes);
}

/** 2.1.5.1.2: a file whose attributes must be known is not for who knows nothing of them. */
export function checkKnowledge(creation: Creation, node: FileNode): MaybePromise<NtStatus> {
  const { request, tree } = creation;
  const hasNone = (request.createOptions & CreateOption.NO_EA_KNOWLEDGE) !== 0;
  if (!hasNone || !tree.grant.eaSupport) return Status.SUCCESS;
  return andThen(needsKnowledge(node.values), (needs) => (needs ? Status.ACCESS_DENIED : Status.SUCCESS));
}

/**
 * Sets what CREATE has brought for a file that it made or overwrote; others keep what they have. A file that was made
 * goes again where that fails.
 */
export function applyCreateAttributes(creation: Creation, node: FileNode): MaybePromise<NtStatus> {
  const data = creation.request.contexts.extendedAttributes;
  if (data === undefined || data.length === 0 || creation.action === CreateAction.OPENED)
    return Status.SUCCESS;
  const attributes = decodeExtendedAttributes(data);
  return andThen(change(creation.tree, node, attributes), (status) => {
    const { file, store, tree } = creation;
    const isNew = creation.action === CreateAction.CREATED;
    if (status === Status.SUCCESS || !isNew || file === undefined) return status;
    const isDirectory = node.stat.kind === FileKind.DIRECTORY;
    return andThen(store.remove(file.pathBelow(tree.grant.path), file.identity, isDirectory), () => status);
  });
}
