// IOCTL with input that no recorded message has.
import { expect, test } from "bun:test";
import { WireError } from "../../../src/wire/cursor.ts";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import {
  decodeIoctlRequest,
  decodeIoctlResponse,
  encodeIoctlRequest,
  encodeIoctlResponse,
  IOCTL_RESPONSE_OUTPUT,
  IoctlFlag,
} from "../../../src/wire/command/ioctl.ts";
import { encodeMessage } from "../encoding.ts";

const request = {
  ctlCode: Fsctl.PIPE_TRANSCEIVE,
  fileId: FILE_ID_ALL_ONES,
  input: Uint8Array.of(1, 2, 3),
  maxInputResponse: 0,
  maxOutputResponse: 1024,
  flags: IoctlFlag.IS_FSCTL,
};

test("round trip of requests and responses", () => {
  expect(decodeIoctlRequest(encodeMessage(encodeIoctlRequest, request))).toEqual(request);
  const response = {
    ctlCode: request.ctlCode,
    fileId: request.fileId,
    output: Uint8Array.of(4, 5),
    flags: 0,
  };
  const message = encodeMessage(encodeIoctlResponse, response);
  expect(message.length).toBe(IOCTL_RESPONSE_OUTPUT + 2);
  expect(decodeIoctlResponse(message)).toEqual(response);
});

test("input outside the message throws WireError", () => {
  const message = encodeMessage(encodeIoctlRequest, request);
  message.view.setUint32(64 + 28, 4, true);
  expect(() => decodeIoctlRequest(message)).toThrow(WireError);
  message.view.setUint32(64 + 28, 3, true);
  message.view.setUint32(64 + 24, 64, true);
  expect(() => decodeIoctlRequest(message)).toThrow(WireError);
});
