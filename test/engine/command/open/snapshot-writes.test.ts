// Requests that an open in a snapshot refuses with STATUS_MEDIA_WRITE_PROTECTED.
import { describe, expect, test } from "bun:test";
import {
  changesSnapshot,
  changesSnapshotByControl,
} from "../../../../src/engine/command/open/snapshot-writes.ts";
import { InfoType } from "../../../../src/wire/command/query-info.ts";
import { FILE_ID_ALL_ONES } from "../../../../src/wire/file-id.ts";
import { Fsctl } from "../../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass } from "../../../../src/wire/fscc/info-class.ts";
import { makeOpen } from "../open-fixture.ts";

const inSnapshot = makeOpen({ snapshotPath: "/share/.snapshots/1" });
const inShare = makeOpen({});

function isRefused(open: typeof inShare, infoType: number, infoClass: number): boolean {
  const request = { infoType, infoClass, additionalInformation: 0, fileId: FILE_ID_ALL_ONES };
  return changesSnapshot(open, { ...request, buffer: new Uint8Array(0) });
}

describe("SET_INFO in a snapshot", () => {
  test.each([
    ["FilePositionInformation", "allowed", InfoType.FILE, FileInfoClass.POSITION],
    ["FileModeInformation", "allowed", InfoType.FILE, FileInfoClass.MODE],
    ["FileBasicInformation", "refused", InfoType.FILE, FileInfoClass.BASIC],
    ["FileRenameInformation", "refused", InfoType.FILE, FileInfoClass.RENAME],
    ["FileRenameInformationEx", "refused", InfoType.FILE, FileInfoClass.RENAME_EX],
    ["FileLinkInformation", "refused", InfoType.FILE, FileInfoClass.LINK],
    ["FileDispositionInformation", "refused", InfoType.FILE, FileInfoClass.DISPOSITION],
    ["FileDispositionInformationEx", "refused", InfoType.FILE, FileInfoClass.DISPOSITION_EX],
    ["FileAllocationInformation", "refused", InfoType.FILE, FileInfoClass.ALLOCATION],
    ["FileEndOfFileInformation", "refused", InfoType.FILE, FileInfoClass.END_OF_FILE],
    ["FileFullEaInformation", "refused", InfoType.FILE, FileInfoClass.FULL_EA],
    ["an unknown class", "refused", InfoType.FILE, 200],
    ["a security descriptor", "refused", InfoType.SECURITY, 0],
    ["a volume's information", "refused", InfoType.FILESYSTEM, FileInfoClass.POSITION],
    ["quotas", "refused", InfoType.QUOTA, FileInfoClass.MODE],
  ])("[MS-FSA] 2.1.5.15: a change of %s is %s", (_, verdict, infoType, infoClass) => {
    expect(isRefused(inSnapshot, infoType, infoClass)).toBe(verdict === "refused");
    expect(isRefused(inShare, infoType, infoClass)).toBe(false);
  });
});

describe("IOCTL in a snapshot", () => {
  test.each([
    ["FSCTL_SET_SPARSE", "refused", Fsctl.SET_SPARSE],
    ["FSCTL_SET_ZERO_DATA", "refused", Fsctl.SET_ZERO_DATA],
    ["FSCTL_FILE_LEVEL_TRIM", "refused", Fsctl.FILE_LEVEL_TRIM],
    ["FSCTL_SET_COMPRESSION", "refused", Fsctl.SET_COMPRESSION],
    ["FSCTL_SRV_COPYCHUNK", "refused", Fsctl.SRV_COPYCHUNK],
    ["FSCTL_SRV_COPYCHUNK_WRITE", "refused", Fsctl.SRV_COPYCHUNK_WRITE],
    ["FSCTL_DUPLICATE_EXTENTS_TO_FILE", "refused", Fsctl.DUPLICATE_EXTENTS_TO_FILE],
    ["FSCTL_SET_REPARSE_POINT", "refused", Fsctl.SET_REPARSE_POINT],
    ["FSCTL_DELETE_REPARSE_POINT", "refused", Fsctl.DELETE_REPARSE_POINT],
    ["FSCTL_GET_REPARSE_POINT", "allowed", Fsctl.GET_REPARSE_POINT],
    ["FSCTL_GET_COMPRESSION", "allowed", Fsctl.GET_COMPRESSION],
    ["FSCTL_QUERY_ALLOCATED_RANGES", "allowed", Fsctl.QUERY_ALLOCATED_RANGES],
    ["FSCTL_SRV_ENUMERATE_SNAPSHOTS", "allowed", Fsctl.SRV_ENUMERATE_SNAPSHOTS],
    // A copy out of a snapshot, the source of which this key names, is allowed.
    ["FSCTL_SRV_REQUEST_RESUME_KEY", "allowed", Fsctl.SRV_REQUEST_RESUME_KEY],
    ["FSCTL_QUERY_FILE_REGIONS", "allowed", Fsctl.QUERY_FILE_REGIONS],
  ])("[MS-FSA] 2.1.5.10: %s is %s", (_, verdict, ctlCode) => {
    expect(changesSnapshotByControl(inSnapshot, ctlCode)).toBe(verdict === "refused");
    expect(changesSnapshotByControl(inShare, ctlCode)).toBe(false);
  });

  test("a control code without an open changes no snapshot", () => {
    expect(changesSnapshotByControl(undefined, Fsctl.SET_SPARSE)).toBe(false);
  });
});
