// What gentest's requests are changed to before both servers see them: fields where smbd 4.17 takes what the
// specification has refused, or the other way round, so that one server goes on and the other does not. Each rule
// names its section; everything that may differ in the answers alone is in gentest-ignore.txt.
import type { Rule } from "./gentest-relay.ts";

const HEADER_BYTES = 64;
const CREATE = 5;
const READ = 8;
const WRITE = 9;

/** Field offsets from the header's start; [MS-SMB2] 2.2.13, 2.2.19, 2.2.21. */
const Field = {
  CREATE_ATTRIBUTES: HEADER_BYTES + 28,
  CREATE_SHARE_ACCESS: HEADER_BYTES + 32,
  CREATE_OPTIONS: HEADER_BYTES + 40,
  CREATE_CONTEXTS: HEADER_BYTES + 48,
  READ_CHANNEL: HEADER_BYTES + 36,
  WRITE_DATA_OFFSET: HEADER_BYTES + 2,
  WRITE_LENGTH: HEADER_BYTES + 4,
  WRITE_CHANNEL: HEADER_BYTES + 32,
} as const;

function commandOf(request: DataView): number {
  return request.getUint16(12, true);
}

function keepBits(request: DataView, at: number, bits: number): void {
  request.setUint32(at, request.getUint32(at, true) & bits, true);
}

/**
 * FileAttributes: bits that are no attribute are refused with INVALID_PARAMETER, and ENCRYPTED with ACCESS_DENIED
 * where there is no encryption, as Windows does (smb2.create.gentest); [MS-FSA] 2.1.5.1, [MS-FSCC] 2.6. smbd takes
 * them all.
 */
function keepKnownAttributes(request: DataView): void {
  if (commandOf(request) === CREATE) keepBits(request, Field.CREATE_ATTRIBUTES, 0x3fb7);
}

/** ShareAccess: bits that are none of the three are refused with INVALID_PARAMETER; [MS-FSA] 2.1.5.1. smbd ignores them. */
function keepKnownSharing(request: DataView): void {
  if (commandOf(request) === CREATE) keepBits(request, Field.CREATE_SHARE_ACCESS, 0x7);
}

/** FILE_CREATE_TREE_CONNECTION is refused with NOT_SUPPORTED; [MS-SMB2] 3.3.5.9. smbd ignores it. */
function dropTreeConnection(request: DataView): void {
  if (commandOf(request) === CREATE) keepBits(request, Field.CREATE_OPTIONS, ~0x80);
}

/**
 * A snapshot that is not there has no files: OBJECT_NAME_NOT_FOUND, as Windows says (smb2.create.blob); [MS-SMB2]
 * 3.3.5.9.4. smbd creates the file without a snapshot. The context gets a tag that neither knows.
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

/** Channel: with another value than those defined the request is refused; [MS-SMB2] 3.3.5.12, 3.3.5.13. smbd ignores it. */
function dropChannel(request: DataView): void {
  if (commandOf(request) === READ) request.setUint32(Field.READ_CHANNEL, 0, true);
  if (commandOf(request) === WRITE) request.setUint32(Field.WRITE_CHANNEL, 0, true);
}

/** DataOffset of a write without data: only too large a one is refused; [MS-SMB2] 3.3.5.13. smbd wants it exact. */
function placeNoData(request: DataView): void {
  if (commandOf(request) !== WRITE || request.getUint32(Field.WRITE_LENGTH, true) !== 0) return;
  request.setUint16(Field.WRITE_DATA_OFFSET, HEADER_BYTES + 48, true);
}

export const rules: readonly Rule[] = [
  keepKnownAttributes,
  keepKnownSharing,
  dropTreeConnection,
  hideTimewarp,
  dropChannel,
  placeNoData,
];
