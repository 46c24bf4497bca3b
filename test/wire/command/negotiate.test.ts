// NEGOTIATE and its contexts: published Windows messages, round trips, malformed messages.
import { expect, test } from "bun:test";
import { EMPTY, Message, WireError } from "../../../src/wire/cursor.ts";
import {
  Capability,
  decodeNegotiateRequest,
  decodeNegotiateResponse,
  Dialect,
  encodeNegotiateRequest,
  encodeNegotiateResponse,
  type NegotiateRequest,
  SecurityMode,
} from "../../../src/wire/command/negotiate.ts";
import {
  Cipher,
  type NegotiateContext,
  SigningAlgorithm,
} from "../../../src/wire/context/negotiate-context.ts";
import { encodeMessage } from "../encoding.ts";
import { recordedMessages } from "../vectors.ts";

const windows = recordedMessages("windows");

function windowsMessage(index: number): Message {
  return new Message(windows[index]?.bytes ?? EMPTY);
}

test("decodes a Windows 10 request as Microsoft's blog describes it", () => {
  const request = decodeNegotiateRequest(windowsMessage(0));
  expect(request.dialects).toEqual([0x0202, 0x0210, 0x0300, 0x0302, 0x0311]);
  expect(request.capabilities).toBe(0x3f);
  expect(request.contexts.map((context) => context.kind)).toEqual(["preauth", "encryption"]);
  expect(request.contexts[1]).toEqual({
    kind: "encryption",
    ciphers: [Cipher.AES_128_GCM, Cipher.AES_128_CCM],
  });
});

test("decodes a Windows response as Microsoft's blog describes it", () => {
  const response = decodeNegotiateResponse(windowsMessage(1));
  expect(response.dialect).toBe(Dialect.SMB_3_1_1);
  expect(response.maxReadSize).toBe(8_388_608);
  expect(response.contexts[1]).toEqual({ kind: "encryption", ciphers: [Cipher.AES_128_GCM] });
  expect(new Date(response.systemTime.seconds * 1000).getUTCFullYear()).toBe(2015);
});

test("decodes netname, compression and transport contexts of a newer Windows", () => {
  const { contexts } = decodeNegotiateRequest(windowsMessage(9));
  expect(contexts).toContainEqual({ kind: "netname", name: "vm39-ad2024.ad2024.weberlab.de" });
  expect(contexts).toContainEqual({ kind: "compression", flags: 1, algorithms: [4, 2, 3, 1] });
  expect(contexts).toContainEqual({ kind: "transport", flags: 0 });
});

function requestOf(dialects: readonly number[], contexts: readonly NegotiateContext[]): NegotiateRequest {
  return {
    securityMode: SecurityMode.SIGNING_ENABLED | SecurityMode.SIGNING_REQUIRED,
    capabilities: Capability.LARGE_MTU | Capability.ENCRYPTION,
    clientGuid: Uint8Array.from({ length: 16 }, (_, i) => i),
    dialects,
    contexts,
  };
}

test("round trip in every dialect", () => {
  for (const dialect of Object.values(Dialect)) {
    const request = requestOf([dialect], []);
    expect(decodeNegotiateRequest(encodeMessage(encodeNegotiateRequest, request))).toEqual(request);
    const response = {
      securityMode: SecurityMode.SIGNING_ENABLED,
      dialect,
      serverGuid: request.clientGuid,
      capabilities: Capability.LARGE_MTU,
      maxTransactSize: 65_536,
      maxReadSize: 1_048_576,
      maxWriteSize: 2_097_152,
      systemTime: { seconds: 1_700_000_000, nanoseconds: 123_456_700 },
      serverStartTime: undefined,
      securityBuffer: Uint8Array.of(0x60, 1, 2),
      contexts: [],
    };
    expect(decodeNegotiateResponse(encodeMessage(encodeNegotiateResponse, response))).toEqual(response);
  }
});

const everyKind: readonly NegotiateContext[] = [
  { kind: "preauth", hashAlgorithms: [1], salt: Uint8Array.of(1, 2, 3) },
  { kind: "encryption", ciphers: Object.values(Cipher) },
  { kind: "compression", flags: 1, algorithms: [3, 2] },
  { kind: "netname", name: "server" },
  { kind: "transport", flags: 1 },
  { kind: "rdma", transforms: [1, 2] },
  { kind: "signing", algorithms: Object.values(SigningAlgorithm) },
  { kind: "unknown", type: 0x101, data: Uint8Array.of(9, 8, 7, 6, 5) },
];

test("round trip of every negotiate context", () => {
  const request = requestOf([Dialect.SMB_3_1_1], everyKind);
  expect(decodeNegotiateRequest(encodeMessage(encodeNegotiateRequest, request))).toEqual(request);
});

test("ignores the context fields unless the dialects include 3.1.1", () => {
  const message = encodeMessage(encodeNegotiateRequest, requestOf([Dialect.SMB_3_0_2], []));
  // Here older dialects have ClientStartTime, and 3.1.1 has NegotiateContextOffset and NegotiateContextCount.
  message.view.setUint32(64 + 28, 0xffff_ffff, true);
  message.view.setUint32(64 + 32, 0xffff_ffff, true);
  expect(decodeNegotiateRequest(message).contexts).toEqual([]);
});

test("more dialects or contexts than bytes throw WireError", () => {
  const message = encodeMessage(encodeNegotiateRequest, requestOf([Dialect.SMB_3_1_1], everyKind));
  message.view.setUint16(64 + 32, 9, true);
  expect(() => decodeNegotiateRequest(message)).toThrow(WireError);
  message.view.setUint16(64 + 2, 0xffff, true);
  expect(() => decodeNegotiateRequest(message)).toThrow(WireError);
});
