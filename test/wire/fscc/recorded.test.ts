// Decodes information structures and FSCTL buffers recorded from Samba, and encodes them to the same bytes.
import { expect, test } from "bun:test";
import { Message, Writer } from "../../../src/wire/cursor.ts";
import {
  decodeAllocatedRangesRequest,
  decodeFileRanges,
  decodeSetSparse,
  decodeZeroData,
  encodeSetSparse,
  encodeZeroData,
  writeFileRange,
} from "../../../src/wire/fscc/sparse.ts";
import {
  decodeCopyChunkRequest,
  decodeCopyChunkResponse,
  decodeResumeKey,
  encodeCopyChunkRequest,
  encodeCopyChunkResponse,
  encodeResumeKey,
} from "../../../src/wire/fscc/copychunk.ts";
import {
  appendDirectoryEntry,
  decodeDirectoryEntries,
  type DirectoryRecord,
} from "../../../src/wire/fscc/directory-entry.ts";
import {
  decodeAllInformation,
  decodeBasicChange,
  decodeBasicInformation,
  decodeDispositionInformation,
  decodeNameInformation,
  decodeSizeInformation,
  decodeUint32Information,
  encodeAllInformation,
  encodeBasicChange,
  encodeBasicInformation,
  encodeDispositionInformation,
  encodeNameInformation,
  encodeSizeInformation,
  encodeUint32Information,
} from "../../../src/wire/fscc/file-information.ts";
import {
  decodeFsAttributeInformation,
  decodeFsControlInformation,
  decodeFsDeviceInformation,
  decodeFsFullSizeInformation,
  decodeFsObjectIdInformation,
  decodeFsSectorSizeInformation,
  decodeFsSizeInformation,
  decodeFsVolumeInformation,
  encodeFsAttributeInformation,
  encodeFsControlInformation,
  encodeFsDeviceInformation,
  encodeFsFullSizeInformation,
  encodeFsObjectIdInformation,
  encodeFsSectorSizeInformation,
  encodeFsSizeInformation,
  encodeFsVolumeInformation,
} from "../../../src/wire/fscc/fs-information.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { FileInfoClass, FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import {
  decodeNetworkInterfaces,
  encodeNetworkInterfaces,
} from "../../../src/wire/fscc/network-interface.ts";
import { decodeReferralRequest, encodeReferralRequest } from "../../../src/wire/fscc/referral.ts";
import { decodeRenameInformation, encodeRenameInformation } from "../../../src/wire/fscc/rename.ts";
import { appendStream, decodeStreams, type StreamInformation } from "../../../src/wire/fscc/stream.ts";
import {
  decodeValidateNegotiateRequest,
  decodeValidateNegotiateResponse,
  encodeValidateNegotiateRequest,
  encodeValidateNegotiateResponse,
} from "../../../src/wire/fscc/validate-negotiate.ts";
import { decodeIoctlRequest, decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import { decodeQueryDirectoryResponse } from "../../../src/wire/command/query-directory.ts";
import { decodeQueryInfoResponse, InfoType } from "../../../src/wire/command/query-info.ts";
import {
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  securityDescriptorSize,
} from "../../../src/wire/security/security-descriptor.ts";
import { decodeSetInfoRequest } from "../../../src/wire/command/set-info.ts";
import { headerOf, type RecordedMessage, recordedMessages } from "../vectors.ts";

type Again = (data: Uint8Array) => Uint8Array;

function again<T>(decode: (data: Uint8Array) => T, encode: (writer: Writer, value: T) => void): Again {
  return (data) => {
    const writer = new Writer(new Uint8Array(data.length + 1024));
    encode(writer, decode(data));
    return writer.bytes.subarray(0, writer.position);
  };
}

function appendAll<T>(append: (writer: Writer, value: T, previous: number) => number) {
  return (writer: Writer, values: readonly T[]): void => {
    let previous = -1;
    for (const value of values) previous = append(writer, value, previous);
  };
}

function directory(infoClass: number): Again {
  const append = (writer: Writer, entry: DirectoryRecord, previous: number) =>
    appendDirectoryEntry(writer, infoClass, entry, previous);
  return again((data) => decodeDirectoryEntries(infoClass, data), appendAll(append));
}

const uint32 = again(decodeUint32Information, encodeUint32Information);
const size = again(decodeSizeInformation, encodeSizeInformation);
const name = again(decodeNameInformation, encodeNameInformation);
const security = again(decodeSecurityDescriptor, encodeSecurityDescriptor);

const fileAnswers: Readonly<Record<number, Again>> = {
  [FileInfoClass.BASIC]: again(decodeBasicInformation, encodeBasicInformation),
  [FileInfoClass.ACCESS]: uint32,
  [FileInfoClass.POSITION]: size,
  [FileInfoClass.ALL]: again(decodeAllInformation, encodeAllInformation),
  [FileInfoClass.ALTERNATE_NAME]: name,
  [FileInfoClass.NORMALIZED_NAME]: name,
  [FileInfoClass.STREAM]: again(decodeStreams, appendAll<StreamInformation>(appendStream)),
};

const fsAnswers: Readonly<Record<number, Again>> = {
  [FsInfoClass.VOLUME]: again(decodeFsVolumeInformation, encodeFsVolumeInformation),
  [FsInfoClass.SIZE]: again(decodeFsSizeInformation, encodeFsSizeInformation),
  [FsInfoClass.DEVICE]: again(decodeFsDeviceInformation, encodeFsDeviceInformation),
  [FsInfoClass.ATTRIBUTE]: again(decodeFsAttributeInformation, encodeFsAttributeInformation),
  [FsInfoClass.CONTROL]: again(decodeFsControlInformation, encodeFsControlInformation),
  [FsInfoClass.FULL_SIZE]: again(decodeFsFullSizeInformation, encodeFsFullSizeInformation),
  [FsInfoClass.OBJECT_ID]: again(decodeFsObjectIdInformation, encodeFsObjectIdInformation),
  [FsInfoClass.SECTOR_SIZE]: again(decodeFsSectorSizeInformation, encodeFsSectorSizeInformation),
};

const fileChanges: Readonly<Record<number, Again>> = {
  [FileInfoClass.BASIC]: again(decodeBasicChange, encodeBasicChange),
  [FileInfoClass.RENAME]: again(decodeRenameInformation, encodeRenameInformation),
  [FileInfoClass.LINK]: again(decodeRenameInformation, encodeRenameInformation),
  [FileInfoClass.DISPOSITION]: again(decodeDispositionInformation, encodeDispositionInformation),
  [FileInfoClass.END_OF_FILE]: size,
};

const controls: Readonly<Record<number, Again>> = {
  [Fsctl.VALIDATE_NEGOTIATE_INFO]: again(decodeValidateNegotiateRequest, encodeValidateNegotiateRequest),
  [Fsctl.DFS_GET_REFERRALS]: again(decodeReferralRequest, encodeReferralRequest),
  [Fsctl.SRV_COPYCHUNK]: again(decodeCopyChunkRequest, encodeCopyChunkRequest),
  [Fsctl.SRV_COPYCHUNK_WRITE]: again(decodeCopyChunkRequest, encodeCopyChunkRequest),
  [Fsctl.SET_SPARSE]: again(decodeSetSparse, encodeSetSparse),
  [Fsctl.SET_ZERO_DATA]: again(decodeZeroData, encodeZeroData),
  [Fsctl.QUERY_ALLOCATED_RANGES]: again(decodeAllocatedRangesRequest, (writer, range) =>
    writeFileRange(writer, range.offset, range.length),
  ),
};

const controlAnswers: Readonly<Record<number, Again>> = {
  [Fsctl.VALIDATE_NEGOTIATE_INFO]: again(decodeValidateNegotiateResponse, encodeValidateNegotiateResponse),
  [Fsctl.SRV_REQUEST_RESUME_KEY]: again(decodeResumeKey, encodeResumeKey),
  [Fsctl.SRV_COPYCHUNK]: again(decodeCopyChunkResponse, encodeCopyChunkResponse),
  [Fsctl.SRV_COPYCHUNK_WRITE]: again(decodeCopyChunkResponse, encodeCopyChunkResponse),
  [Fsctl.QUERY_NETWORK_INTERFACE_INFO]: again(decodeNetworkInterfaces, encodeNetworkInterfaces),
  [Fsctl.QUERY_ALLOCATED_RANGES]: again(decodeFileRanges, (writer, ranges) => {
    for (const range of ranges) writeFileRange(writer, range.offset, range.length);
  }),
};

/** The buffer in a recorded message, and its codec if there is one. */
function innerOf(recorded: RecordedMessage, file: string): [Uint8Array, Again | undefined] {
  const message = new Message(recorded.bytes);
  const [first = 0, second = 0] = recorded.info;
  const isRequest = recorded.direction === "request";
  if (file === "query-directory") return [decodeQueryDirectoryResponse(message).buffer, directory(first)];
  if (file === "query-info") {
    const answers = first === InfoType.FILE ? fileAnswers : fsAnswers;
    const codec = first === InfoType.SECURITY ? security : answers[second];
    return [decodeQueryInfoResponse(message).buffer, codec];
  }
  if (file === "set-info") {
    const codec = first === InfoType.SECURITY ? security : fileChanges[second];
    return [decodeSetInfoRequest(message).buffer, codec];
  }
  if (isRequest) return [decodeIoctlRequest(message).input, controls[first]];
  return [decodeIoctlResponse(message).output, controlAnswers[first]];
}

/** Whether a message has such a structure: a request of SET_INFO or IOCTL, or a successful response. */
function carriesStructure({ bytes, direction, info }: RecordedMessage, file: string): boolean {
  if (info.length === 0) return false;
  if (direction === "request") return file === "set-info" || file === "ioctl";
  return file !== "set-info" && headerOf(bytes).status === 0;
}

/** Clears what Samba leaves undefined: the reserved field of a chunk, and the value of a TRUE byte. */
function withoutNoise(data: Uint8Array, control: number): Uint8Array {
  const clean = data.slice();
  if (control === Fsctl.SRV_COPYCHUNK || control === Fsctl.SRV_COPYCHUNK_WRITE) {
    for (let at = 32; at + 24 <= clean.length; at += 24) clean.fill(0, at + 20, at + 24);
  }
  if (control === Fsctl.SET_SPARSE) clean[0] = clean[0] === 0 ? 0 : 1;
  return clean;
}

let held = 0;
for (const file of ["query-info", "query-directory", "set-info", "ioctl"]) {
  for (const recorded of recordedMessages(file)) {
    if (!carriesStructure(recorded, file)) continue;
    const [data, codec] = innerOf(recorded, file);
    if (codec === undefined || data.length === 0) continue;
    held += 1;
    test(`${recorded.name} ${recorded.direction} ${recorded.info.join("/")}`, () => {
      const encoded = codec(data);
      // Only padding after the last field may be missing.
      expect(data.length - encoded.length).toBeLessThan(8);
      const padded = new Uint8Array(Math.max(data.length, encoded.length));
      padded.set(encoded);
      expect(Buffer.from(padded).toString("hex")).toBe(
        Buffer.from(file === "ioctl" ? withoutNoise(data, recorded.info[0] ?? 0) : data).toString("hex"),
      );
    });
  }
}

test("there are more than 50 recorded structures", () => {
  expect(held).toBeGreaterThan(50);
});

test("securityDescriptorSize returns the encoded size", () => {
  for (const recorded of recordedMessages("query-info")) {
    if (recorded.info[0] !== InfoType.SECURITY || !carriesStructure(recorded, "query-info")) continue;
    const { buffer } = decodeQueryInfoResponse(new Message(recorded.bytes));
    expect(securityDescriptorSize(decodeSecurityDescriptor(buffer))).toBe(buffer.length);
  }
});
