// Requests that would change a snapshot and are refused on opens in one.
import { Fsctl } from "../../../wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../wire/fscc/info-class.ts";
import { InfoType } from "../../../wire/command/query-info.ts";
import type { SetInfoRequest } from "../../../wire/command/set-info.ts";
import type { Open } from "../../state/open.ts";

/** True if the open is in a snapshot and the SET_INFO would change the disk (all but position and mode). */
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

/** True if the open is in a snapshot and the FSCTL would change the disk. */
export function changesSnapshotByControl(open: Open | undefined, ctlCode: number): boolean {
  return open?.snapshotPath !== undefined && changingControls.has(ctlCode);
}
