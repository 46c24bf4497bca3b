// What no recorded message covers: READ and WRITE offsets, breaks, errors, SMB1 negotiate, transform header.
import { expect, test } from "bun:test";
import { EMPTY, Message, WireError, Writer } from "../../../src/wire/cursor.ts";
import {
  beginBufferResponse,
  decodeBufferResponse,
  encodeBufferResponse,
  finishBufferResponse,
} from "../../../src/wire/command/buffer-response.ts";
import {
  decodeErrorResponse,
  decodeSymlinkError,
  EMPTY_ERROR_SIZE,
  encodeErrorResponse,
  encodeSymlinkError,
  ErrorId,
} from "../../../src/wire/command/error-response.ts";
import { FILE_ID_ALL_ONES, isAllOnes, isAllOnesAt, sameFileId } from "../../../src/wire/file-id.ts";
import { formatGuid, isZeroGuid, parseGuid, sameGuid } from "../../../src/wire/guid.ts";
import { get64, HEADER_SIZE } from "../../../src/wire/header.ts";
import { decodeLockRequest, encodeLockRequest, LockFlag } from "../../../src/wire/command/lock.ts";
import {
  decodeOplockBreakNotification,
  decodeOplockBreakRequest,
  encodeOplockBreakNotification,
  encodeOplockBreakRequest,
  isLeaseBreak,
} from "../../../src/wire/command/oplock-break.ts";
import {
  checkReadRequest,
  decodeReadRequest,
  decodeReadResponse,
  encodeReadRequest,
  encodeReadResponse,
  READ_RESPONSE_DATA,
  readRequestLength,
  readRequestMinimumCount,
  readRequestOffset,
  writeReadResponse,
} from "../../../src/wire/command/read.ts";
import {
  decodeSmb1NegotiateRequest,
  encodeSmb1NegotiateRequest,
  Smb1Dialect,
} from "../../../src/wire/command/smb1-negotiate.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import {
  checkTransform,
  TRANSFORM_AAD,
  TRANSFORM_AAD_SIZE,
  TRANSFORM_SIZE,
  TransformOffset,
  transformSessionId,
  writeTransform,
} from "../../../src/wire/transform.ts";
import {
  decodeWriteRequest,
  encodeWriteRequest,
  WriteRequestOffset,
  writeRequestDataStart,
  writeRequestLength,
  writeRequestOffset,
} from "../../../src/wire/command/write.ts";
import { encodeBytes, encodeMessage, fromHex, toHex } from "../encoding.ts";
import { recordedMessages } from "../vectors.ts";

const fileId = { persistentLow: 1, persistentHigh: 2, volatileLow: 3, volatileHigh: 4 };

test("statusName and isFailure", () => {
  expect(statusName(Status.ACCESS_DENIED)).toBe("STATUS_ACCESS_DENIED");
  expect(statusName(0)).toBe("STATUS_SUCCESS");
  expect(statusName(0xc123_4567)).toBe("0xc1234567");
  expect(new Set(Object.values(Status)).size).toBe(Object.values(Status).length);
});

test("formats and parses GUIDs", () => {
  // [MS-DTYP] 2.3.4.2: the first three fields are little-endian.
  const guid = fromHex("00112233445566778899aabbccddeeff");
  expect(formatGuid(guid)).toBe("33221100-5544-7766-8899-aabbccddeeff");
  expect(parseGuid("{33221100-5544-7766-8899-AABBCCDDEEFF}")).toEqual(guid);
  expect(sameGuid(guid, guid.slice())).toBe(true);
  expect(isZeroGuid(guid)).toBe(false);
  expect(() => parseGuid("33221100-5544-7766-8899-aabbccddeef")).toThrow(WireError);
});

test("recognises FileIds of all ones", () => {
  expect(isAllOnes(FILE_ID_ALL_ONES)).toBe(true);
  expect(isAllOnes({ ...FILE_ID_ALL_ONES, volatileLow: 0xffff_fffe })).toBe(false);
  expect(isAllOnesAt(new Message(new Uint8Array(16).fill(255)), 0)).toBe(true);
  expect(sameFileId(fileId, { ...fileId })).toBe(true);
  expect(sameFileId(fileId, FILE_ID_ALL_ONES)).toBe(false);
});

const read = {
  padding: 0x50,
  flags: 1,
  length: 65_536,
  offset: 2 ** 40 + 1,
  fileId,
  minimumCount: 5,
  channel: 0,
  remainingBytes: 0,
  channelInfo: EMPTY,
};

test("the accessors of a READ request agree with its decoder", () => {
  const message = encodeMessage(encodeReadRequest, read);
  checkReadRequest(message);
  expect(readRequestLength(message)).toBe(65_536);
  expect(readRequestOffset(message)).toBe(2 ** 40 + 1);
  expect(readRequestMinimumCount(message)).toBe(5);
  expect(decodeReadRequest(message)).toEqual(read);
  message.view.setUint16(HEADER_SIZE, 48, true);
  expect(() => checkReadRequest(message)).toThrow(WireError);
});

test("writeReadResponse writes exactly the part before the data", () => {
  const response = { data: Uint8Array.of(1, 2, 3), dataRemaining: 0 };
  const whole = encodeMessage(encodeReadResponse, response);
  const writer = new Writer(new Uint8Array(128), 0, HEADER_SIZE);
  writeReadResponse(writer, 3);
  expect(writer.position).toBe(READ_RESPONSE_DATA);
  writer.raw(response.data);
  expect(toHex(writer.bytes.subarray(0, writer.position))).toBe(toHex(whole.bytes));
  expect(decodeReadResponse(whole)).toEqual(response);
});

const write = {
  data: Uint8Array.of(9, 8, 7),
  offset: 2 ** 33,
  fileId,
  channel: 0,
  remainingBytes: 0,
  channelInfo: EMPTY,
  flags: 0,
};

test("WRITE data outside the message throws WireError", () => {
  const body = encodeMessage(encodeWriteRequest, write);
  // The same message inside a larger buffer, as in a compound.
  const bytes = new Uint8Array(body.length + 200).fill(0xee);
  bytes.set(body.bytes, 100);
  const message = new Message(bytes, 100, body.length);
  expect(writeRequestDataStart(message)).toBe(100 + HEADER_SIZE + 48);
  expect(writeRequestLength(message)).toBe(3);
  expect(writeRequestOffset(message)).toBe(2 ** 33);
  expect(decodeWriteRequest(message)).toEqual(write);
  for (const [offset, length] of [
    [HEADER_SIZE + 48, 4],
    [HEADER_SIZE + 48, 0xffff_ffff],
    [HEADER_SIZE + 47, 1],
    [0x101, 0],
  ] as const) {
    message.view.setUint16(100 + WriteRequestOffset.DATA_OFFSET, offset, true);
    message.view.setUint32(100 + WriteRequestOffset.LENGTH, length, true);
    expect(() => writeRequestDataStart(message)).toThrow(WireError);
  }
});

test("LOCK keeps 64-bit ranges; a wrong or zero LockCount throws WireError", () => {
  const request = {
    sequenceNumber: 3,
    sequenceIndex: 0x0fff_ffff,
    fileId,
    locks: [
      { offset: 0xffff_ffff_ffff_ffffn, length: 1n, flags: LockFlag.EXCLUSIVE | LockFlag.FAIL_IMMEDIATELY },
      { offset: 0n, length: 0n, flags: LockFlag.UNLOCK },
    ],
  };
  const message = encodeMessage(encodeLockRequest, request);
  expect(decodeLockRequest(message)).toEqual(request);
  message.view.setUint16(HEADER_SIZE + 2, 3, true);
  expect(() => decodeLockRequest(message)).toThrow(WireError);
  message.view.setUint16(HEADER_SIZE + 2, 0, true);
  expect(() => decodeLockRequest(message)).toThrow(WireError);
});

test("encodes and decodes oplock and lease breaks", () => {
  const file = { kind: "oplock", oplockLevel: 1, fileId } as const;
  const lease = { kind: "lease", leaseKey: new Uint8Array(16).fill(5), leaseState: 3, flags: 0 } as const;
  const notification = {
    kind: "leaseNotification",
    newEpoch: 2,
    flags: 1,
    leaseKey: lease.leaseKey,
    currentLeaseState: 7,
    newLeaseState: 1,
  } as const;
  for (const value of [file, lease]) {
    const message = encodeMessage(encodeOplockBreakRequest, value);
    expect(isLeaseBreak(message)).toBe(value.kind === "lease");
    expect(decodeOplockBreakRequest(message)).toEqual(value);
  }
  for (const value of [file, notification]) {
    const message = encodeMessage(encodeOplockBreakNotification, value);
    expect(decodeOplockBreakNotification(message)).toEqual(value);
  }
  const wrong = encodeMessage(encodeOplockBreakNotification, notification);
  expect(() => decodeOplockBreakRequest(wrong)).toThrow(WireError);
});

test("encodes and decodes errors with and without data", () => {
  const empty = encodeMessage(encodeErrorResponse, { data: EMPTY, contexts: [] });
  expect(empty.length).toBe(HEADER_SIZE + EMPTY_ERROR_SIZE);
  expect(toHex(empty.bytes.subarray(HEADER_SIZE))).toBe("090000000000000000");
  const data = Uint8Array.of(1, 0, 0, 0);
  expect(decodeErrorResponse(encodeMessage(encodeErrorResponse, { data, contexts: [] })).data).toEqual(data);
  const contexts = [
    { errorId: ErrorId.DEFAULT, data: Uint8Array.of(1, 2, 3) },
    { errorId: ErrorId.SHARE_REDIRECT, data },
  ];
  expect(decodeErrorResponse(encodeMessage(encodeErrorResponse, { data: EMPTY, contexts })).contexts).toEqual(
    contexts,
  );
});

test("encodes and decodes the symbolic link error", () => {
  const error = { unparsedPathLength: 8, isRelative: true, substituteName: "..\\x", printName: "x" };
  const encoded = encodeBytes(encodeSymlinkError, error);
  expect(toHex(encoded.subarray(0, 12))).toBe("22000000" + "53594d4c" + "0c0000a0");
  expect(decodeSymlinkError(encoded)).toEqual(error);
});

test("a response written in place equals one encoded as a whole", () => {
  const buffer = Uint8Array.of(1, 2, 3);
  const writer = new Writer(new Uint8Array(128), 0, HEADER_SIZE);
  const mark = beginBufferResponse(writer);
  writer.raw(buffer);
  finishBufferResponse(writer, mark);
  const whole = encodeMessage(encodeBufferResponse, { buffer });
  expect(toHex(writer.bytes.subarray(0, writer.position))).toBe(toHex(whole.bytes));
  expect(decodeBufferResponse(whole)).toEqual({ buffer });
  expect(decodeBufferResponse(encodeMessage(encodeBufferResponse, { buffer: EMPTY }))).toEqual({
    buffer: EMPTY,
  });
});

test("decodes smbclient's SMB1 negotiate; a truncated one throws WireError", () => {
  const bytes = recordedMessages("smb1-negotiate")[0]?.bytes ?? EMPTY;
  const { dialects } = decodeSmb1NegotiateRequest(new Message(bytes));
  expect(dialects).toEqual([
    "NT LANMAN 1.0",
    "NT LM 0.12",
    Smb1Dialect.SMB_2_002,
    Smb1Dialect.SMB_2_WILDCARD,
  ]);
  const again = encodeBytes(encodeSmb1NegotiateRequest, { dialects });
  expect(decodeSmb1NegotiateRequest(new Message(again))).toEqual({ dialects });
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeSmb1NegotiateRequest(new Message(bytes, 0, length))).toThrow(WireError);
  }
});

test("checkTransform accepts recorded headers and refuses a wrong length", () => {
  const recorded = recordedMessages("transform");
  expect(recorded.length).toBeGreaterThan(1);
  for (const { bytes } of recorded) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    checkTransform(view, 0, bytes.length);
    expect(transformSessionId(view, 0)).toBe(get64(view, TransformOffset.SESSION_ID));
    expect(() => checkTransform(view, 0, bytes.length - 1)).toThrow(WireError);
    expect(() => checkTransform(view, 0, TRANSFORM_SIZE)).toThrow(WireError);
    const mine = new Uint8Array(bytes.length);
    const nonce = bytes.subarray(TRANSFORM_AAD, TRANSFORM_AAD + 16);
    const sessionId = transformSessionId(view, 0);
    writeTransform(mine, new DataView(mine.buffer), 0, nonce, bytes.length - TRANSFORM_SIZE, sessionId);
    expect(TRANSFORM_AAD_SIZE).toBe(32);
    expect(toHex(mine.subarray(TRANSFORM_AAD, TRANSFORM_SIZE))).toBe(
      toHex(bytes.subarray(TRANSFORM_AAD, TRANSFORM_SIZE)),
    );
  }
});
