// Valid requests on files for fuzzing: every create context, information class and file system control.
// [MS-SMB2] 2.2.13.2, 2.2.31, 2.2.37, 2.2.39; [MS-FSCC] 2.3, 2.4; "SMB3 POSIX Extensions".
import { FileGeneric } from "../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../src/wire/command/create.ts";
import { EMPTY, Writer } from "../../src/wire/cursor.ts";
import { type FileId, writeFileId } from "../../src/wire/file-id.ts";
import { encodeDuplicateExtents } from "../../src/wire/fscc/copychunk.ts";
import { Fsctl } from "../../src/wire/fscc/fsctl.ts";
import { FileInfoClass, FsInfoClass, queryFileSize } from "../../src/wire/fscc/info-class.ts";
import { encodeRenameInformation, encodeRenameInformationEx } from "../../src/wire/fscc/rename.ts";
import { encodeNfsReparse, encodeSymlinkReparse, NfsInodeType } from "../../src/wire/fscc/reparse.ts";
import { Command } from "../../src/wire/header.ts";
import { POSIX_INFO_CLASS } from "../../src/wire/posix.ts";
import { encodeQueryInfoRequest, InfoType } from "../../src/wire/command/query-info.ts";
import { encodeSetInfoRequest } from "../../src/wire/command/set-info.ts";
import { attributeList, attributesCall, bytesOf } from "../e2e/client/attribute-calls.ts";
import { copyCall, pair, resumeKey } from "../e2e/client/fsctl-calls.ts";
import type { Call } from "../e2e/client/raw-calls.ts";
import {
  callOn,
  closeCall,
  createCall,
  ioctlCall,
  linkCall,
  type Mount,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  readCall,
  setInfoCall,
  writeCall,
} from "../e2e/client/raw-files.ts";
import {
  descriptorOf,
  encodeDescriptor,
  querySecurityCall,
  setSecurityCall,
} from "../e2e/client/security-calls.ts";

/** The open files that the samples use; `retargetFiles` replaces them by others. */
export interface FileTargets {
  readonly file: FileId;
  readonly folder: FileId;
  readonly stream: FileId;
  /** The resume key of `file`. */
  readonly key: Uint8Array;
}

export const SNAPSHOT = "@GMT-2020.01.02-03.04.05";
const SNAPSHOT_TIME = { seconds: 1_577_934_245, nanoseconds: 0 };

let opened = 0;

/** Opens targets under new names: mutated requests leave files read-only, renamed, deleted or replaced. */
export async function openFileTargets(mount: Mount): Promise<FileTargets> {
  const name = `target ${++opened}`;
  const all = {
    desiredAccess: FileGeneric.ALL,
    createDisposition: CreateDisposition.OPEN_IF,
    // Some FSCTLs and information classes need an open with the POSIX context.
    contexts: opened % 2 === 0 ? {} : { posix: { mode: 0o777 } },
  };
  const file = (await openFile(mount, name, all)).fileId;
  const folder = await openFile(mount, `${name}.d`, { ...all, createOptions: CreateOption.DIRECTORY_FILE });
  const stream = (await openFile(mount, `${name}:stream`, { ...all, contexts: {} })).fileId;
  await mount.client.demand("write", writeCall(mount, file, 0, new Uint8Array(70_000).fill(5)));
  return { file, folder: folder.fileId, stream, key: await resumeKey(mount, file) };
}

const idBytes = (id: FileId): Uint8Array => bytesOf((writer) => writeFileId(writer, id));

/** Replaces the FileIds and the resume key of targets in a message by those of other targets. */
export function retargetFiles(bytes: Uint8Array, from: FileTargets, to: FileTargets): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // First the key, because it contains the FileId.
  const pairs = [
    [from.key, to.key],
    [idBytes(from.file), idBytes(to.file)],
    [idBytes(from.folder), idBytes(to.folder)],
    [idBytes(from.stream), idBytes(to.stream)],
  ] as const;
  // The IDs of old and new targets are distinct, so a replaced ID is not replaced again.
  for (const [was, is] of pairs) {
    for (let at = buffer.indexOf(was); at >= 0; at = buffer.indexOf(was, at + was.length)) bytes.set(is, at);
  }
}

const DESCRIPTOR = encodeDescriptor(
  descriptorOf({
    aces: [
      ["D", 0x13, 0x40, "S-1-22-1-2"],
      ["A", 0x03, 0x001f01ff, "S-1-22-1-1"],
      ["A", 0x0b, 0x001f01ff, "S-1-3-0"],
      ["A", 0x00, 0x001200a9, "S-1-1-0"],
    ],
  }),
);
const WITH_OWNER = encodeDescriptor(
  descriptorOf({
    owner: "S-1-22-1-1",
    group: "S-1-22-2-1",
    aces: [["A", 0x00, 0x001f01ff, "S-1-1-0"]],
  }),
);
const ATTRIBUTES = attributeList({ ONE: "first", Two: "second value", three: "" });

/** CREATE requests with every context, and with special names (streams, snapshots, sidecar, `..`). */
export function createSamples(mount: Mount): Call[] {
  const make = (
    name: string,
    contexts: CreateRequest["contexts"],
    options: Partial<CreateRequest> = {},
  ): Call =>
    createCall(mount, name, {
      desiredAccess: FileGeneric.ALL,
      createDisposition: CreateDisposition.OPEN_IF,
      ...options,
      contexts,
    });
  const both = { maximalAccess: { timestamp: undefined }, queryOnDiskId: true } as const;
  const inFolder = { createOptions: CreateOption.DIRECTORY_FILE };
  return [
    make("new ea", { extendedAttributes: ATTRIBUTES }),
    make("new sd", { securityDescriptor: DESCRIPTOR, ...both }),
    make("new owner", { securityDescriptor: WITH_OWNER, ...both }),
    make("new sd folder", { securityDescriptor: DESCRIPTOR }, inFolder),
    make("new sd folder\\child", { extendedAttributes: ATTRIBUTES, securityDescriptor: DESCRIPTOR, ...both }),
    make("posix", { posix: { mode: 0o4755 }, ...both }),
    make("posix folder", { posix: { mode: 0o1777 } }, inFolder),
    make("POSIX", { posix: { mode: 0o600 }, securityDescriptor: DESCRIPTOR }),
    make("linked", { posix: { mode: 0 } }, { createOptions: CreateOption.OPEN_REPARSE_POINT }),
    make("linked\\below", {}),
    make("all", { ...both, allocationSize: 65_536, maximalAccess: { timestamp: SNAPSHOT_TIME } }),
    make("base:stream", both),
    make("base:stream:$DATA", {}, { createDisposition: CreateDisposition.OVERWRITE_IF }),
    make("base::$DATA", {}, { createDisposition: CreateDisposition.SUPERSEDE }),
    make("folder::$INDEX_ALLOCATION", {}, inFolder),
    make("base:AFP_AfpInfo", {}, { createOptions: CreateOption.DELETE_ON_CLOSE }),
    make("file", { timewarp: SNAPSHOT_TIME, ...both }, { createDisposition: CreateDisposition.OPEN }),
    make("", { timewarp: SNAPSHOT_TIME }, { createDisposition: CreateDisposition.OPEN }),
    make(`${SNAPSHOT}\\file`, both, { createDisposition: CreateDisposition.OPEN }),
    make(`folder\\${SNAPSHOT}\\file:stream`, {}),
    make("..\\outside\\canary", {}),
    make("folder\\..\\..\\canary", {}, { createOptions: CreateOption.DELETE_ON_CLOSE }),
    make(".minismbd\\file.values", {}),
    make("bin", {}, inFolder),
    make(".recycle\\file", {}, { createOptions: CreateOption.DELETE_ON_CLOSE }),
    make("deleted", {}, { createOptions: CreateOption.DELETE_ON_CLOSE }),
    make("apple", { apple: { command: 1, requestBitmap: 7, clientCapabilities: 1 } }),
  ];
}

const FILE_CLASSES: readonly number[] = [
  ...Object.values(FileInfoClass).filter((infoClass) => queryFileSize(infoClass) !== undefined),
  ...[FileInfoClass.STREAM, FileInfoClass.QUOTA, FileInfoClass.STAT, POSIX_INFO_CLASS],
];
const SET_CLASSES = [
  FileInfoClass.BASIC,
  FileInfoClass.DISPOSITION,
  FileInfoClass.DISPOSITION_EX,
  FileInfoClass.POSITION,
  FileInfoClass.MODE,
  FileInfoClass.END_OF_FILE,
  FileInfoClass.VALID_DATA_LENGTH,
  FileInfoClass.SHORT_NAME,
  FileInfoClass.CASE_SENSITIVE,
];

/** SET_INFO and QUERY_INFO requests of every class. */
export function informationSamples(mount: Mount, { file, folder, stream }: FileTargets): Call[] {
  const other = (infoType: number, infoClass: number, buffer: Uint8Array): Call =>
    callOn(mount, Command.SET_INFO, (writer) =>
      encodeSetInfoRequest(writer, { infoType, infoClass, additionalInformation: 0, fileId: file, buffer }),
    );
  const moved = { flags: 3, name: "moved here" };
  const calls = [
    setSecurityCall(mount, file, DESCRIPTOR, 4),
    setSecurityCall(mount, folder, DESCRIPTOR, 4),
    setSecurityCall(mount, stream, DESCRIPTOR, 4),
    setSecurityCall(mount, file, WITH_OWNER, 7),
    ...[file, folder, stream].map((id) => querySecurityCall(mount, id, 7)),
    ...[file, folder, stream].map((id) => setInfoCall(mount, id, FileInfoClass.FULL_EA, ATTRIBUTES)),
    attributesCall(mount, file),
    attributesCall(mount, file, { names: ["ONE", "two", "none"] }),
    attributesCall(mount, file, { flags: 4, index: 2 }),
    linkCall(mount, file, "linked again", true),
    ...["moved here", "folder\\moved", "..\\outside\\moved", ":moved:$DATA", `${SNAPSHOT}\\x`].flatMap(
      (name) =>
        [file, stream, folder].map((id) =>
          setInfoCall(
            mount,
            id,
            FileInfoClass.RENAME,
            bytesOf((writer) => encodeRenameInformation(writer, { flags: 1, name })),
          ),
        ),
    ),
    ...[FileInfoClass.RENAME_EX, FileInfoClass.LINK_EX].map((infoClass) =>
      setInfoCall(
        mount,
        file,
        infoClass,
        bytesOf((writer) => encodeRenameInformationEx(writer, moved)),
      ),
    ),
    ...SET_CLASSES.map((infoClass) => setInfoCall(mount, file, infoClass, new Uint8Array(40))),
    setInfoCall(mount, stream, FileInfoClass.END_OF_FILE, Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0)),
    setInfoCall(mount, folder, FileInfoClass.DISPOSITION_EX, Uint8Array.of(0x11, 0, 0, 0)),
    other(InfoType.QUOTA, 0, new Uint8Array(80)),
    other(InfoType.FILESYSTEM, FsInfoClass.LABEL, new Uint8Array(20)),
    ...FILE_CLASSES.flatMap((infoClass) => [
      queryInfoCall(mount, file, InfoType.FILE, infoClass),
      queryInfoCall(mount, stream, InfoType.FILE, infoClass, 100),
      queryInfoCall(mount, folder, InfoType.FILE, infoClass),
    ]),
    ...[...Object.values(FsInfoClass), POSIX_INFO_CLASS].map((infoClass) =>
      queryInfoCall(mount, file, InfoType.FILESYSTEM, infoClass),
    ),
  ];
  return [...calls, quotaCall(mount, file)];
}

/** A QUERY_INFO request with SMB2_QUERY_QUOTA_INFO ([MS-SMB2] 2.2.37.1) and a list of SIDs. */
function quotaCall(mount: Mount, fileId: FileId): Call {
  return callOn(mount, Command.QUERY_INFO, (writer) =>
    encodeQueryInfoRequest(writer, {
      infoType: InfoType.QUOTA,
      infoClass: 0,
      outputBufferLength: 4096,
      additionalInformation: 0,
      flags: 0,
      fileId,
      inputBuffer: Uint8Array.fromHex(
        "01000000180000000000000000000000" + "0000000010000000" + "01020000000000160100000001000000",
      ),
    }),
  );
}

/** QUERY_DIRECTORY requests of every information class. */
export function listingSamples(mount: Mount, { folder }: FileTargets): Call[] {
  const levels: number[] = [
    FileInfoClass.DIRECTORY,
    FileInfoClass.FULL_DIRECTORY,
    FileInfoClass.BOTH_DIRECTORY,
    FileInfoClass.NAMES,
    FileInfoClass.ID_BOTH_DIRECTORY,
    FileInfoClass.ID_FULL_DIRECTORY,
    FileInfoClass.ID_EXTD_DIRECTORY,
    POSIX_INFO_CLASS,
  ];
  return levels.flatMap((infoClass) => [
    queryDirectoryCall(mount, folder, { infoClass, flags: 0x11 }),
    queryDirectoryCall(mount, folder, { infoClass, flags: 0x06, pattern: '<.?"*', outputBufferLength: 200 }),
  ]);
}

/** IOCTL requests of every control code, with valid input where one is needed. */
export function controlSamples(mount: Mount, targets: FileTargets): Call[] {
  const { file, folder, stream, key } = targets;
  const link = { isRelative: true, substituteName: "file", printName: "file" };
  const special = { major: 1, minor: 3 };
  const chunks = [
    { sourceOffset: 0, targetOffset: 4096, length: 10_000 },
    { sourceOffset: 20_000, targetOffset: 0, length: 300 },
  ];
  const copy = { source: file, sourceOffset: 0, targetOffset: 65_536, byteCount: 4096 };
  const trim = bytesOf((writer: Writer) => {
    writer.u32(0);
    writer.u32(2);
    writer.raw(pair(0n, 4096n));
    writer.raw(pair(8192n, 100n));
  });
  const inputs: readonly (readonly [number, Uint8Array])[] = [
    [Fsctl.SET_SPARSE, EMPTY],
    [Fsctl.SET_SPARSE, Uint8Array.of(0)],
    [Fsctl.SET_ZERO_DATA, pair(100n, 50_000n)],
    [Fsctl.QUERY_ALLOCATED_RANGES, pair(0n, 100_000n)],
    [Fsctl.FILE_LEVEL_TRIM, trim],
    [Fsctl.GET_COMPRESSION, EMPTY],
    [Fsctl.SET_COMPRESSION, Uint8Array.of(1, 0)],
    [Fsctl.QUERY_FILE_REGIONS, EMPTY],
    [Fsctl.SRV_ENUMERATE_SNAPSHOTS, EMPTY],
    [Fsctl.SRV_REQUEST_RESUME_KEY, EMPTY],
    [Fsctl.GET_REPARSE_POINT, EMPTY],
    [Fsctl.SET_REPARSE_POINT, bytesOf((writer) => encodeSymlinkReparse(writer, link))],
    [
      Fsctl.SET_REPARSE_POINT,
      bytesOf((writer) => encodeNfsReparse(writer, { type: NfsInodeType.FIFO, ...special })),
    ],
    [
      Fsctl.SET_REPARSE_POINT,
      bytesOf((writer) => encodeNfsReparse(writer, { type: NfsInodeType.CHARACTER, ...special })),
    ],
    [Fsctl.DELETE_REPARSE_POINT, Uint8Array.fromHex("0c0000a000000000")],
    [Fsctl.DUPLICATE_EXTENTS_TO_FILE, bytesOf((writer) => encodeDuplicateExtents(writer, copy))],
  ];
  const bare = [
    Fsctl.VALIDATE_NEGOTIATE_INFO,
    Fsctl.OFFLOAD_READ,
    Fsctl.SET_OBJECT_ID,
    Fsctl.QUERY_FILE_REGIONS,
  ];
  return [
    ...inputs.flatMap(([code, input]) =>
      [file, stream, folder].map((id) => ioctlCall(mount, code, input, id)),
    ),
    ...bare.map((code) => ioctlCall(mount, code, new Uint8Array(32), file)),
    copyCall(mount, file, key, chunks),
    copyCall(mount, file, key, chunks, Fsctl.SRV_COPYCHUNK_WRITE),
    copyCall(mount, stream, key, chunks.slice(1)),
    copyCall(mount, stream, key, chunks, Fsctl.SRV_COPYCHUNK_WRITE),
    ioctlCall(mount, Fsctl.QUERY_ALLOCATED_RANGES, pair(0n, 1n << 40n), file, 20),
    ioctlCall(mount, Fsctl.SRV_ENUMERATE_SNAPSHOTS, EMPTY, folder, 16),
  ];
}

export function dataSamples(mount: Mount, { file, stream }: FileTargets): Call[] {
  return [
    writeCall(mount, stream, 0, new Uint8Array(100).fill(9)),
    writeCall(mount, file, 60_000, new Uint8Array(300).fill(8)),
    readCall(mount, stream, 0, 1000),
  ];
}

export function closeSamples(mount: Mount, { file, stream, folder }: FileTargets): Call[] {
  return [stream, folder, file].map((id) => closeCall(mount, id, 1));
}
