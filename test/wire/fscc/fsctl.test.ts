// Buffers of FSCTLs: round trips and malformed buffers. Recorded ones are in recorded.test.ts.
import { expect, test } from "bun:test";
import { EMPTY, WireError } from "../../../src/wire/cursor.ts";
import {
  decodeCopyChunkRequest,
  decodeCopyChunkResponse,
  decodeDuplicateExtents,
  decodeResumeKey,
  encodeCopyChunkRequest,
  encodeCopyChunkResponse,
  encodeDuplicateExtents,
  encodeResumeKey,
  RESUME_KEY_RESPONSE_SIZE,
} from "../../../src/wire/fscc/copychunk.ts";
import {
  decodeNetworkInterfaces,
  encodeNetworkInterfaces,
  networkInterfacesSize,
} from "../../../src/wire/fscc/network-interface.ts";
import {
  decodePipePeekResponse,
  decodePipeWaitRequest,
  encodePipePeekResponse,
  encodePipeWaitRequest,
} from "../../../src/wire/fscc/pipe-control.ts";
import {
  decodePipeInformation,
  decodePipeLocalInformation,
  encodePipeInformation,
  encodePipeLocalInformation,
} from "../../../src/wire/fscc/pipe-information.ts";
import {
  decodeReferralRequest,
  decodeReferralRequestEx,
  decodeReferrals,
  encodeReferralRequest,
  encodeReferralRequestEx,
  encodeReferrals,
} from "../../../src/wire/fscc/referral.ts";
import {
  decodeNfsReparse,
  decodeReparseBuffer,
  decodeSymlinkReparse,
  encodeNfsReparse,
  encodeReparseBuffer,
  encodeSymlinkReparse,
  NfsInodeType,
} from "../../../src/wire/fscc/reparse.ts";
import {
  decodeSnapshotArray,
  encodeSnapshotArray,
  snapshotArraySize,
} from "../../../src/wire/fscc/snapshot.ts";
import {
  decodeAllocatedRangesRequest,
  decodeFileRanges,
  decodeSetSparse,
  decodeTrim,
  decodeZeroData,
  encodeZeroData,
} from "../../../src/wire/fscc/sparse.ts";
import {
  decodeValidateNegotiateRequest,
  decodeValidateNegotiateResponse,
  encodeValidateNegotiateRequest,
  encodeValidateNegotiateResponse,
} from "../../../src/wire/fscc/validate-negotiate.ts";
import { encodeBytes, fromHex } from "../encoding.ts";

const guid = Uint8Array.from({ length: 16 }, (_, i) => i);

test("round trip of VALIDATE_NEGOTIATE_INFO", () => {
  const request = { capabilities: 0x7f, clientGuid: guid, securityMode: 1, dialects: [0x0202, 0x0302] };
  const encoded = encodeBytes(encodeValidateNegotiateRequest, request);
  expect(decodeValidateNegotiateRequest(encoded)).toEqual(request);
  expect(() => decodeValidateNegotiateRequest(encoded.subarray(0, -1))).toThrow(WireError);
  const response = { capabilities: 4, serverGuid: guid, securityMode: 3, dialect: 0x0302 };
  expect(decodeValidateNegotiateResponse(encodeBytes(encodeValidateNegotiateResponse, response))).toEqual(
    response,
  );
});

test("round trip of QUERY_NETWORK_INTERFACE_INFO", () => {
  const interfaces = [
    { index: 2, capability: 1, linkSpeed: 1e9, address: Uint8Array.of(192, 168, 0, 1) },
    { index: 3, capability: 0, linkSpeed: 1e8, address: guid },
  ];
  const encoded = encodeBytes(encodeNetworkInterfaces, interfaces);
  expect(encoded.length).toBe(networkInterfacesSize(2));
  expect(decodeNetworkInterfaces(encoded)).toEqual(interfaces);
});

test("round trip of resume keys, copy chunks and DUPLICATE_EXTENTS_TO_FILE", () => {
  const key = new Uint8Array(24).fill(7);
  expect(encodeBytes(encodeResumeKey, key).length).toBe(RESUME_KEY_RESPONSE_SIZE);
  expect(decodeResumeKey(encodeBytes(encodeResumeKey, key))).toEqual(key);
  const request = { sourceKey: key, chunks: [{ sourceOffset: 0, targetOffset: 2 ** 33, length: 65_536 }] };
  const encoded = encodeBytes(encodeCopyChunkRequest, request);
  expect(decodeCopyChunkRequest(encoded)).toEqual(request);
  encoded[24] = 2;
  expect(() => decodeCopyChunkRequest(encoded)).toThrow(WireError);
  const response = { chunksWritten: 1, chunkBytesWritten: 0, totalBytesWritten: 65_536 };
  expect(decodeCopyChunkResponse(encodeBytes(encodeCopyChunkResponse, response))).toEqual(response);
  const source = { persistentLow: 1, persistentHigh: 0, volatileLow: 2, volatileHigh: 0 };
  const extents = { source, sourceOffset: 0, targetOffset: 4096, byteCount: 8192 };
  expect(decodeDuplicateExtents(encodeBytes(encodeDuplicateExtents, extents))).toEqual(extents);
});

test("decodes the FSCTLs of sparse files; ranges out of bounds throw WireError", () => {
  expect(decodeSetSparse(EMPTY)).toBe(true);
  expect(decodeSetSparse(Uint8Array.of(0))).toBe(false);
  const range = { offset: 4096, length: 100 };
  expect(decodeZeroData(encodeBytes(encodeZeroData, range))).toEqual(range);
  expect(() => decodeZeroData(fromHex("0200000000000000 0100000000000000"))).toThrow(WireError);
  expect(() => decodeZeroData(fromHex("0000000000000000 0000000000000080"))).toThrow(WireError);
  expect(() => decodeAllocatedRangesRequest(fromHex("ffffffffffffff7f ffffffffffffff7f"))).toThrow(WireError);
  expect(decodeAllocatedRangesRequest(fromHex("0000000000000000 ffffffffffffff7f")).offset).toBe(0);
  expect(() => decodeFileRanges(new Uint8Array(17))).toThrow(WireError);
  const trim = fromHex("00000000 01000000 0010000000000000 6400000000000000");
  expect(decodeTrim(trim)).toEqual([range]);
  expect(() => decodeTrim(trim.subarray(0, 23))).toThrow(WireError);
  expect(() => decodeTrim(new Uint8Array(24))).toThrow(WireError);
});

test("round trip of pipe FSCTLs and information classes", () => {
  for (const timeout of [undefined, 50_000]) {
    const request = { timeout, name: "srvsvc" };
    expect(decodePipeWaitRequest(encodeBytes(encodePipeWaitRequest, request))).toEqual(request);
  }
  const peek = { state: 3, readDataAvailable: 2, messages: 1, messageLength: 2, data: Uint8Array.of(1, 2) };
  expect(decodePipePeekResponse(encodeBytes(encodePipePeekResponse, peek))).toEqual(peek);
  const information = { readMode: 1, completionMode: 0 };
  expect(decodePipeInformation(encodeBytes(encodePipeInformation, information))).toEqual(information);
  const local = {
    type: 1,
    configuration: 2,
    maximumInstances: 0xffff_ffff,
    currentInstances: 3,
    inboundQuota: 4,
    readDataAvailable: 5,
    outboundQuota: 6,
    writeQuotaAvailable: 7,
    state: 3,
    end: 1,
  };
  const encoded = encodeBytes(encodePipeLocalInformation, local);
  expect(encoded.length).toBe(40);
  expect(decodePipeLocalInformation(encoded)).toEqual(local);
});

test("round trip of DFS referral requests", () => {
  const request = { maxLevel: 4, path: "\\server\\share" };
  const encoded = encodeBytes(encodeReferralRequest, request);
  expect(decodeReferralRequest(encoded)).toEqual(request);
  expect(() => decodeReferralRequest(encoded.subarray(0, -2))).toThrow(WireError);
});

test("round trip of extended DFS referral requests", () => {
  const request = { maxLevel: 3, path: "\\server\\share\\link" };
  const encoded = encodeBytes(encodeReferralRequestEx, request);
  expect(decodeReferralRequestEx(encoded)).toEqual(request);
  expect(() => decodeReferralRequestEx(encoded.subarray(0, -2))).toThrow(WireError);
});

test.each([1, 2, 3, 4])("round trip of DFS referrals, version %i", (version) => {
  const referrals = {
    isRoot: version === 2,
    path: "\\server\\share\\link",
    targets: ["\\a\\b", "\\server2\\share\\folder"],
    ttlSeconds: 70_000,
  };
  const encoded = encodeBytes(
    (writer, value) => void encodeReferrals(writer, version, value, 1000),
    referrals,
  );
  const { flags, pathConsumed, ...decoded } = decodeReferrals(encoded);
  expect(flags).toBe(version === 2 ? 3 : 2);
  expect(pathConsumed).toBe(2 * referrals.path.length);
  // Version 1 has targets alone.
  const rest = version === 1 ? { ...referrals, path: "", ttlSeconds: 0 } : referrals;
  expect(decoded).toEqual({ ...rest, version });
  expect(() => decodeReferrals(encoded.subarray(0, -2))).toThrow(WireError);
  const one = encodeBytes(
    (writer, value) => void encodeReferrals(writer, version, value, encoded.length - 1),
    referrals,
  );
  expect(decodeReferrals(one).targets).toEqual(referrals.targets.slice(0, 1));
});

// [MS-FSCC] 2.1.2.6: the type is the four letters of its name, as a little-endian number.
test("round trip of NFS reparse buffers", () => {
  const fifo = fromHex("14000080 0800 0000 4649464f00000000");
  const device = fromHex("14000080 1000 0000 4348520000000000 01000000 03000000");
  const values = [
    { bytes: fifo, type: NfsInodeType.FIFO, major: 0, minor: 0 },
    { bytes: device, type: NfsInodeType.CHARACTER, major: 1, minor: 3 },
  ];
  for (const { bytes, ...value } of values) {
    expect(encodeBytes(encodeNfsReparse, value)).toEqual(bytes);
    expect(decodeNfsReparse(decodeReparseBuffer(bytes).data)).toEqual(value);
  }
  expect(() => decodeNfsReparse(device.subarray(8, 20))).toThrow(WireError);
});

test("round trip of generic and symbolic link reparse buffers", () => {
  const link = { isRelative: true, substituteName: "..\\target", printName: "target" };
  const encoded = encodeBytes(encodeSymlinkReparse, link);
  const generic = decodeReparseBuffer(encoded);
  expect(generic.tag).toBe(0xa000_000c);
  expect(decodeSymlinkReparse(generic.data)).toEqual(link);
  expect(encodeBytes(encodeReparseBuffer, generic)).toEqual(encoded);
  const foreign = { tag: 0x1234, guid, data: Uint8Array.of(1) };
  expect(decodeReparseBuffer(encodeBytes(encodeReparseBuffer, foreign))).toEqual(foreign);
  expect(() => decodeReparseBuffer(encoded.subarray(0, -1))).toThrow(WireError);
});

test("round trip of snapshot arrays", () => {
  const tokens = ["@GMT-2024.01.02-03.04.05", "@GMT-2023.12.31-23.59.59"];
  const value = { available: 2, arraySize: snapshotArraySize(2), tokens };
  const encoded = encodeBytes(encodeSnapshotArray, value);
  expect(encoded.length).toBe(12 + value.arraySize);
  expect(decodeSnapshotArray(encoded)).toEqual(value);
  const none = encodeBytes(encodeSnapshotArray, {
    available: 5,
    arraySize: snapshotArraySize(5),
    tokens: [],
  });
  expect(none.length).toBe(16);
  expect(decodeSnapshotArray(none).available).toBe(5);
});
