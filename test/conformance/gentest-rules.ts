// Rules that change gentest's requests before the servers receive them: fields with which smbd 4.17 accepts
// what the specification refuses or the reverse, so that one server would carry out the request and the other
// not. Each rule names its section of the specification. Differences in responses only are in
// gentest-ignore.txt.
import {
  type AnswerRule,
  fileIdOf,
  forgetFileId,
  type KnownOpens,
  newNameOf,
  type Rule,
} from "./gentest-relay.ts";

const HEADER_BYTES = 64;
const CREATE = 5;
const CLOSE = 6;
const READ = 8;
const WRITE = 9;
const QUERY_INFO = 16;
const SET_INFO = 17;
/** Information classes of SET_INFO; [MS-FSCC] 2.4. */
const BASIC = 0x04;
const RENAME = 0x0a;
const DISPOSITION = 0x0d;
const ALLOCATION = 0x13;
const END_OF_FILE = 0x14;
/** DELETE, MAXIMUM_ALLOWED or GENERIC_ALL; [MS-SMB2] 2.2.13.1. */
const MAY_DELETE = 0x1201_0000;
const DIRECTORY = 0x10;
const ARCHIVE = 0x20;
const NORMAL = 0x80;
/** Offset of the attributes in the buffer of a QUERY_INFO response, by information class; [MS-FSCC] 2.4. */
const ATTRIBUTES_AT: Readonly<Record<number, number>> = { 4: 32, 18: 32, 34: 48, 35: 0 };

/** Field offsets from the header's start; [MS-SMB2] 2.2.13, 2.2.19, 2.2.21. */
const Field = {
  CREATE_ATTRIBUTES: HEADER_BYTES + 28,
  CREATE_SHARE_ACCESS: HEADER_BYTES + 32,
  CREATE_DISPOSITION: HEADER_BYTES + 36,
  CREATE_OPTIONS: HEADER_BYTES + 40,
  CREATE_CONTEXTS: HEADER_BYTES + 48,
  READ_CHANNEL: HEADER_BYTES + 36,
  WRITE_DATA_OFFSET: HEADER_BYTES + 2,
  WRITE_LENGTH: HEADER_BYTES + 4,
  WRITE_CHANNEL: HEADER_BYTES + 32,
  SET_INFO_CLASS: HEADER_BYTES + 3,
  SET_BASIC_ATTRIBUTES: HEADER_BYTES + 32 + 32,
  SET_RENAME_ROOT: HEADER_BYTES + 32 + 8,
} as const;

function commandOf(request: DataView): number {
  return request.getUint16(12, true);
}

function keepBits(request: DataView, at: number, bits: number): void {
  request.setUint32(at, request.getUint32(at, true) & bits, true);
}

/**
 * FileAttributes: undefined bits fail with INVALID_PARAMETER, and ENCRYPTED with ACCESS_DENIED without
 * encryption, as on Windows (smb2.create.gentest); [MS-FSA] 2.1.5.1, [MS-FSCC] 2.6. smbd accepts them all.
 */
function keepKnownAttributes(request: DataView): void {
  if (commandOf(request) === CREATE) keepBits(request, Field.CREATE_ATTRIBUTES, 0x3fb7);
}

/**
 * TEMPORARY, OFFLINE and NOT_CONTENT_INDEXED are stored with the file; [MS-FSA] 2.1.5.1.1. smbd discards
 * them. A READONLY file can be opened with MAXIMUM_ALLOWED; 2.1.5.1.2.1, smb2.maximum_allowed.read_only_file.
 * smbd 4.17 refuses that.
 */
function dropForgottenAttributes(request: DataView): void {
  if (commandOf(request) !== CREATE) return;
  // TEMPORARY stays for directories: both servers refuse it.
  const isDirectory = (request.getUint32(Field.CREATE_OPTIONS, true) & 1) !== 0;
  keepBits(request, Field.CREATE_ATTRIBUTES, isDirectory ? ~0x3001 : ~0x3101);
}

/**
 * Superseding a HIDDEN or SYSTEM file without these attributes fails with ACCESS_DENIED; [MS-FSA] 2.1.5.1.2.
 * smbd does it.
 */
function supersedeAsHidden(request: DataView): void {
  if (commandOf(request) !== CREATE || request.getUint32(Field.CREATE_DISPOSITION, true) !== 0) return;
  const attributes = request.getUint32(Field.CREATE_ATTRIBUTES, true);
  request.setUint32(Field.CREATE_ATTRIBUTES, attributes | 0x6, true);
}

/** ShareAccess: undefined bits fail with INVALID_PARAMETER; [MS-FSA] 2.1.5.1. smbd ignores them. */
function keepKnownSharing(request: DataView): void {
  if (commandOf(request) === CREATE) keepBits(request, Field.CREATE_SHARE_ACCESS, 0x7);
}

/** FILE_CREATE_TREE_CONNECTION fails with NOT_SUPPORTED; [MS-SMB2] 3.3.5.9. smbd ignores it. */
function dropTreeConnection(request: DataView): void {
  if (commandOf(request) === CREATE) keepBits(request, Field.CREATE_OPTIONS, ~0x80);
}

/**
 * CREATE in a missing snapshot fails with OBJECT_NAME_NOT_FOUND, as on Windows (smb2.create.blob); [MS-SMB2]
 * 3.3.5.9.4. smbd creates the file outside the snapshot. The context gets a tag that neither server knows.
 */
function hideTimewarp(request: DataView): void {
  if (commandOf(request) !== CREATE) return;
  let at = request.getUint32(Field.CREATE_CONTEXTS, true);
  while (at > 0 && at + 20 <= request.byteLength) {
    const tagAt = at + request.getUint16(at + 4, true);
    if (request.getUint32(tagAt) === 0x5457_7270) request.setUint32(tagAt, 0x6e6f_6e65);
    const next = request.getUint32(at, true);
    if (next === 0) return;
    at += next;
  }
}

/** Channel: a request with an undefined value is refused; [MS-SMB2] 3.3.5.12, 3.3.5.13. smbd ignores it. */
function dropChannel(request: DataView): void {
  if (commandOf(request) === READ) request.setUint32(Field.READ_CHANNEL, 0, true);
  if (commandOf(request) === WRITE) request.setUint32(Field.WRITE_CHANNEL, 0, true);
}

/**
 * DataOffset of an empty WRITE: only too large ones are refused; [MS-SMB2] 3.3.5.13. smbd checks it exactly.
 */
function placeNoData(request: DataView): void {
  if (commandOf(request) !== WRITE || request.getUint32(Field.WRITE_LENGTH, true) !== 0) return;
  request.setUint16(Field.WRITE_DATA_OFFSET, HEADER_BYTES + 48, true);
}

function setClassOf(request: DataView): number {
  return commandOf(request) === SET_INFO ? request.getUint8(Field.SET_INFO_CLASS) : 0;
}

/**
 * Setting DIRECTORY on a file fails with INVALID_PARAMETER; [MS-FSA] 2.1.5.15.2. smbd ignores the bit. The
 * attributes of `dropForgottenAttributes` are dropped here too.
 */
function keepPlainAttributes(request: DataView): void {
  if (setClassOf(request) === BASIC) keepBits(request, Field.SET_BASIC_ATTRIBUTES, ~(DIRECTORY | 0x3101));
}

/**
 * A rename with a nonzero RootDirectory fails with INVALID_PARAMETER; [MS-FSCC] 2.4.42.2. smbd ignores it.
 */
function dropRootDirectory(request: DataView): void {
  if (setClassOf(request) !== RENAME) return;
  request.setUint32(Field.SET_RENAME_ROOT, 0, true);
  request.setUint32(Field.SET_RENAME_ROOT + 4, 0, true);
}

/**
 * Setting the size of a directory fails with INVALID_PARAMETER; [MS-FSA] 2.1.5.15.1, 2.1.5.15.4. smbd
 * succeeds without doing anything.
 */
function spareDirectories(request: DataView, opens: KnownOpens): void {
  const kind = setClassOf(request);
  if (kind !== ALLOCATION && kind !== END_OF_FILE) return;
  if (opens.get(fileIdOf(request))?.isDirectory === true) forgetFileId(request);
}

/**
 * Without DELETE access, changing the disposition and renaming fail with ACCESS_DENIED; [MS-FSA] 2.1.5.15.3,
 * 2.1.5.15.11. smbd allows cancelling a deletion and renaming a file to its own name.
 */
function spareUndeletable(request: DataView, opens: KnownOpens): void {
  const kind = setClassOf(request);
  if (kind !== DISPOSITION && kind !== RENAME) return;
  const open = opens.get(fileIdOf(request));
  if (open !== undefined && (open.desiredAccess & MAY_DELETE) === 0) forgetFileId(request);
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("\\")));
}

/**
 * A rename opens the directories of the old and the new name without sharing deletion, and fails with
 * SHARING_VIOLATION if one is open with DELETE access; [MS-FSA] 2.1.5.15.11 with 2.1.5.1.2.2, smb2.rename.*.
 * smbd checks only opens of the same connection.
 * Renaming a directory with open files in it fails with ACCESS_DENIED, even to its own name; smbd does not
 * check that case.
 * Replacing an open file fails with ACCESS_DENIED; [MS-FSCC] 2.4.42. smbd replaces a file that only another
 * connection has open.
 * A file renamed while its deletion is pending is still deleted with its last handle; 2.1.5.5. smbd keeps it.
 */
function spareHeldDirectories(request: DataView, opens: KnownOpens): void {
  const newName = newNameOf(request);
  const open = opens.get(fileIdOf(request));
  if (newName === undefined || open === undefined) return;
  const parents = [parentOf(newName), parentOf(open.name)];
  for (const other of opens.values()) {
    const isTarget = other.name === newName && open.name !== newName;
    if (isTarget || (other.isDirectory && parents.includes(other.name))) return forgetFileId(request);
  }
  if (open.isDeletePending || (open.isDirectory && newName === open.name)) forgetFileId(request);
}

export const rules: readonly Rule[] = [
  keepKnownAttributes,
  dropForgottenAttributes,
  supersedeAsHidden,
  keepKnownSharing,
  dropTreeConnection,
  hideTimewarp,
  dropChannel,
  placeNoData,
  keepPlainAttributes,
  dropRootDirectory,
  spareDirectories,
  spareUndeletable,
  spareHeldDirectories,
];

function attributesAt(request: DataView): number {
  const command = commandOf(request);
  if (command === CREATE || command === CLOSE) return HEADER_BYTES + 56;
  const isFile = command === QUERY_INFO && request.getUint8(HEADER_BYTES + 2) === 1;
  const at = isFile ? ATTRIBUTES_AT[request.getUint8(HEADER_BYTES + 3)] : undefined;
  return at === undefined ? 0 : HEADER_BYTES + 8 + at;
}

/**
 * Every change of data sets ARCHIVE; [MS-FSA] 2.1.4.17. smbd sets it only with the first write of an open.
 */
function hideArchive(answer: DataView, request: DataView): void {
  const at = attributesAt(request);
  if (at === 0 || at + 4 > answer.byteLength) return;
  const attributes = answer.getUint32(at, true);
  // 0: the response to a CLOSE that did not ask for attributes.
  if (attributes !== 0) answer.setUint32(at, attributes & ~(ARCHIVE | NORMAL) || NORMAL, true);
}

export const answerRules: readonly AnswerRule[] = [hideArchive];
