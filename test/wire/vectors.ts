// Reads the recorded SMB2 messages of test/vectors/wire and finds the codec of each.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Message, Writer } from "../../src/wire/cursor.ts";
import { decodeCancelRequest, encodeCancelRequest } from "../../src/wire/command/cancel.ts";
import {
  decodeChangeNotifyRequest,
  decodeChangeNotifyResponse,
  encodeChangeNotifyRequest,
  encodeChangeNotifyResponse,
} from "../../src/wire/command/change-notify.ts";
import {
  decodeCloseRequest,
  decodeCloseResponse,
  encodeCloseRequest,
  encodeCloseResponse,
} from "../../src/wire/command/close.ts";
import {
  decodeCreateRequest,
  decodeCreateResponse,
  encodeCreateRequest,
  encodeCreateResponse,
} from "../../src/wire/command/create.ts";
import {
  decodeEchoRequest,
  decodeEchoResponse,
  encodeEchoRequest,
  encodeEchoResponse,
} from "../../src/wire/command/echo.ts";
import { decodeErrorResponse, encodeErrorResponse } from "../../src/wire/command/error-response.ts";
import {
  decodeFlushRequest,
  decodeFlushResponse,
  encodeFlushRequest,
  encodeFlushResponse,
} from "../../src/wire/command/flush.ts";
import {
  Command,
  HEADER_SIZE,
  HeaderFlag,
  type Header,
  readHeader,
  writeHeader,
} from "../../src/wire/header.ts";
import {
  decodeIoctlRequest,
  decodeIoctlResponse,
  encodeIoctlRequest,
  encodeIoctlResponse,
} from "../../src/wire/command/ioctl.ts";
import {
  decodeLockRequest,
  decodeLockResponse,
  encodeLockRequest,
  encodeLockResponse,
} from "../../src/wire/command/lock.ts";
import {
  decodeLogoffRequest,
  decodeLogoffResponse,
  encodeLogoffRequest,
  encodeLogoffResponse,
} from "../../src/wire/command/logoff.ts";
import {
  decodeNegotiateRequest,
  decodeNegotiateResponse,
  encodeNegotiateRequest,
  encodeNegotiateResponse,
} from "../../src/wire/command/negotiate.ts";
import {
  decodeOplockBreakNotification,
  decodeOplockBreakRequest,
  decodeOplockBreakResponse,
  encodeOplockBreakNotification,
  encodeOplockBreakRequest,
  encodeOplockBreakResponse,
} from "../../src/wire/command/oplock-break.ts";
import {
  decodeQueryDirectoryRequest,
  decodeQueryDirectoryResponse,
  encodeQueryDirectoryRequest,
  encodeQueryDirectoryResponse,
} from "../../src/wire/command/query-directory.ts";
import {
  decodeQueryInfoRequest,
  decodeQueryInfoResponse,
  encodeQueryInfoRequest,
  encodeQueryInfoResponse,
} from "../../src/wire/command/query-info.ts";
import {
  decodeReadRequest,
  decodeReadResponse,
  encodeReadRequest,
  encodeReadResponse,
} from "../../src/wire/command/read.ts";
import {
  decodeSessionSetupRequest,
  decodeSessionSetupResponse,
  encodeSessionSetupRequest,
  encodeSessionSetupResponse,
} from "../../src/wire/command/session-setup.ts";
import {
  decodeSetInfoRequest,
  decodeSetInfoResponse,
  encodeSetInfoRequest,
  encodeSetInfoResponse,
} from "../../src/wire/command/set-info.ts";
import {
  decodeTreeConnectRequest,
  decodeTreeConnectResponse,
  encodeTreeConnectRequest,
  encodeTreeConnectResponse,
} from "../../src/wire/command/tree-connect.ts";
import {
  decodeTreeDisconnectRequest,
  decodeTreeDisconnectResponse,
  encodeTreeDisconnectRequest,
  encodeTreeDisconnectResponse,
} from "../../src/wire/command/tree-disconnect.ts";
import {
  decodeWriteRequest,
  decodeWriteResponse,
  encodeWriteRequest,
  encodeWriteResponse,
} from "../../src/wire/command/write.ts";

export interface RecordedMessage {
  /** The vector file and the message's index in it. */
  readonly name: string;
  readonly direction: "request" | "response";
  /** From the request: InfoType and information class, directory information class, or control code. */
  readonly info: readonly number[];
  readonly bytes: Uint8Array;
}

/** One direction of one command. */
export interface Codec {
  readonly name: string;
  readonly decode: (message: Message) => unknown;
  readonly encode: (writer: Writer, value: never) => void;
}

interface VectorFile {
  readonly messages: readonly { direction: "request" | "response"; info?: number[]; hex: string }[];
}

const directory = join(import.meta.dir, "../vectors/wire");

/** The messages of one file (its name without `.json`), or of all files. */
export function recordedMessages(only?: string): RecordedMessage[] {
  const messages: RecordedMessage[] = [];
  for (const file of readdirSync(directory).sort()) {
    if (only !== undefined && file !== `${only}.json`) continue;
    const vectors = JSON.parse(readFileSync(join(directory, file), "utf8")) as VectorFile;
    for (const [index, { direction, info, hex }] of vectors.messages.entries()) {
      messages.push({
        name: `${file} ${index}`,
        direction,
        info: info ?? [],
        bytes: Uint8Array.from(Buffer.from(hex, "hex")),
      });
    }
  }
  return messages;
}

function codec<T>(
  name: string,
  decode: (message: Message) => T,
  encode: (writer: Writer, value: T) => void,
): Codec {
  return { name, decode, encode };
}

const requests: Readonly<Record<number, Codec>> = {
  [Command.NEGOTIATE]: codec("NegotiateRequest", decodeNegotiateRequest, encodeNegotiateRequest),
  [Command.SESSION_SETUP]: codec("SessionSetupRequest", decodeSessionSetupRequest, encodeSessionSetupRequest),
  [Command.LOGOFF]: codec("LogoffRequest", decodeLogoffRequest, encodeLogoffRequest),
  [Command.TREE_CONNECT]: codec("TreeConnectRequest", decodeTreeConnectRequest, encodeTreeConnectRequest),
  [Command.TREE_DISCONNECT]: codec(
    "TreeDisconnectRequest",
    decodeTreeDisconnectRequest,
    encodeTreeDisconnectRequest,
  ),
  [Command.CREATE]: codec("CreateRequest", decodeCreateRequest, encodeCreateRequest),
  [Command.CLOSE]: codec("CloseRequest", decodeCloseRequest, encodeCloseRequest),
  [Command.FLUSH]: codec("FlushRequest", decodeFlushRequest, encodeFlushRequest),
  [Command.READ]: codec("ReadRequest", decodeReadRequest, encodeReadRequest),
  [Command.WRITE]: codec("WriteRequest", decodeWriteRequest, encodeWriteRequest),
  [Command.LOCK]: codec("LockRequest", decodeLockRequest, encodeLockRequest),
  [Command.IOCTL]: codec("IoctlRequest", decodeIoctlRequest, encodeIoctlRequest),
  [Command.CANCEL]: codec("CancelRequest", decodeCancelRequest, encodeCancelRequest),
  [Command.ECHO]: codec("EchoRequest", decodeEchoRequest, encodeEchoRequest),
  [Command.QUERY_DIRECTORY]: codec(
    "QueryDirectoryRequest",
    decodeQueryDirectoryRequest,
    encodeQueryDirectoryRequest,
  ),
  [Command.CHANGE_NOTIFY]: codec("ChangeNotifyRequest", decodeChangeNotifyRequest, encodeChangeNotifyRequest),
  [Command.QUERY_INFO]: codec("QueryInfoRequest", decodeQueryInfoRequest, encodeQueryInfoRequest),
  [Command.SET_INFO]: codec("SetInfoRequest", decodeSetInfoRequest, encodeSetInfoRequest),
  [Command.OPLOCK_BREAK]: codec("OplockBreakRequest", decodeOplockBreakRequest, encodeOplockBreakRequest),
};

const responses: Readonly<Record<number, Codec>> = {
  [Command.NEGOTIATE]: codec("NegotiateResponse", decodeNegotiateResponse, encodeNegotiateResponse),
  [Command.SESSION_SETUP]: codec(
    "SessionSetupResponse",
    decodeSessionSetupResponse,
    encodeSessionSetupResponse,
  ),
  [Command.LOGOFF]: codec("LogoffResponse", decodeLogoffResponse, encodeLogoffResponse),
  [Command.TREE_CONNECT]: codec("TreeConnectResponse", decodeTreeConnectResponse, encodeTreeConnectResponse),
  [Command.TREE_DISCONNECT]: codec(
    "TreeDisconnectResponse",
    decodeTreeDisconnectResponse,
    encodeTreeDisconnectResponse,
  ),
  [Command.CREATE]: codec("CreateResponse", decodeCreateResponse, encodeCreateResponse),
  [Command.CLOSE]: codec("CloseResponse", decodeCloseResponse, encodeCloseResponse),
  [Command.FLUSH]: codec("FlushResponse", decodeFlushResponse, encodeFlushResponse),
  [Command.READ]: codec("ReadResponse", decodeReadResponse, encodeReadResponse),
  [Command.WRITE]: codec("WriteResponse", decodeWriteResponse, encodeWriteResponse),
  [Command.LOCK]: codec("LockResponse", decodeLockResponse, encodeLockResponse),
  [Command.IOCTL]: codec("IoctlResponse", decodeIoctlResponse, encodeIoctlResponse),
  [Command.ECHO]: codec("EchoResponse", decodeEchoResponse, encodeEchoResponse),
  [Command.QUERY_DIRECTORY]: codec(
    "QueryDirectoryResponse",
    decodeQueryDirectoryResponse,
    encodeQueryDirectoryResponse,
  ),
  [Command.CHANGE_NOTIFY]: codec(
    "ChangeNotifyResponse",
    decodeChangeNotifyResponse,
    encodeChangeNotifyResponse,
  ),
  [Command.QUERY_INFO]: codec("QueryInfoResponse", decodeQueryInfoResponse, encodeQueryInfoResponse),
  [Command.SET_INFO]: codec("SetInfoResponse", decodeSetInfoResponse, encodeSetInfoResponse),
  [Command.OPLOCK_BREAK]: codec("OplockBreakResponse", decodeOplockBreakResponse, encodeOplockBreakResponse),
};

export const errorCodec: Codec = codec("ErrorResponse", decodeErrorResponse, encodeErrorResponse);
export const notificationCodec: Codec = codec(
  "OplockBreakNotification",
  decodeOplockBreakNotification,
  encodeOplockBreakNotification,
);

export const ALL_CODECS: readonly Codec[] = [
  ...Object.values(requests),
  ...Object.values(responses),
  errorCodec,
  notificationCodec,
];

const MORE_PROCESSING_REQUIRED = 0xc000_0016;
const BUFFER_OVERFLOW = 0x8000_0005;

/** The codec of a recorded SMB2 message. Throws an Error for an unknown command. */
export function codecOf(message: Uint8Array): Codec {
  const header = headerOf(message);
  const known = (header.flags & HeaderFlag.SERVER_TO_REDIR) === 0 ? requests : responses;
  const found = known[header.command];
  if (found === undefined) throw new Error(`no codec for command ${header.command}`);
  if (known === requests) return found;
  const isUnasked = message.subarray(24, 32).every((byte) => byte === 0xff);
  if (isUnasked) return notificationCodec;
  const isError =
    header.status !== 0 &&
    header.status !== MORE_PROCESSING_REQUIRED &&
    header.status !== BUFFER_OVERFLOW &&
    message[HEADER_SIZE] === 9;
  // A failed IOCTL may have an IOCTL response (the limits of copychunk), recognised by its StructureSize.
  return isError ? errorCodec : found;
}

export function headerOf(message: Uint8Array): Header {
  return readHeader(new DataView(message.buffer, message.byteOffset, message.byteLength), 0);
}

/** Encodes a decoded value again, behind the header of the original message. */
export function encodeAgain(message: Uint8Array, chosen: Codec, value: unknown): Uint8Array {
  const writer = new Writer(new Uint8Array(message.length + 1024));
  writeHeader(writer, headerOf(message));
  chosen.encode(writer, value as never);
  return writer.bytes.slice(0, writer.position);
}
