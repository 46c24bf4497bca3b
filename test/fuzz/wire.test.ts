// Every decoder of wire/ returns or throws WireError for random, mutated and truncated input (fixed seed).
import { expect, test } from "bun:test";
import { Message, WireError } from "../../src/wire/cursor.ts";
import {
  decodeCreateRequestContexts,
  decodeCreateResponseContexts,
} from "../../src/wire/context/create-context.ts";
import { decodeSymlinkError } from "../../src/wire/command/error-response.ts";
import {
  decodeCopyChunkRequest,
  decodeCopyChunkResponse,
  decodeDuplicateExtents,
  decodeResumeKey,
} from "../../src/wire/fscc/copychunk.ts";
import { decodeDirectoryEntries } from "../../src/wire/fscc/directory-entry.ts";
import { compileExpression } from "../../src/wire/fscc/expression.ts";
import { decodeAttributeNames, decodeExtendedAttributes } from "../../src/wire/fscc/extended-attribute.ts";
import {
  decodeAllInformation,
  decodeAttributeTagInformation,
  decodeBasicChange,
  decodeBasicInformation,
  decodeCompressionInformation,
  decodeDispositionInformation,
  decodeIdInformation,
  decodeInternalInformation,
  decodeNameInformation,
  decodeNetworkOpenInformation,
  decodeSizeInformation,
  decodeStandardInformation,
  decodeUint32Information,
} from "../../src/wire/fscc/file-information.ts";
import {
  decodeFsAttributeInformation,
  decodeFsControlInformation,
  decodeFsDeviceInformation,
  decodeFsFullSizeInformation,
  decodeFsLabelInformation,
  decodeFsObjectIdInformation,
  decodeFsSectorSizeInformation,
  decodeFsSizeInformation,
  decodeFsVolumeInformation,
} from "../../src/wire/fscc/fs-information.ts";
import { decodeNetworkInterfaces } from "../../src/wire/fscc/network-interface.ts";
import { decodeChanges } from "../../src/wire/fscc/notify.ts";
import { decodePipePeekResponse, decodePipeWaitRequest } from "../../src/wire/fscc/pipe-control.ts";
import { decodePipeInformation, decodePipeLocalInformation } from "../../src/wire/fscc/pipe-information.ts";
import { decodeReferralRequest } from "../../src/wire/fscc/referral.ts";
import { decodeRenameInformation, decodeRenameInformationEx } from "../../src/wire/fscc/rename.ts";
import { decodeNfsReparse, decodeReparseBuffer, decodeSymlinkReparse } from "../../src/wire/fscc/reparse.ts";
import { decodeSnapshotArray } from "../../src/wire/fscc/snapshot.ts";
import {
  decodeAllocatedRangesRequest,
  decodeFileRanges,
  decodeSetSparse,
  decodeTrim,
  decodeZeroData,
} from "../../src/wire/fscc/sparse.ts";
import { decodeStreams } from "../../src/wire/fscc/stream.ts";
import {
  decodeValidateNegotiateRequest,
  decodeValidateNegotiateResponse,
} from "../../src/wire/fscc/validate-negotiate.ts";
import { checkReadRequest, readRequestLength, readRequestOffset } from "../../src/wire/command/read.ts";
import { decodeAcl } from "../../src/wire/security/acl.ts";
import { decodeSecurityDescriptor } from "../../src/wire/security/security-descriptor.ts";
import { decodeSmb1NegotiateRequest } from "../../src/wire/command/smb1-negotiate.ts";
import { checkTransform } from "../../src/wire/transform.ts";
import {
  checkWriteRequest,
  writeRequestDataStart,
  writeRequestLength,
} from "../../src/wire/command/write.ts";
import { ALL_CODECS, codecOf, recordedMessages } from "../wire/vectors.ts";
import { createInputs, createRandom } from "./bytes.ts";

const SEED = 0x5eed_0001;
const MUTATIONS = 3000;

const recorded = recordedMessages();
const smb2 = recorded.filter(({ bytes }) => bytes[0] === 0xfe);

/**
 * Runs a decoder. Returns false when it throws WireError; any other error is rethrown with the input in hex.
 */
function attempt(name: string, input: Uint8Array, decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw new Error(`${name} on ${Buffer.from(input).toString("hex")}: ${String(error)}`);
  }
}

/**
 * Runs a decoder on all inputs and counts the outcomes. If one of them never occurs, the inputs test little.
 */
function runAll(
  name: string,
  samples: readonly Uint8Array[],
  decode: (input: Uint8Array) => unknown,
  count = MUTATIONS,
): { passed: number; refused: number } {
  const outcome = { passed: 0, refused: 0 };
  for (const input of createInputs(samples, count, SEED)) {
    if (attempt(name, input, () => decode(input))) outcome.passed += 1;
    else outcome.refused += 1;
  }
  return outcome;
}

for (const codec of ALL_CODECS) {
  test(`${codec.name} returns a value or throws WireError`, () => {
    const samples = smb2.filter(({ bytes }) => codecOf(bytes).name === codec.name).map(({ bytes }) => bytes);
    expect(samples.length).toBeGreaterThan(0);
    const outcome = runAll(codec.name, samples, (input) => codec.decode(new Message(input)));
    expect(outcome.passed).toBeGreaterThan(0);
    expect(outcome.refused).toBeGreaterThan(0);
  });
}

test("the accessors of READ and WRITE requests return values or throw WireError", () => {
  const samples = smb2.filter(({ name }) => /^(read|write)\./.test(name)).map(({ bytes }) => bytes);
  const outcome = runAll("hot path", samples, (input) => {
    const message = new Message(input);
    if (input.length % 2 === 0) {
      checkReadRequest(message);
      return readRequestLength(message) + readRequestOffset(message);
    }
    checkWriteRequest(message);
    const start = writeRequestDataStart(message);
    // The caller relies on this: the data lies within the message.
    if (writeRequestLength(message) > 0)
      expect(start + writeRequestLength(message)).toBeLessThanOrEqual(input.length);
    return start;
  });
  expect(outcome.refused).toBeGreaterThan(0);
});

test("the check of transform headers returns or throws WireError", () => {
  const samples = recorded.filter(({ bytes }) => bytes[0] === 0xfd).map(({ bytes }) => bytes);
  const outcome = runAll("transform", samples, (input) =>
    checkTransform(new DataView(input.buffer, input.byteOffset, input.byteLength), 0, input.length),
  );
  expect(outcome.passed).toBeGreaterThan(0);
});

test("the SMB1 negotiate decoder returns a value or throws WireError", () => {
  const samples = recorded.filter(({ bytes }) => bytes[0] === 0xff).map(({ bytes }) => bytes);
  const outcome = runAll("SMB1", samples, (input) => decodeSmb1NegotiateRequest(new Message(input)));
  expect(outcome.passed).toBeGreaterThan(0);
});

const structures: readonly (readonly [string, (data: Uint8Array) => unknown])[] = [
  ["create contexts of requests", decodeCreateRequestContexts],
  ["create contexts of responses", decodeCreateResponseContexts],
  ["symbolic link error", decodeSymlinkError],
  ["copychunk", decodeCopyChunkRequest],
  ["copychunk answer", decodeCopyChunkResponse],
  ["duplicate extents", decodeDuplicateExtents],
  ["resume key", decodeResumeKey],
  ["extended attributes", decodeExtendedAttributes],
  ["attribute names", decodeAttributeNames],
  ["all", decodeAllInformation],
  ["attribute tag", decodeAttributeTagInformation],
  ["basic change", decodeBasicChange],
  ["basic", decodeBasicInformation],
  ["compression", decodeCompressionInformation],
  ["disposition", decodeDispositionInformation],
  ["id", decodeIdInformation],
  ["internal", decodeInternalInformation],
  ["name", decodeNameInformation],
  ["network open", decodeNetworkOpenInformation],
  ["size", decodeSizeInformation],
  ["standard", decodeStandardInformation],
  ["32 bits", decodeUint32Information],
  ["fs attribute", decodeFsAttributeInformation],
  ["fs control", decodeFsControlInformation],
  ["fs device", decodeFsDeviceInformation],
  ["fs full size", decodeFsFullSizeInformation],
  ["fs label", decodeFsLabelInformation],
  ["fs object id", decodeFsObjectIdInformation],
  ["fs sector size", decodeFsSectorSizeInformation],
  ["fs size", decodeFsSizeInformation],
  ["fs volume", decodeFsVolumeInformation],
  ["network interfaces", decodeNetworkInterfaces],
  ["changes", decodeChanges],
  ["pipe peek", decodePipePeekResponse],
  ["pipe wait", decodePipeWaitRequest],
  ["pipe", decodePipeInformation],
  ["pipe local", decodePipeLocalInformation],
  ["referral", decodeReferralRequest],
  ["rename", decodeRenameInformation],
  ["rename ex", decodeRenameInformationEx],
  ["reparse", decodeReparseBuffer],
  ["symlink reparse", decodeSymlinkReparse],
  ["trim", decodeTrim],
  ["NFS reparse", decodeNfsReparse],
  ["snapshots", decodeSnapshotArray],
  ["ranges request", decodeAllocatedRangesRequest],
  ["ranges", decodeFileRanges],
  ["set sparse", decodeSetSparse],
  ["zero data", decodeZeroData],
  ["streams", decodeStreams],
  ["validate negotiate", decodeValidateNegotiateRequest],
  ["validate negotiate answer", decodeValidateNegotiateResponse],
  ["acl", decodeAcl],
  ["security descriptor", decodeSecurityDescriptor],
  ...[1, 2, 3, 12, 37, 38].map(
    (infoClass) =>
      [
        `directory class ${infoClass}`,
        (data: Uint8Array) => decodeDirectoryEntries(infoClass, data),
      ] as const,
  ),
];

// The buffers in recorded messages, as samples for all decoders of inner structures.
const inner = smb2
  .filter(({ name }) => /^(query-info|set-info|query-directory|ioctl|create)\./.test(name))
  .map(({ bytes }) => bytes.subarray(64 + (bytes[64] ?? 0) - ((bytes[64] ?? 0) & 1)))
  .filter((bytes) => bytes.length > 4 && bytes.length < 400);

for (const [name, decode] of structures) {
  test(`the decoder of ${name} returns a value or throws WireError`, () => {
    const outcome = runAll(name, inner, decode, 1500);
    expect(outcome.passed + outcome.refused).toBeGreaterThan(1500);
  });
}

test("matching terminates for any pattern", () => {
  const random = createRandom(SEED);
  const marks = 'ab.*?<>"';
  const text = (length: number) =>
    Array.from({ length }, () => marks[Math.floor(random() * marks.length)] ?? "a").join("");
  for (let i = 0; i < 300; i++) {
    const matches = compileExpression(text(Math.floor(random() * 200)));
    expect(typeof matches(text(Math.floor(random() * 255)).replace(/[*?<>"]/g, "a"))).toBe("boolean");
  }
});
