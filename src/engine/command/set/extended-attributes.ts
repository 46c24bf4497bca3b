// SET_INFO of FileFullEaInformation ([MS-FSA] 2.1.5.15.5).
import type { MaybePromise } from "../../../port/port.ts";
import { CompletionFilter } from "../../../wire/command/change-notify.ts";
import { decodeExtendedAttributes } from "../../../wire/fscc/extended-attribute.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";
import { type NtStatus, Status } from "../../../wire/status.ts";
import type { Exchange } from "../../connection/exchange.ts";
import type { Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode } from "../../vfs/store.ts";
import { holdChangeTime } from "../open/modified.ts";
import { changeAttributes, checkAttributes, decodeList } from "../open/extended-attributes.ts";

export function setExtendedAttributes(
  exchange: Exchange,
  open: Open,
  node: FileNode,
  buffer: Uint8Array,
): MaybePromise<NtStatus> {
  if (!open.tree.grant.eaSupport) return Status.EAS_NOT_SUPPORTED;
  const attributes = decodeList(buffer, decodeExtendedAttributes);
  if (typeof attributes === "number") return attributes;
  const refusal = checkAttributes(attributes);
  if (refusal !== Status.SUCCESS) return refusal;
  const { notify } = exchange.context;
  const done = andThen(changeAttributes(open.tree, node, attributes), (status) => {
    if (status !== Status.SUCCESS) return status;
    if (notify.count > 0 && open.file !== undefined) {
      notify.changed(NotifyAction.MODIFIED, open.file.path, CompletionFilter.EA);
    }
    return andThen(holdChangeTime(exchange.context, open), () => status);
  });
  return open.file === undefined ? done : notify.during(done, open.file.path);
}
