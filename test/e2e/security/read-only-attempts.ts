// Requests that change something through an open file, each with the right that it needs and the statuses it
// may end with: where nothing may be changed, and where changes are allowed.
import { Access } from "../../../src/wire/security/access.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { encodeDuplicateExtents } from "../../../src/wire/fscc/copychunk.ts";
import { DispositionFlag, encodeBasicChange } from "../../../src/wire/fscc/file-information.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass, FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { encodeRenameInformationEx } from "../../../src/wire/fscc/rename.ts";
import { encodeNfsReparse, encodeSymlinkReparse, NfsInodeType } from "../../../src/wire/fscc/reparse.ts";
import { Command } from "../../../src/wire/header.ts";
import { InfoType, SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { encodeSetInfoRequest } from "../../../src/wire/command/set-info.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER_UID } from "../../peer/test-server.ts";
import { attributeList, bytesOf } from "../client/attribute-calls.ts";
import { copyCall, pair, resumeKey } from "../client/fsctl-calls.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  callOn,
  deleteCall,
  ioctlCall,
  linkCall,
  type Mount,
  renameCall,
  setInfoCall,
  writeCall,
} from "../client/raw-files.ts";
import {
  OWNER_GROUP_DACL,
  descriptorOf,
  encodeDescriptor,
  setSecurityCall,
} from "../client/security-calls.ts";

export const REFUSED = [Status.ACCESS_DENIED, Status.MEDIA_WRITE_PROTECTED];
/** For changes that no share supports, or that no client may make. */
const NEVER = [...REFUSED, Status.NOT_SUPPORTED, Status.PRIVILEGE_NOT_HELD, Status.INVALID_DEVICE_REQUEST];
const OWNER = `S-1-22-1-${TESTER_UID}`;
/** A descriptor with a DACL only, which every share accepts. */
export const RIGHTS = encodeDescriptor(descriptorOf({ aces: [["A", 0, 0x001f_01ff, "S-1-1-0"]] }));
const DESCRIPTOR = encodeDescriptor(
  descriptorOf({ owner: OWNER, aces: [["A", 0, 0x001f_01ff, OWNER]], group: `S-1-22-2-${TESTER_UID}` }),
);

export const ALL = Access.READ_DATA | Access.READ_ATTRIBUTES | Access.READ_EA | Access.READ_CONTROL;

export interface Changing {
  readonly name: string;
  /** The right that the change needs. */
  readonly access: number;
  readonly call: (mount: Mount, fileId: FileId, source: Source) => Call | Promise<Call>;
  /** Statuses where nothing may be changed. Default: `REFUSED`. */
  readonly allowed?: readonly number[];
  /** Statuses where changes are allowed. Default: STATUS_SUCCESS. */
  readonly works?: readonly number[];
  readonly isPosix?: boolean;
}

/** Another file of the same tree, open for reading. */
export interface Source {
  readonly fileId: FileId;
}

const info =
  (infoClass: number, buffer: Uint8Array) =>
  (mount: Mount, fileId: FileId): Call =>
    setInfoCall(mount, fileId, infoClass, buffer);
const control =
  (code: number, input: Uint8Array) =>
  (mount: Mount, fileId: FileId): Call =>
    ioctlCall(mount, code, input, fileId);
const anyInfo =
  (infoType: number, infoClass: number, buffer: Uint8Array) =>
  (mount: Mount, fileId: FileId): Call =>
    callOn(mount, Command.SET_INFO, (writer) =>
      encodeSetInfoRequest(writer, { infoType, infoClass, additionalInformation: 0, fileId, buffer }),
    );
const secured =
  (parts: number) =>
  (mount: Mount, fileId: FileId): Call =>
    setSecurityCall(mount, fileId, DESCRIPTOR, parts);

const number8 = (value: number): Uint8Array => pair(BigInt(value), 0n).slice(0, 8);
const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const time = { seconds: 1_000_000_000, nanoseconds: 0 };
const basic = { birth: undefined, access: undefined, modify: undefined, change: undefined, attributes: 0 };
const named = (name: string, flags: number): Uint8Array =>
  bytesOf((writer) => encodeRenameInformationEx(writer, { flags, name }));
const { WRITE_DATA, WRITE_ATTRIBUTES, WRITE_EA, WRITE_DAC, WRITE_OWNER, DELETE } = Access;
const { OWNER: OF_OWNER, GROUP, DACL } = SecurityInformation;
const { DELETE: GOES, POSIX_SEMANTICS, ON_CLOSE, IGNORE_READONLY_ATTRIBUTE } = DispositionFlag;

export const changes: readonly (readonly [string, Changing])[] = [
  ["WRITE", { name: "file", access: WRITE_DATA, call: (m, id) => writeCall(m, id, 0, new Uint8Array(10)) }],
  [
    "WRITE at the end",
    {
      name: "file",
      access: Access.APPEND_DATA,
      call: (m, id) => writeCall(m, id, 100_000, new Uint8Array(10)),
    },
  ],
  [
    "WRITE to a stream",
    { name: "file:known", access: WRITE_DATA, call: (m, id) => writeCall(m, id, 0, new Uint8Array(10)) },
  ],
  ["a smaller size", { name: "file", access: WRITE_DATA, call: info(FileInfoClass.END_OF_FILE, number8(5)) }],
  [
    "a larger size",
    { name: "file", access: WRITE_DATA, call: info(FileInfoClass.END_OF_FILE, number8(2 ** 20)) },
  ],
  [
    "a stream's size",
    { name: "file:known", access: WRITE_DATA, call: info(FileInfoClass.END_OF_FILE, number8(1)) },
  ],
  [
    "a larger allocation",
    { name: "file", access: WRITE_DATA, call: info(FileInfoClass.ALLOCATION, number8(2 ** 20)) },
  ],
  [
    "a smaller allocation",
    { name: "file", access: WRITE_DATA, call: info(FileInfoClass.ALLOCATION, number8(0)) },
  ],
  [
    "a valid data length",
    {
      name: "file",
      access: WRITE_DATA,
      call: info(FileInfoClass.VALID_DATA_LENGTH, number8(9)),
      allowed: NEVER,
      works: NEVER,
    },
  ],
  [
    "times",
    {
      name: "file",
      access: WRITE_ATTRIBUTES,
      call: info(
        FileInfoClass.BASIC,
        bytesOf((w) => encodeBasicChange(w, { ...basic, modify: time, birth: time })),
      ),
    },
  ],
  [
    "frozen times",
    {
      name: "file",
      access: WRITE_ATTRIBUTES,
      call: info(
        FileInfoClass.BASIC,
        bytesOf((w) => encodeBasicChange(w, { ...basic, modify: "stop", access: "stop" })),
      ),
    },
  ],
  ...["file", "dir"].map((name): readonly [string, Changing] => [
    `attributes of ${name}`,
    {
      name,
      access: WRITE_ATTRIBUTES,
      call: info(
        FileInfoClass.BASIC,
        bytesOf((w) => encodeBasicChange(w, { ...basic, attributes: 0x7 })),
      ),
    },
  ]),
  ...["file", "dir"].map((name): readonly [string, Changing] => [
    `an extended attribute of ${name}`,
    { name, access: WRITE_EA, call: info(FileInfoClass.FULL_EA, attributeList({ NEW: "value" })) },
  ]),
  ["deletion", { name: "file", access: DELETE, call: deleteCall }],
  ["deletion of a directory", { name: "empty", access: DELETE, call: deleteCall }],
  ["deletion of a stream", { name: "file:known", access: DELETE, call: deleteCall }],
  ...[GOES, GOES | POSIX_SEMANTICS, GOES | ON_CLOSE, GOES | IGNORE_READONLY_ATTRIBUTE].map(
    (flags): readonly [string, Changing] => [
      `deletion with flags ${flags}`,
      { name: "file", access: DELETE, call: info(FileInfoClass.DISPOSITION_EX, word(flags)) },
    ],
  ),
  ["a rename", { name: "file", access: DELETE, call: (m, id) => renameCall(m, id, "renamed", false) }],
  [
    "a rename over another",
    { name: "file", access: DELETE, call: (m, id) => renameCall(m, id, "other", true) },
  ],
  [
    "a rename of a directory",
    { name: "dir", access: DELETE, call: (m, id) => renameCall(m, id, "renamed", false) },
  ],
  [
    "a rename of a stream",
    { name: "file:known", access: DELETE, call: (m, id) => renameCall(m, id, ":new", false) },
  ],
  [
    "a rename to another case",
    { name: "file", access: DELETE, call: (m, id) => renameCall(m, id, "FILE", false) },
  ],
  [
    "a POSIX rename",
    { name: "file", access: DELETE, call: info(FileInfoClass.RENAME_EX, named("other", 3)) },
  ],
  ["a link", { name: "file", access: WRITE_ATTRIBUTES, call: (m, id) => linkCall(m, id, "linked", false) }],
  [
    "a link over another",
    { name: "file", access: WRITE_ATTRIBUTES, call: (m, id) => linkCall(m, id, "other", true) },
  ],
  [
    "a POSIX link",
    { name: "file", access: WRITE_ATTRIBUTES, call: info(FileInfoClass.LINK_EX, named("other", 3)) },
  ],
  [
    "a short name",
    {
      name: "file",
      access: DELETE,
      call: info(FileInfoClass.SHORT_NAME, new Uint8Array(16)),
      allowed: NEVER,
      works: NEVER,
    },
  ],
  ["a DACL", { name: "file", access: WRITE_DAC, call: secured(DACL) }],
  ["a DACL of a directory", { name: "dir", access: WRITE_DAC, call: secured(DACL) }],
  ["an owner", { name: "file", access: WRITE_OWNER, call: secured(OF_OWNER | GROUP) }],
  ["a whole descriptor", { name: "file", access: WRITE_OWNER | WRITE_DAC, call: secured(OWNER_GROUP_DACL) }],
  [
    "a mode",
    {
      name: "file",
      access: WRITE_DAC,
      isPosix: true,
      call: (m, id) => {
        const mode = descriptorOf({ aces: [["A", 0, 0, `S-1-5-88-3-${0o700}`]] });
        return setSecurityCall(m, id, encodeDescriptor(mode), DACL);
      },
    },
  ],
  [
    "the sparse attribute",
    { name: "file", access: WRITE_DATA, call: control(Fsctl.SET_SPARSE, new Uint8Array([1])) },
  ],
  ["zeros", { name: "file", access: WRITE_DATA, call: control(Fsctl.SET_ZERO_DATA, pair(0n, 65_536n)) }],
  [
    "zeros in a stream",
    { name: "file:known", access: WRITE_DATA, call: control(Fsctl.SET_ZERO_DATA, pair(0n, 5n)) },
  ],
  [
    "trimmed ranges",
    {
      name: "file",
      access: WRITE_DATA,
      call: control(
        Fsctl.FILE_LEVEL_TRIM,
        new Uint8Array([...pair(1n << 32n, 0n).slice(0, 8), ...pair(0n, 65_536n)]),
      ),
    },
  ],
  [
    "compression",
    { name: "file", access: WRITE_DATA, call: control(Fsctl.SET_COMPRESSION, new Uint8Array(2)) },
  ],
  [
    "a symlink",
    {
      name: "blank",
      access: WRITE_ATTRIBUTES,
      isPosix: true,
      // Only an open that has created the file can make it one.
      works: [Status.ACCESS_DENIED],
      call: control(
        Fsctl.SET_REPARSE_POINT,
        bytesOf((w) => encodeSymlinkReparse(w, { isRelative: true, substituteName: "x", printName: "x" })),
      ),
    },
  ],
  [
    "a FIFO",
    {
      name: "blank",
      access: WRITE_ATTRIBUTES,
      isPosix: true,
      // Only an open that has created the file can make it one.
      works: [Status.ACCESS_DENIED],
      call: control(
        Fsctl.SET_REPARSE_POINT,
        bytesOf((w) => encodeNfsReparse(w, { type: NfsInodeType.FIFO, major: 0, minor: 0 })),
      ),
    },
  ],
  [
    "deletion of a reparse point",
    {
      name: "file",
      access: WRITE_ATTRIBUTES,
      works: [Status.NOT_A_REPARSE_POINT],
      call: control(Fsctl.DELETE_REPARSE_POINT, new Uint8Array([0x0c, 0, 0, 0xa0, 0, 0, 0, 0])),
    },
  ],
  ...[Fsctl.SRV_COPYCHUNK, Fsctl.SRV_COPYCHUNK_WRITE].map((code): readonly [string, Changing] => [
    `a copy by ${code.toString(16)}`,
    {
      name: "file",
      access: WRITE_DATA,
      call: async (m, id, { fileId }) => {
        const chunks = [{ sourceOffset: 10, targetOffset: 0, length: 1000 }];
        return copyCall(m, id, await resumeKey(m, fileId), chunks, code);
      },
    },
  ]),
  [
    "shared blocks",
    {
      name: "file",
      access: WRITE_DATA,
      call: (m, id, { fileId: source }) => {
        const range = { source, sourceOffset: 0, targetOffset: 0, byteCount: 65_536 };
        return ioctlCall(
          m,
          Fsctl.DUPLICATE_EXTENTS_TO_FILE,
          bytesOf((w) => encodeDuplicateExtents(w, range)),
          id,
        );
      },
      allowed: [...REFUSED, Status.INVALID_DEVICE_REQUEST],
      works: [Status.SUCCESS, Status.NOT_SUPPORTED, Status.INVALID_DEVICE_REQUEST],
    },
  ],
  [
    "an object id",
    {
      name: "file",
      access: WRITE_ATTRIBUTES,
      call: control(0x0009_0098, new Uint8Array(64)),
      allowed: NEVER,
      works: NEVER,
    },
  ],
  [
    "a quota",
    {
      name: "",
      access: 0,
      call: anyInfo(InfoType.QUOTA, 0, new Uint8Array(64)),
      allowed: NEVER,
      works: NEVER,
    },
  ],
  [
    "a volume's label",
    {
      name: "",
      access: 0,
      call: anyInfo(InfoType.FILESYSTEM, FsInfoClass.LABEL, new Uint8Array(16)),
      allowed: [...NEVER, Status.INVALID_INFO_CLASS],
      works: [...NEVER, Status.INVALID_INFO_CLASS],
    },
  ],
];
