// Every file information class for every kind of object in both directions: the table by which the server dispatches
// is what a client gets, and smbd (4.17) answers the same but for the differences that are named here.
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  type Direction,
  type ObjectKind,
  statusOfClass,
} from "../../../src/engine/command/open/file-classes.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { FileInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { type NtStatus, Status } from "../../../src/wire/status.ts";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { type Mount, mountShare, openFile, queryInfoCall, setInfoCall } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const KINDS: readonly ObjectKind[] = ["file", "folder", "stream", "pipe"];
const DIRECTIONS: readonly Direction[] = ["query", "set"];
const CLASSES = Array.from({ length: 256 }, (_, i) => i);
/** Enough for every class; as a change, zeros change nothing. */
const BYTES = 4096;
const ZEROS = new Uint8Array(64);
const PIPE_ACCESS = 0x0012_019f;

const statusNames = new Map<number, string>(Object.entries(Status).map(([name, status]) => [status, name]));
const classNames = new Map<number, string>(Object.entries(FileInfoClass).map(([name, id]) => [id, name]));

/** Statuses by "KIND DIRECTION CLASS". */
type Answers = ReadonlyMap<string, string>;

let ours: TestServer;
let answers: Answers;
beforeAll(async () => {
  ours = await startServer({ parameters: { "mangled names": "yes" } });
  answers = await askAll(ours);
});
afterAll(async () => {
  await ours?.stop();
});

async function openKind(disk: Mount, pipes: Mount, kind: ObjectKind): Promise<FileId> {
  const isFolder = kind === "folder";
  if (kind === "pipe") return (await openFile(pipes, "srvsvc", { desiredAccess: PIPE_ACCESS })).fileId;
  const name = kind === "stream" ? "a long file name:stream" : `a long ${kind} name`;
  const opened = await openFile(disk, name, {
    desiredAccess: Access.MAXIMUM_ALLOWED,
    createDisposition: CreateDisposition.OPEN_IF,
    createOptions: isFolder ? CreateOption.DIRECTORY_FILE : 0,
  });
  return opened.fileId;
}

async function askAll(server: TestServer): Promise<Answers> {
  const found = new Map<string, string>();
  const disk = await mountShare(server, TESTER, "test");
  const pipes = await mountShare(server, TESTER, "IPC$");
  for (const kind of KINDS) {
    const mount = kind === "pipe" ? pipes : disk;
    const fileId = await openKind(disk, pipes, kind);
    for (const direction of DIRECTIONS) {
      for (const infoClass of CLASSES) {
        const call =
          direction === "query"
            ? queryInfoCall(mount, fileId, InfoType.FILE, infoClass, BYTES)
            : setInfoCall(mount, fileId, infoClass, ZEROS);
        const { status } = await mount.client.request(call);
        found.set(cell(kind, direction, infoClass), statusNames.get(status) ?? status.toString(16));
      }
    }
  }
  disk.client.close();
  pipes.client.close();
  return found;
}

function cell(kind: ObjectKind, direction: Direction, infoClass: number): string {
  return `${kind} ${direction} ${classNames.get(infoClass) ?? infoClass}`;
}

const nameOf = (status: NtStatus): string => statusNames.get(status) ?? "";

test("a class that is not served gets the status of the table, one that is served another than those", () => {
  const wrong: string[] = [];
  const refusals = new Set(["NOT_SUPPORTED", "INVALID_INFO_CLASS"]);
  for (const kind of KINDS)
    for (const direction of DIRECTIONS)
      for (const infoClass of CLASSES) {
        const key = cell(kind, direction, infoClass);
        const answer = answers.get(key) ?? "";
        const status = statusOfClass(direction, infoClass, kind);
        const isRight = status === Status.SUCCESS ? !refusals.has(answer) : answer === nameOf(status);
        if (!isRight) wrong.push(`${key}: ${answer}`);
      }
  expect(wrong).toEqual([]);
});

/** Cells of a served class that differ from smbd, with our status, smbd's and the reason. */
const served: Readonly<Record<string, readonly [ours: string, smbd: string]>> = {
  // [MS-FSA] 2.1.5.12.16, 2.1.5.12.31 and 2.1.5.15.5 do not exclude streams; smbd has none on a stream's open.
  "stream query FULL_EA": ["NO_EAS_ON_FILE", "INVALID_PARAMETER"],
  "stream query STREAM": ["SUCCESS", "INVALID_PARAMETER"],
  // Since Windows 8.
  "file query ID": ["SUCCESS", "INVALID_INFO_CLASS"],
  "folder query ID": ["SUCCESS", "INVALID_INFO_CLASS"],
  "stream query ID": ["SUCCESS", "INVALID_INFO_CLASS"],
  // An empty name: [MS-FSA] 2.1.5.15.11 and 2.1.5.15.6.
  "file set RENAME": ["OBJECT_NAME_INVALID", "INVALID_PARAMETER"],
  "folder set RENAME": ["OBJECT_NAME_INVALID", "INVALID_PARAMETER"],
  "file set LINK": ["OBJECT_NAME_INVALID", "INVALID_PARAMETER"],
  "folder set LINK": ["OBJECT_NAME_INVALID", "INVALID_PARAMETER"],
  "stream set LINK": ["OBJECT_NAME_INVALID", "INVALID_PARAMETER"],
  // [MS-FSA] 2.1.5.15.5: an attribute without a name.
  "file set FULL_EA": ["INVALID_EA_NAME", "INVALID_PARAMETER"],
  "folder set FULL_EA": ["INVALID_EA_NAME", "INVALID_PARAMETER"],
  "stream set FULL_EA": ["INVALID_EA_NAME", "INVALID_PARAMETER"],
  // [MS-FSA] 2.1.5.15.13 and 2.1.5.15.14: a privilege that nobody has.
  "file set VALID_DATA_LENGTH": ["PRIVILEGE_NOT_HELD", "NOT_SUPPORTED"],
  "folder set VALID_DATA_LENGTH": ["PRIVILEGE_NOT_HELD", "NOT_SUPPORTED"],
  "stream set VALID_DATA_LENGTH": ["PRIVILEGE_NOT_HELD", "NOT_SUPPORTED"],
  "file set SHORT_NAME": ["PRIVILEGE_NOT_HELD", "NOT_SUPPORTED"],
  "folder set SHORT_NAME": ["PRIVILEGE_NOT_HELD", "NOT_SUPPORTED"],
  "stream set SHORT_NAME": ["INVALID_PARAMETER", "NOT_SUPPORTED"],
  // Since Windows 10.
  "file set DISPOSITION_EX": ["SUCCESS", "INVALID_INFO_CLASS"],
  "folder set DISPOSITION_EX": ["SUCCESS", "INVALID_INFO_CLASS"],
  "stream set DISPOSITION_EX": ["SUCCESS", "INVALID_INFO_CLASS"],
  "file set RENAME_EX": ["OBJECT_NAME_INVALID", "INVALID_INFO_CLASS"],
  "folder set RENAME_EX": ["OBJECT_NAME_INVALID", "INVALID_INFO_CLASS"],
  "stream set RENAME_EX": ["INVALID_PARAMETER", "INVALID_INFO_CLASS"],
  "file set LINK_EX": ["OBJECT_NAME_INVALID", "INVALID_INFO_CLASS"],
  "folder set LINK_EX": ["OBJECT_NAME_INVALID", "INVALID_INFO_CLASS"],
  "stream set LINK_EX": ["OBJECT_NAME_INVALID", "INVALID_INFO_CLASS"],
};

/** Classes that can be set only, or are for local programs, and which smbd lets clients query. */
const queriedOfSmbd = ["NAME", "DISPOSITION", "ALLOCATION", "END_OF_FILE"];

/** What smbd answers where it differs for a reason that concerns many cells; else undefined. */
function smbdByRule(kind: ObjectKind, direction: Direction, infoClass: number): string | undefined {
  const status = statusOfClass(direction, infoClass, kind);
  const name = classNames.get(infoClass) ?? "";
  // smbd refuses everything of a pipe but one query alike.
  if (kind === "pipe") return status === Status.SUCCESS ? undefined : "NOT_SUPPORTED";
  if (direction === "query" && queriedOfSmbd.includes(name)) return "SUCCESS";
  // It ignores the size of a folder; [MS-FSA] 2.1.5.15.1 and 2.1.5.15.4 demand INVALID_PARAMETER.
  if (status === Status.INVALID_PARAMETER) return "SUCCESS";
  // It does not tell classes that exist from those that nobody knows.
  return status === Status.SUCCESS ? undefined : "INVALID_INFO_CLASS";
}

test.skipIf(!hasSmbd())("smbd answers the same but for named differences", async () => {
  const parameters = { "vfs objects": "streams_xattr", "mangled names": "yes" };
  const smbd = await startSmbd({ shares: [{ name: "test", parameters }] });
  try {
    const theirs = await askAll(smbd);
    const wrong: string[] = [];
    for (const kind of KINDS)
      for (const direction of DIRECTIONS)
        for (const infoClass of CLASSES) {
          const key = cell(kind, direction, infoClass);
          const named = served[key];
          const expected = named?.[1] ?? smbdByRule(kind, direction, infoClass) ?? answers.get(key);
          if (theirs.get(key) !== expected) wrong.push(`${key}: smbd ${theirs.get(key)}, not ${expected}`);
          if (named !== undefined && answers.get(key) !== named[0])
            wrong.push(`${key}: ${answers.get(key)}, not ${named[0]}`);
        }
    expect(wrong).toEqual([]);
  } finally {
    await smbd.stop();
  }
});
