// Attributes and times after a change of a file's data: ARCHIVE is set, and times that the client has set or
// frozen through the same open are restored. [MS-FSA] 2.1.4.17, 2.1.5.15.2.
import type { MaybePromise } from "../../../port/port.ts";
import type { BasicChange, TimeRequest } from "../../../wire/fscc/file-information.ts";
import type { Time } from "../../../wire/filetime.ts";
import type { EngineContext } from "../../connection/context.ts";
import type { FixedTimes, Open } from "../../state/open.ts";
import { andThen } from "../../and-then.ts";
import type { FileNode } from "../../vfs/store.ts";
import { NotifyAction } from "../../../wire/fscc/notify.ts";

/**
 * Call after data was changed through `open`. Sets ARCHIVE only with `marks`: once per open is enough.
 * Failures are ignored, the disk may not support attributes or times.
 */
export function noteModified(context: EngineContext, open: Open, marks: boolean): MaybePromise<unknown> {
  const { node } = open;
  if (node === undefined) return undefined;
  const isMarked = !marks || open.file?.isMarked === true;
  if (isMarked && open.fixedTimes === undefined && open.file?.base === undefined) return undefined;
  const noted = andThen(isMarked ? undefined : node.markForArchive(), () => restoreTimes(context, open));
  return context.notify.quietly(noted, open.file?.path);
}

/** Restores the times that the client has set or frozen through `open` and that the disk has changed. */
function restoreTimes(context: EngineContext, open: Open): MaybePromise<unknown> {
  // Writing a named stream (an extended attribute or a sidecar) does not change the file's mtime by itself.
  const now = open.file?.base === undefined ? undefined : timeOf(Date.now());
  const modify = open.fixedTimes?.modify ?? now;
  const restored = modify === undefined ? undefined : open.node?.setTimes({ modify });
  return andThen(restored, () => holdChangeTime(context, open));
}

/** Restores ChangeTime alone, after a change of attributes only. */
export function holdChangeTime(context: EngineContext, open: Open): MaybePromise<unknown> {
  const change = open.fixedTimes?.change;
  if (change === undefined || open.node === undefined) return undefined;
  return andThen(open.node.refresh(), (stat) => {
    if (typeof stat === "object") context.changeTimes.remember(stat, change);
  });
}

/**
 * Stores on `open` which times the client sets (they stay), freezes ("stop") or releases ("resume"). Call
 * before anything is changed. [MS-FSA] 2.1.5.15.2.
 */
export function fixTimes(
  context: EngineContext,
  open: Open,
  node: FileNode,
  change: BasicChange,
): MaybePromise<unknown> {
  const { access, modify, change: changed } = change;
  if (access === undefined && modify === undefined && changed === undefined) return undefined;
  return andThen(node.refresh(), (stat) => {
    if (typeof stat === "number") return;
    context.changeTimes.apply(stat);
    const before = open.fixedTimes;
    const times: FixedTimes = {
      access: fixedBy(access, before?.access, stat.accessSeconds, stat.accessNanoseconds),
      modify: fixedBy(modify, before?.modify, stat.modifySeconds, stat.modifyNanoseconds),
      change: fixedBy(changed, before?.change, stat.changeSeconds, stat.changeNanoseconds),
    };
    const isAny = times.access ?? times.modify ?? times.change;
    open.fixedTimes = isAny === undefined ? undefined : times;
    if (access !== undefined) open.handle?.keepAccessTime?.(times.access !== undefined);
  });
}

function timeOf(milliseconds: number): Time {
  return { seconds: Math.floor(milliseconds / 1000), nanoseconds: (milliseconds % 1000) * 1_000_000 };
}

function fixedBy(
  request: TimeRequest,
  before: Time | undefined,
  seconds: number,
  nanoseconds: number,
): Time | undefined {
  if (request === undefined) return before;
  if (request === "resume") return undefined;
  return request === "stop" ? { seconds, nanoseconds } : request;
}

/**
 * Reports a stream change to CHANGE_NOTIFY with the CompletionFilter bits `filter`. Call it before other
 * requests run.
 */
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
