// Decoders of the structures that clients send for files, with critical values in every field and truncated
// at every byte: they terminate and throw nothing but WireError.
// [MS-FSCC] 2.1.2, 2.3, 2.4; [MS-DTYP] 2.4; [MS-SMB2] 2.2.13.2.
import { expect, test } from "bun:test";
import { WireError, Writer } from "../../src/wire/cursor.ts";
import {
  decodeCreateRequestContexts,
  decodeCreateResponseContexts,
  encodeCreateRequestContexts,
  encodeCreateResponseContexts,
} from "../../src/wire/context/create-context.ts";
import {
  decodeCopyChunkRequest,
  decodeDuplicateExtents,
  encodeCopyChunkRequest,
} from "../../src/wire/fscc/copychunk.ts";
import {
  decodeAttributeNames,
  decodeExtendedAttributes,
  encodeAttributeNames,
} from "../../src/wire/fscc/extended-attribute.ts";
import { decodeBasicChange } from "../../src/wire/fscc/file-information.ts";
import {
  decodeRenameInformation,
  decodeRenameInformationEx,
  encodeRenameInformation,
} from "../../src/wire/fscc/rename.ts";
import {
  decodeNfsReparse,
  decodeReparseBuffer,
  decodeSymlinkReparse,
  encodeNfsReparse,
  encodeSymlinkReparse,
  NfsInodeType,
} from "../../src/wire/fscc/reparse.ts";
import { decodeSnapshotArray, encodeSnapshotArray } from "../../src/wire/fscc/snapshot.ts";
import { decodeAllocatedRangesRequest, decodeTrim, decodeZeroData } from "../../src/wire/fscc/sparse.ts";
import { decodeStreams } from "../../src/wire/fscc/stream.ts";
import {
  appendPosixEntry,
  decodeFsPosixInformation,
  decodePosixEntries,
  decodePosixInformation,
  type PosixInformation,
  unixGroupSid,
  unixUserSid,
} from "../../src/wire/posix.ts";
import { decodeSecurityDescriptor } from "../../src/wire/security/security-descriptor.ts";
import { attributeList, bytesOf } from "../e2e/client/attribute-calls.ts";
import { descriptorOf, encodeDescriptor } from "../e2e/client/security-calls.ts";
import { createEdges, createInputs } from "./bytes.ts";

const SEED = 0x5eed_0002;
/** Limit for decoding one structure; generous because the machine may be busy. */
const MAX_MS = 5000;

const descriptor = encodeDescriptor(
  descriptorOf({
    owner: "S-1-22-1-1",
    group: "S-1-22-2-1",
    aces: [
      ["D", 3, 0x40, "S-1-1-0"],
      ["A", 3, 0x1f01ff, "S-1-5-21-1-2-3-1000"],
    ],
  }),
);
const attributes = attributeList({ ONE: "first", Two: "second value" });
const time = { seconds: 1_577_934_245, nanoseconds: 0 };
const facts: PosixInformation = {
  ...{
    attributes: 0x20,
    size: 1,
    allocated: 4096,
    inodeLow: 1,
    inodeHigh: 2,
    device: 3,
    links: 1,
    reparseTag: 0,
  },
  ...{ mode: 0o644, fileType: 0, owner: unixUserSid(1), group: unixGroupSid(1) },
  ...{ birthSeconds: 1, birthNanoseconds: 0, accessSeconds: 1, accessNanoseconds: 0 },
  ...{ modifySeconds: 1, modifyNanoseconds: 0, changeSeconds: 1, changeNanoseconds: 0 },
};
const contexts = bytesOf((writer) =>
  encodeCreateRequestContexts(writer, {
    extendedAttributes: attributes,
    securityDescriptor: descriptor,
    allocationSize: 4096,
    maximalAccess: { timestamp: time },
    timewarp: time,
    queryOnDiskId: true,
    posix: { mode: 0o755 },
  }),
);
const answered = bytesOf((writer) =>
  encodeCreateResponseContexts(writer, {
    maximalAccess: { queryStatus: 0, maximalAccess: 0x1f01ff },
    onDiskId: { fileIdLow: 1, fileIdHigh: 0, volumeIdLow: 2, volumeIdHigh: 0 },
    posix: facts,
  }),
);
const entries = bytesOf((writer) => {
  const first = appendPosixEntry(writer, "first", facts, -1);
  appendPosixEntry(writer, "second one", facts, first);
});
const link = bytesOf((writer: Writer) =>
  encodeSymlinkReparse(writer, { isRelative: true, substituteName: "a\\b", printName: "a\\b" }),
);
const device = bytesOf((writer) =>
  encodeNfsReparse(writer, { type: NfsInodeType.BLOCK, major: 1, minor: 2 }),
);
const ranges = Uint8Array.fromHex(
  "00000000020000000010000000000000001000000000000000300000000000000010000000000000",
);
const copy = bytesOf((writer) =>
  encodeCopyChunkRequest(writer, {
    sourceKey: new Uint8Array(24),
    chunks: [1, 2].map((n) => ({ sourceOffset: n, targetOffset: n, length: n })),
  }),
);
const streams = Uint8Array.fromHex(
  "280000000e000000" +
    "00".repeat(16) +
    "3a003a0024004400410054004100" +
    "0000" +
    "0000000010000000" +
    "01" +
    "00".repeat(15) +
    "3a0073003a00240044004100540041 00".replace(" ", ""),
);

const cases: readonly (readonly [string, Uint8Array, (data: Uint8Array) => unknown])[] = [
  ["create contexts of requests", contexts, decodeCreateRequestContexts],
  ["create contexts of responses", answered, decodeCreateResponseContexts],
  ["security descriptor", descriptor, decodeSecurityDescriptor],
  ["extended attributes", attributes, decodeExtendedAttributes],
  ["names", bytesOf((writer) => encodeAttributeNames(writer, ["ONE", "two"])), decodeAttributeNames],
  ["rename", bytesOf((w) => encodeRenameInformation(w, { flags: 1, name: "a\\b" })), decodeRenameInformation],
  [
    "rename ex",
    bytesOf((w) => encodeRenameInformation(w, { flags: 1, name: "a\\b" })),
    decodeRenameInformationEx,
  ],
  ["reparse buffer", link, decodeReparseBuffer],
  ["symlink", link.subarray(8), decodeSymlinkReparse],
  ["device", device.subarray(8), decodeNfsReparse],
  ["trim", ranges, decodeTrim],
  ["zero", ranges.subarray(8), decodeZeroData],
  ["ranges", ranges.subarray(8), decodeAllocatedRangesRequest],
  ["copychunk", copy, decodeCopyChunkRequest],
  ["duplicate", new Uint8Array(40), decodeDuplicateExtents],
  ["basic", new Uint8Array(40), decodeBasicChange],
  ["streams", streams, decodeStreams],
  [
    "snapshots",
    bytesOf((w) =>
      encodeSnapshotArray(w, { available: 1, arraySize: 52, tokens: ["@GMT-2020.01.02-03.04.05"] }),
    ),
    decodeSnapshotArray,
  ],
  ["POSIX information of a file", entries.subarray(8), decodePosixInformation],
  ["POSIX directory listing", entries, decodePosixEntries],
  ["POSIX information of a volume", new Uint8Array(56), decodeFsPosixInformation],
];

test.each(cases)("decoding of mutated %s returns or throws WireError", (_, sample, decode) => {
  decode(sample);
  for (const inputs of [createInputs([sample], 1000, SEED), createEdges(sample)]) {
    for (const input of inputs) {
      const start = performance.now();
      try {
        decode(input);
      } catch (error) {
        if (!(error instanceof WireError)) throw new Error(input.toHex(), { cause: error });
      }
      expect(performance.now() - start).toBeLessThan(MAX_MS);
    }
  }
});
