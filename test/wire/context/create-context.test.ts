// Create contexts: published and recorded messages, round trips of every kind, malformed lists.
import { expect, test } from "bun:test";
import { EMPTY, Message, WireError } from "../../../src/wire/cursor.ts";
import { decodeCreateRequest, decodeCreateResponse } from "../../../src/wire/command/create.ts";
import {
  type CreateRequestContexts,
  type CreateResponseContexts,
  decodeCreateRequestContexts,
  decodeCreateResponseContexts,
  encodeCreateRequestContexts,
  encodeCreateResponseContexts,
  SVHDX_TAG,
} from "../../../src/wire/context/create-context.ts";
import { formatGuid } from "../../../src/wire/guid.ts";
import { encodeBytes, fromHex } from "../encoding.ts";
import { codecOf, recordedMessages } from "../vectors.ts";

const windows = recordedMessages("windows").map(({ bytes }) => bytes);

function bytes(length: number, first: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
}

test("decodes the contexts of a published Windows exchange", () => {
  const request = decodeCreateRequest(new Message(windows[6] ?? EMPTY));
  expect(Object.keys(request.contexts)).toEqual(["durableRequestV2", "maximalAccess", "queryOnDiskId"]);
  const guid = request.contexts.durableRequestV2?.createGuid ?? EMPTY;
  expect(formatGuid(guid)).toBe("c679a320-c0a0-11ef-8b7b-000c29801682");
  const response = decodeCreateResponse(new Message(windows[7] ?? EMPTY));
  expect(response.contexts.maximalAccess).toEqual({ queryStatus: 0, maximalAccess: 0x001f_01ff });
  expect(response.contexts.onDiskId).toEqual({
    fileIdLow: 0x0001_e72a,
    fileIdHigh: 0x0004_0000 >>> 0,
    volumeIdLow: 0xb017_cfd9,
    volumeIdHigh: 0,
  });
});

test("the recorded CREATE messages have leases and durable handles", () => {
  const kinds = new Set<string>();
  for (const { bytes: message } of recordedMessages("create")) {
    const decoded = codecOf(message).decode(new Message(message)) as { contexts?: object };
    for (const kind of Object.keys(decoded.contexts ?? {})) kinds.add(kind);
  }
  for (const kind of ["lease", "durableRequest", "durableReconnect", "durableRequestV2", "durableV2"]) {
    expect(kinds).toContain(kind);
  }
});

const id = { persistentLow: 1, persistentHigh: 2, volatileLow: 0xffff_fffe, volatileHigh: 0x8000_0000 };
const time = { seconds: 1_600_000_000, nanoseconds: 500 };

const everyRequest: CreateRequestContexts = {
  extendedAttributes: bytes(13, 1),
  securityDescriptor: bytes(20, 2),
  durableRequest: true,
  durableReconnect: id,
  allocationSize: 2 ** 40,
  maximalAccess: { timestamp: time },
  timewarp: time,
  queryOnDiskId: true,
  lease: { version: 2, key: bytes(16, 3), state: 7, flags: 4, parentKey: bytes(16, 4), epoch: 5 },
  durableRequestV2: { timeoutMs: 60_000, flags: 2, createGuid: bytes(16, 5) },
  durableReconnectV2: { fileId: id, createGuid: bytes(16, 6), flags: 0 },
  appInstanceId: bytes(16, 7),
  appInstanceVersion: { high: 1n, low: 0xffff_ffff_ffff_ffffn },
  apple: { command: 1, requestBitmap: 7, clientCapabilities: 3 },
  unknown: [{ tag: SVHDX_TAG, data: bytes(8, 8) }],
};

test("round trip of every request context", () => {
  const encoded = encodeBytes(encodeCreateRequestContexts, everyRequest);
  expect(decodeCreateRequestContexts(encoded)).toEqual(everyRequest);
  const first: CreateRequestContexts = {
    lease: { version: 1, key: bytes(16, 3), state: 1, flags: 0, parentKey: EMPTY, epoch: 0 },
    maximalAccess: { timestamp: undefined },
  };
  expect(decodeCreateRequestContexts(encodeBytes(encodeCreateRequestContexts, first))).toEqual(first);
});

test("round trip of every response context", () => {
  const every: CreateResponseContexts = {
    durable: true,
    maximalAccess: { queryStatus: 0xc000_0022, maximalAccess: 0x1f_01ff },
    onDiskId: { fileIdLow: 1, fileIdHigh: 2, volumeIdLow: 3, volumeIdHigh: 4 },
    lease: { version: 1, key: bytes(16, 3), state: 1, flags: 2, parentKey: EMPTY, epoch: 0 },
    durableV2: { timeoutMs: 1, flags: 2 },
    apple: {
      command: 1,
      serverCapabilities: 5,
      volumeCapabilities: 6,
      model: "MacSamba",
    },
    unknown: [{ tag: "Xxxx", data: EMPTY }],
  };
  expect(decodeCreateResponseContexts(encodeBytes(encodeCreateResponseContexts, every))).toEqual(every);
});

test("the first of two contexts with the same tag counts", () => {
  const one = encodeBytes(encodeCreateRequestContexts, { allocationSize: 1 });
  const two = encodeBytes(encodeCreateRequestContexts, { allocationSize: 2 });
  const both = new Uint8Array(one.length + two.length);
  both.set(one);
  both.set(two, one.length);
  both[0] = one.length;
  expect(decodeCreateRequestContexts(both)).toEqual({ allocationSize: 1 });
});

const broken: Readonly<Record<string, string>> = {
  "a step into the context itself": "08000000 1000 0400 0000 1800 00000000 4d784163 00000000",
  "an unaligned step": "1c000000 1000 0400 0000 1800 00000000 4d784163 00000000 0000000000000000",
  "a step past the end": "18000000 1000 0400 0000 1800 00000000 4d784163 00000000",
  "a tag past the end": "00000000 1400 0800 0000 1800 00000000 4d784163 00000000",
  "a tag over the fields": "00000000 0800 0400 0000 1800 00000000 4d784163 00000000",
  "data past the end": "00000000 1000 0400 0000 1800 08000000 416c5369 00000000 00000000",
  "data over the tag": "00000000 1000 0400 0000 1000 08000000 416c5369 00000000 00000000",
  "a context cut off": "00000000 1000",
  "a lease of odd size": "00000000 1000 0400 0000 1800 04000000 52714c73 00000000 00000000",
  "an allocation size too short": "00000000 1000 0400 0000 1800 04000000 416c5369 00000000 00000000",
};

for (const [what, hex] of Object.entries(broken)) {
  test(`${what} throws WireError`, () => {
    expect(() => decodeCreateRequestContexts(fromHex(hex))).toThrow(WireError);
  });
}
