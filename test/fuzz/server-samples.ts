// Valid messages for fuzzing: the tokens of a log-on, and a request of every command.
// [MS-SMB2] 2.2.
import { nativeProvider } from "../../src/crypto/native.ts";
import { Access } from "../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption, OplockLevel } from "../../src/wire/command/create.ts";
import { Writer } from "../../src/wire/cursor.ts";
import { CompletionFilter, encodeChangeNotifyRequest } from "../../src/wire/command/change-notify.ts";
import { FILE_ID_ALL_ONES, type FileId, writeFileId } from "../../src/wire/file-id.ts";
import { Fsctl } from "../../src/wire/fscc/fsctl.ts";
import { FileInfoClass, FsInfoClass } from "../../src/wire/fscc/info-class.ts";
import { Command, HeaderFlag, HeaderOffset } from "../../src/wire/header.ts";
import { encodeLockRequest, LockFlag } from "../../src/wire/command/lock.ts";
import { InfoType } from "../../src/wire/command/query-info.ts";
import { type Call, negotiateCall, sessionSetupCall, treeConnectCall } from "../e2e/client/raw-calls.ts";
import { TESTER } from "../peer/test-server.ts";
import {
  callOn,
  closeCall,
  createCall,
  createDirectory,
  createFile,
  deleteCall,
  ioctlCall,
  linkCall,
  type Mount,
  queryDirectoryCall,
  queryInfoCall,
  readCall,
  renameCall,
  setInfoCall,
  writeCall,
} from "../e2e/client/raw-files.ts";
import { NtlmExchange } from "../e2e/client/raw-ntlm.ts";

/** Requests that are valid before log-on. */
export function callsBeforeLogOn(): Call[] {
  const exchange = new NtlmExchange(nativeProvider, { user: TESTER.user, password: "any" });
  const raw = new NtlmExchange(nativeProvider, { user: TESTER.user, password: "any", isRaw: true });
  return [
    negotiateCall({}),
    negotiateCall({ dialects: [0x0202, 0x0210] }),
    negotiateCall({ dialects: [0x0311], ciphers: [1, 2, 3, 4], signing: [0, 1, 2] }),
    sessionSetupCall({}, exchange.first(), 0),
    sessionSetupCall({}, raw.first(), 0),
  ];
}

const simple = (mount: Mount, command: number): Call =>
  callOn(mount, command, (writer: Writer) => writer.u32(4));

/** The open file and directory that the samples use. */
export interface Targets {
  readonly file: FileId;
  readonly folder: FileId;
}

/** FileIds in messages that are kept: `retarget` replaces them by those of a connection. */
export const PLACEHOLDERS: Targets = {
  file: { persistentLow: 0x11111111, persistentHigh: 0x1111, volatileLow: 0x11111111, volatileHigh: 0x1111 },
  folder: {
    persistentLow: 0x22222222,
    persistentHigh: 0x2222,
    volatileLow: 0x22222222,
    volatileHigh: 0x2222,
  },
};

let opened = 0;

/** Opens targets under new names: mutated requests leave files read-only, deleted or replaced. */
export async function openTargets(mount: Mount): Promise<Targets> {
  opened++;
  return {
    file: await createFile(mount, `fuzz ${opened}.bin`),
    folder: await createDirectory(mount, `fuzz ${opened}`),
  };
}

/** Replaces the FileIds of targets in a message by those of other targets. */
export function retarget(bytes: Uint8Array, from: Targets, to: Targets): void {
  for (const [was, is] of [
    [fileIdBytes(from.file), fileIdBytes(to.file)],
    [fileIdBytes(from.folder), fileIdBytes(to.folder)],
  ] as const) {
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(was);
    if (at >= 0) bytes.set(is, at);
  }
}

function fileIdBytes(id: FileId): Uint8Array {
  const writer = new Writer(new Uint8Array(16));
  writeFileId(writer, id);
  return writer.bytes;
}

/** Requests of every command on these targets. */
export function callsAfterLogOn(mount: Mount, targets: Targets, canAllocate: boolean): Call[] {
  return [
    ...dataCalls(mount, targets, canAllocate),
    ...informationCalls(mount, targets, canAllocate),
    ...sessionCalls(mount),
  ];
}

function dataCalls(mount: Mount, { file }: Targets, canAllocate: boolean): Call[] {
  const related = { flags: HeaderFlag.RELATED_OPERATIONS };
  return [
    createCall(mount, "some name.txt", {
      desiredAccess: Access.MAXIMUM_ALLOWED,
      createDisposition: CreateDisposition.OPEN_IF,
      contexts: {
        maximalAccess: { timestamp: undefined },
        queryOnDiskId: true,
        durableRequest: true,
        ...(canAllocate ? { allocationSize: 4096 } : {}),
      },
    }),
    createCall(mount, "folder\\below", {
      createOptions: CreateOption.DIRECTORY_FILE,
      oplockLevel: OplockLevel.BATCH,
    }),
    createCall(mount, "leased", {
      createDisposition: CreateDisposition.OPEN_IF,
      oplockLevel: OplockLevel.LEASE,
      contexts: {
        lease: {
          version: 2,
          key: new Uint8Array(16).fill(5),
          state: 7,
          flags: 0,
          parentKey: new Uint8Array(16),
          epoch: 1,
        },
      },
    }),
    closeCall(mount, file, 1),
    { ...closeCall(mount, FILE_ID_ALL_ONES), ...related },
    { ...closeCall(mount, file), command: Command.FLUSH },
    readCall(mount, file, 0, 1000),
    writeCall(mount, file, 0, new Uint8Array(500).fill(7)),
  ];
}

function informationCalls(mount: Mount, { file, folder }: Targets, canAllocate: boolean): Call[] {
  const eightBytes = new Uint8Array(8);
  const informationClasses = [
    FileInfoClass.BASIC,
    FileInfoClass.ALL,
    FileInfoClass.STREAM,
    FileInfoClass.NETWORK_OPEN,
  ];
  return [
    queryDirectoryCall(mount, folder),
    queryDirectoryCall(mount, folder, {
      pattern: "*.t?t",
      flags: 0x13,
      infoClass: FileInfoClass.FULL_DIRECTORY,
    }),
    ...informationClasses.map((infoClass) => queryInfoCall(mount, file, InfoType.FILE, infoClass)),
    queryInfoCall(mount, file, InfoType.FILESYSTEM, FsInfoClass.FULL_SIZE),
    queryInfoCall(mount, file, InfoType.SECURITY, 0),
    setInfoCall(mount, file, FileInfoClass.BASIC, new Uint8Array(40)),
    setInfoCall(mount, file, FileInfoClass.END_OF_FILE, eightBytes),
    ...(canAllocate ? [setInfoCall(mount, file, FileInfoClass.ALLOCATION, eightBytes)] : []),
    renameCall(mount, file, "fuzz\\renamed", true),
    linkCall(mount, file, "fuzz\\linked", true),
    deleteCall(mount, file),
    ioctlCall(mount, Fsctl.VALIDATE_NEGOTIATE_INFO, new Uint8Array(32)),
    ioctlCall(mount, Fsctl.PIPE_TRANSCEIVE, new Uint8Array(100), file),
    ioctlCall(mount, Fsctl.QUERY_ALLOCATED_RANGES, new Uint8Array(16), file),
    callOn(mount, Command.LOCK, (writer) =>
      encodeLockRequest(writer, {
        sequenceNumber: 0,
        sequenceIndex: 0,
        fileId: file,
        locks: [{ offset: 0n, length: 10n, flags: LockFlag.EXCLUSIVE | LockFlag.FAIL_IMMEDIATELY }],
      }),
    ),
    callOn(mount, Command.CHANGE_NOTIFY, (writer) =>
      encodeChangeNotifyRequest(writer, {
        flags: 1,
        outputBufferLength: 1000,
        fileId: folder,
        completionFilter: CompletionFilter.FILE_NAME,
      }),
    ),
  ];
}

function sessionCalls(mount: Mount): Call[] {
  return [
    treeConnectCall(mount.session, "test"),
    treeConnectCall(mount.session, "IPC$"),
    simple(mount, Command.ECHO),
    simple(mount, Command.CANCEL),
    simple(mount, Command.TREE_DISCONNECT),
    simple(mount, Command.LOGOFF),
    callOn(mount, Command.OPLOCK_BREAK, (writer) => {
      writer.u16(24);
      writer.zero(22);
    }),
  ];
}

/**
 * Restores ProtocolId, MessageId, SessionId, TreeId and flags of a mutated message, so that the server
 * processes the rest.
 */
export function repairHeader(bytes: Uint8Array, messageId: number, mount?: Mount): void {
  if (bytes.length < 64) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  bytes.set([0xfe, 0x53, 0x4d, 0x42, 64, 0]);
  view.setBigUint64(HeaderOffset.MESSAGE_ID, BigInt(messageId), true);
  view.setUint32(HeaderOffset.NEXT_COMMAND, 0, true);
  view.setUint16(HeaderOffset.CREDIT_CHARGE, 1, true);
  const flags = view.getUint32(HeaderOffset.FLAGS, true) & HeaderFlag.RELATED_OPERATIONS;
  view.setUint32(HeaderOffset.FLAGS, flags, true);
  if (!mount) return;
  view.setBigUint64(HeaderOffset.SESSION_ID, BigInt(mount.session.id), true);
  view.setUint32(HeaderOffset.TREE_ID, mount.treeId, true);
}
