// What a strict client demands of every reply, [MS-SMB2] 3.2.5.1: smbclient and Windows end the connection otherwise
// (smbclient says INVALID_NETWORK_RESPONSE). The raw client asks this of each reply of each test.
import { Command, type Header, HEADER_SIZE, HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import { Status, statusName } from "../../../src/wire/status.ts";

/** A message id of 64 one bits: no request has it. */
const UNSOLICITED = 0xffff_ffff_ffff_ffff;

/** StructureSize of an error response, 2.2.2. */
const ERROR_SIZE = 9;
/** StructureSize of a lease break response, 2.2.25.2; that of an oplock break response is another. */
const LEASE_BREAK_SIZE = 36;
/** [MS-SMB2] 2.2.44.1: sent without a request, as a break is. */
const SERVER_TO_CLIENT_NOTIFICATION = 0x13;

/** The StructureSize of each response that is not an error response, by Command. */
const STRUCTURE_SIZES: Readonly<Record<number, number>> = {
  [Command.NEGOTIATE]: 65,
  [Command.SESSION_SETUP]: 9,
  [Command.LOGOFF]: 4,
  [Command.TREE_CONNECT]: 16,
  [Command.TREE_DISCONNECT]: 4,
  [Command.CREATE]: 89,
  [Command.CLOSE]: 60,
  [Command.FLUSH]: 4,
  [Command.READ]: 17,
  [Command.WRITE]: 17,
  [Command.LOCK]: 4,
  [Command.IOCTL]: 49,
  [Command.ECHO]: 4,
  [Command.QUERY_DIRECTORY]: 9,
  [Command.CHANGE_NOTIFY]: 9,
  [Command.QUERY_INFO]: 9,
  [Command.SET_INFO]: 2,
  [Command.OPLOCK_BREAK]: 24,
};

/** Where a request tells how much it has room for, and its response how much there is and where; in the bodies. */
interface Amount {
  readonly limitAt: number;
  readonly countAt: number;
  readonly offset: ((body: DataView) => number) | undefined;
}

const inBuffer = (body: DataView): number => body.getUint16(2, true);

const AMOUNTS: Readonly<Record<number, Amount>> = {
  [Command.READ]: { limitAt: 4, countAt: 4, offset: (body) => body.getUint8(2) },
  [Command.WRITE]: { limitAt: 4, countAt: 4, offset: undefined },
  [Command.IOCTL]: { limitAt: 44, countAt: 36, offset: (body) => body.getUint32(32, true) },
  [Command.QUERY_DIRECTORY]: { limitAt: 28, countAt: 4, offset: inBuffer },
  [Command.CHANGE_NOTIFY]: { limitAt: 4, countAt: 4, offset: inBuffer },
  [Command.QUERY_INFO]: { limitAt: 4, countAt: 4, offset: inBuffer },
};

interface Sent {
  readonly command: number;
  readonly body: DataView;
  /** How often a request with this message id was built: some tests send one twice. */
  times: number;
  asyncId: number | undefined;
}

export class ReplyAudit {
  private readonly sent = new Map<number, Sent>();

  /** Takes a request as it is sent, the header included. */
  addRequest(messageId: number, bytes: Uint8Array): void {
    const isWhole = bytes.length >= HEADER_SIZE;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const at = isWhole ? HEADER_SIZE : bytes.length;
    this.sent.set(messageId, {
      command: isWhole ? view.getUint16(HeaderOffset.COMMAND, true) : -1,
      body: new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at),
      times: (this.sent.get(messageId)?.times ?? 0) + 1,
      asyncId: undefined,
    });
  }

  /** What is wrong with a reply; undefined when a strict client takes it. `bytes` is the whole message. */
  findFault(header: Header, bytes: Uint8Array): string | undefined {
    const { command, messageId } = header;
    if ((header.flags & HeaderFlag.SERVER_TO_REDIR) === 0) return "a response without SERVER_TO_REDIR";
    if (header.nextCommand % 8 !== 0) return `NextCommand ${header.nextCommand} is no multiple of 8`;
    if (messageId >= UNSOLICITED) {
      const isExpected = command === Command.OPLOCK_BREAK || command === SERVER_TO_CLIENT_NOTIFICATION;
      return isExpected ? undefined : `command ${command} without a request`;
    }
    const request = this.sent.get(messageId);
    if (request === undefined) return `message ${messageId} was not sent, or answered before`;
    // Which of two requests with one message id this answers is not known.
    const fault = request.times > 1 ? undefined : findFaultOf(request, header, bytes);
    if (!isInterim(header)) {
      if (--request.times === 0) this.sent.delete(messageId);
    } else request.asyncId = header.asyncId;
    return fault && `${fault}, in ${statusName(header.status)} to message ${messageId}, command ${command}`;
  }
}

function isInterim({ flags, status }: Header): boolean {
  return (flags & HeaderFlag.ASYNC_COMMAND) !== 0 && status === Status.PENDING;
}

function findFaultOf(request: Sent, header: Header, bytes: Uint8Array): string | undefined {
  if (request.command !== header.command) return `not command ${request.command}`;
  if (isInterim(header)) {
    if (request.asyncId !== undefined) return "a second interim response";
    return header.asyncId === 0 ? "no AsyncId" : undefined;
  }
  const isAsync = (header.flags & HeaderFlag.ASYNC_COMMAND) !== 0;
  if (isAsync !== (request.asyncId !== undefined)) return "asynchronous and no interim one, or the reverse";
  if (isAsync && request.asyncId !== header.asyncId) return "not the AsyncId of the interim response";
  const body = new DataView(bytes.buffer, bytes.byteOffset + HEADER_SIZE, bytes.length - HEADER_SIZE);
  if (body.byteLength < 2) return "no body";
  const size = body.getUint16(0, true);
  if (size === ERROR_SIZE && header.status !== Status.SUCCESS) return undefined;
  const own = STRUCTURE_SIZES[header.command];
  if (size !== own && !(header.command === Command.OPLOCK_BREAK && size === LEASE_BREAK_SIZE))
    return `StructureSize ${size}`;
  // The size counts one byte of a variable part, which may be missing.
  if (body.byteLength < (size & ~1)) return `a body of ${body.byteLength} bytes`;
  return findExcess(request, header.command, body);
}

/** More than the request has room for, or data that are not within the message. */
function findExcess(request: Sent, command: number, body: DataView): string | undefined {
  const amount = AMOUNTS[command];
  if (amount === undefined || request.body.byteLength < amount.limitAt + 4) return undefined;
  const limit = request.body.getUint32(amount.limitAt, true);
  const count = body.getUint32(amount.countAt, true);
  if (count > limit) return `${count} bytes for ${limit}`;
  const end = HEADER_SIZE + body.byteLength;
  const at = amount.offset?.(body);
  return at !== undefined && count > 0 && at + count > end ? `${count} bytes at ${at} of ${end}` : undefined;
}
