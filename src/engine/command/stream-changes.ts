// What is told of a named stream that changes, to those who watch its directory; [MS-FSA] 2.1.4.1, [MS-FSCC] 2.7.1.
import { NotifyAction } from "../../wire/fscc/notify.ts";
import type { EngineContext } from "../connection/context.ts";
import type { Open } from "../state/open.ts";

/** `filter` has the CompletionFilter bits that the change concerns. Call it in the turn of the change. */
export function reportStream(
  context: EngineContext,
  open: Open,
  action: NotifyAction,
  filter: number,
  name: string | undefined = open.file?.stream?.name,
): void {
  const { notify } = context;
  if (notify.count > 0 && open.file !== undefined && name !== undefined) {
    notify.streamChanged(action, open.file.path, name, filter);
  }
}
