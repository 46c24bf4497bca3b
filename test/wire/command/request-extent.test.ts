// The part of a request that its structure describes: each command's encoder against what is read of it.
import { describe, expect, test } from "bun:test";
import { BODY } from "../../../src/wire/body.ts";
import { EMPTY, Message, Writer } from "../../../src/wire/cursor.ts";
import { encodeCreateRequest } from "../../../src/wire/command/create.ts";
import { encodeIoctlRequest } from "../../../src/wire/command/ioctl.ts";
import { encodeLockRequest } from "../../../src/wire/command/lock.ts";
import { encodeQueryDirectoryRequest } from "../../../src/wire/command/query-directory.ts";
import { encodeQueryInfoRequest } from "../../../src/wire/command/query-info.ts";
import { requestExtent } from "../../../src/wire/command/request-extent.ts";
import { encodeSetInfoRequest } from "../../../src/wire/command/set-info.ts";
import { encodeTreeConnectRequest } from "../../../src/wire/command/tree-connect.ts";
import { encodeWriteRequest } from "../../../src/wire/command/write.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { Command } from "../../../src/wire/header.ts";

const fileId = FILE_ID_ALL_ONES;
const data = new Uint8Array(40).fill(7);
const range = { offset: 0n, length: 1n, flags: 2 };
const create = {
  oplockLevel: 0,
  impersonationLevel: 2,
  desiredAccess: 1,
  fileAttributes: 0,
  shareAccess: 7,
  createDisposition: 1,
  createOptions: 0,
  name: "folder\\file",
};

const requests: readonly (readonly [name: string, command: number, (writer: Writer) => void])[] = [
  [
    "LOCK",
    Command.LOCK,
    (w) => encodeLockRequest(w, { sequenceNumber: 0, sequenceIndex: 0, fileId, locks: [range, range] }),
  ],
  ["CREATE", Command.CREATE, (w) => encodeCreateRequest(w, { ...create, contexts: {} })],
  [
    "CREATE with contexts",
    Command.CREATE,
    (w) => encodeCreateRequest(w, { ...create, contexts: { securityDescriptor: data } }),
  ],
  [
    "IOCTL",
    Command.IOCTL,
    (w) =>
      encodeIoctlRequest(w, {
        ctlCode: 1,
        fileId,
        input: data,
        maxInputResponse: 0,
        maxOutputResponse: 0,
        flags: 1,
      }),
  ],
  [
    "QUERY_DIRECTORY",
    Command.QUERY_DIRECTORY,
    (w) =>
      encodeQueryDirectoryRequest(w, {
        infoClass: 1,
        flags: 0,
        fileIndex: 0,
        fileId,
        pattern: "a*",
        outputBufferLength: 1,
      }),
  ],
  [
    "QUERY_INFO",
    Command.QUERY_INFO,
    (w) =>
      encodeQueryInfoRequest(w, {
        infoType: 1,
        infoClass: 1,
        outputBufferLength: 1,
        additionalInformation: 0,
        flags: 0,
        fileId,
        inputBuffer: data,
      }),
  ],
  [
    "SET_INFO",
    Command.SET_INFO,
    (w) =>
      encodeSetInfoRequest(w, { infoType: 1, infoClass: 1, additionalInformation: 0, fileId, buffer: data }),
  ],
  [
    "TREE_CONNECT",
    Command.TREE_CONNECT,
    (w) => encodeTreeConnectRequest(w, { flags: 0, path: "\\\\server\\share" }),
  ],
  [
    "WRITE",
    Command.WRITE,
    (w) =>
      encodeWriteRequest(w, {
        data,
        offset: 0,
        fileId,
        channel: 0,
        remainingBytes: 0,
        channelInfo: EMPTY,
        flags: 0,
      }),
  ],
];

/** A message with `padding` bytes behind its request, and the request's length. */
function padded(encode: (writer: Writer) => void, padding: number): readonly [Message, length: number] {
  const writer = new Writer(new Uint8Array(8192), 0, BODY);
  encode(writer);
  const length = writer.position;
  return [new Message(writer.bytes, 0, length + padding), length];
}

describe("the extent of a request", () => {
  test.each(requests)("%s ends with its buffers, whatever is behind it", (_, command, encode) => {
    const [message, length] = padded(encode, 5000);
    expect(requestExtent(command, message)).toBe(length);
  });

  test.each(requests)("%s that is cut short ends with the message", (_, command, encode) => {
    const [message, length] = padded(encode, 0);
    for (let cut = BODY; cut < length; cut++) {
      const short = new Message(message.bytes, 0, cut);
      expect(requestExtent(command, short)).toBeLessThanOrEqual(cut);
    }
  });

  test("a buffer beyond the message ends with the message", () => {
    const [message] = padded((w) => encodeTreeConnectRequest(w, { flags: 0, path: "x" }), 100);
    message.view.setUint16(BODY + 6, 0xffff, true);
    expect(requestExtent(Command.TREE_CONNECT, message)).toBe(message.length);
  });

  test("a command without a known layout ends with the message", () => {
    const [message] = padded((w) => encodeTreeConnectRequest(w, { flags: 0, path: "x" }), 100);
    expect(requestExtent(Command.SESSION_SETUP, message)).toBe(message.length);
  });
});
