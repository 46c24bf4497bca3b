// Structures of the POSIX extensions: offsets as in Linux's fs/smb/common/smb2pdu.h (smb2_posix_info,
// smb311_posix_qinfo, FILE_SYSTEM_POSIX_INFO), and round trips.
import { expect, test } from "bun:test";
import { Message, Writer } from "../../src/wire/cursor.ts";
import {
  decodeCreateRequestContexts,
  decodeCreateResponseContexts,
  encodeCreateRequestContexts,
  encodeCreateResponseContexts,
} from "../../src/wire/context/create-context.ts";
import {
  decodeNegotiateContexts,
  encodeNegotiateContexts,
} from "../../src/wire/context/negotiate-context.ts";
import {
  appendPosixEntry,
  decodeFsPosixInformation,
  decodePosixEntries,
  decodePosixInformation,
  encodeFsPosixInformation,
  encodePosixInformation,
  modeOfSid,
  PosixFileType,
  type PosixInformation,
  POSIX_EXTENSIONS_ID,
  posixEntryRoom,
  unixGroupSid,
  unixUserSid,
} from "../../src/wire/posix.ts";
import { parseSid } from "../../src/wire/security/sid.ts";
import { encodeBytes, fromHex } from "./encoding.ts";

const information: PosixInformation = {
  birthSeconds: 1_600_000_000,
  birthNanoseconds: 100,
  accessSeconds: 1_600_000_001,
  accessNanoseconds: 200,
  modifySeconds: 1_600_000_002,
  modifyNanoseconds: 300,
  changeSeconds: 1_600_000_003,
  changeNanoseconds: 400,
  size: 5,
  allocated: 4096,
  attributes: 0x20,
  inodeLow: 77,
  inodeHigh: 1,
  device: 0x801,
  links: 3,
  reparseTag: 0,
  mode: 0o4640,
  fileType: PosixFileType.REGULAR,
  owner: unixUserSid(1000),
  group: unixGroupSid(100),
};

test("decodes and encodes the negotiate context of a Linux client", () => {
  // build_posix_ctxt of cifs.ko: type 0x100, 16 bytes, the GUID from its source.
  const bytes = fromHex("0001 1000 00000000 93ad25509cb411e7b42383de968bcd7c".replaceAll(" ", ""));
  const [context] = decodeNegotiateContexts(new Message(bytes), 0, 1, 0);
  expect(context).toEqual({ kind: "posix", versions: POSIX_EXTENSIONS_ID });
  const again = encodeBytes(encodeNegotiateContexts, context ? [context] : []);
  expect(again).toEqual(bytes);
});

test("encodes and decodes the create context", () => {
  // create_posix_buf of cifs.ko: the name of 16 bytes at offset 16, the mode of four bytes at 32.
  const bytes = fromHex("00000000100010000000200004000000" + "93ad25509cb411e7b42383de968bcd7c" + "a0010000");
  expect(decodeCreateRequestContexts(bytes)).toEqual({ posix: { mode: 0o640 } });
  expect(encodeBytes(encodeCreateRequestContexts, { posix: { mode: 0o640 } })).toEqual(bytes);
  const { links, reparseTag, mode, fileType, owner, group } = information;
  const posix = { links, reparseTag, mode, fileType, owner, group };
  const answer = encodeBytes(encodeCreateResponseContexts, { posix });
  // nlink, reparse tag and mode, then the two SIDs.
  expect(answer.length).toBe(32 + 12 + 32);
  expect(new DataView(answer.buffer, answer.byteOffset).getUint32(40, true)).toBe(0o4640);
  expect(decodeCreateResponseContexts(answer)).toEqual({ posix });
});

test("encodes and decodes information class 100 of a file", () => {
  const bytes = encodeBytes(encodePosixInformation, information);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  expect(bytes.length).toBe(80 + 32);
  expect(view.getUint32(32, true)).toBe(5);
  expect(view.getUint32(40, true)).toBe(4096);
  expect(view.getUint32(48, true)).toBe(0x20);
  expect(view.getUint32(52, true)).toBe(77);
  expect(view.getUint32(56, true)).toBe(1);
  expect(view.getUint32(60, true)).toBe(0x801);
  expect(view.getUint32(64, true)).toBe(0);
  expect(view.getUint32(68, true)).toBe(3);
  expect(view.getUint32(76, true)).toBe(0o4640);
  expect(decodePosixInformation(bytes)).toEqual(information);
});

test("the mode includes the file type, except for directories", () => {
  const encode = (fileType: PosixInformation["fileType"]) =>
    encodeBytes(encodePosixInformation, { ...information, fileType, mode: 0o777 });
  const mode = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(76, true);
  expect(mode(encode(PosixFileType.SYMLINK))).toBe(0x2000 | 0o777);
  expect(mode(encode(PosixFileType.FIFO))).toBe(0x5000 | 0o777);
  expect(mode(encode(PosixFileType.DIRECTORY))).toBe(0o777);
});

test("encodes and decodes a directory listing of information class 100", () => {
  const writer = new Writer(new Uint8Array(512));
  let last = -1;
  for (const name of ["a", "b:c", "dots."]) {
    const before = writer.position;
    const room = posixEntryRoom(writer, name, information);
    last = appendPosixEntry(writer, name, information, last);
    expect(writer.position - before).toBe(room);
  }
  const entries = decodePosixEntries(writer.bytes.subarray(0, writer.position));
  expect(entries.map(({ name }) => name)).toEqual(["a", "b:c", "dots."]);
  expect(entries[1]).toEqual({ ...information, name: "b:c" });
});

test("encodes and decodes information class 100 of a volume", () => {
  const facts = {
    transferBytes: 4096,
    blockBytes: 4096,
    blocks: 2 ** 40,
    freeBlocks: 9,
    availableBlocks: 8,
    files: 7,
    freeFiles: 6,
    fsidLow: 5,
    fsidHigh: 4,
  };
  const bytes = encodeBytes(encodeFsPosixInformation, facts);
  expect(bytes.length).toBe(56);
  expect(decodeFsPosixInformation(bytes)).toEqual(facts);
});

test("modeOfSid returns the mode of S-1-5-88-3-mode only", () => {
  expect(modeOfSid(parseSid("S-1-5-88-3-420"))).toBe(0o644);
  expect(modeOfSid(parseSid("S-1-5-88-2-420"))).toBeUndefined();
});
