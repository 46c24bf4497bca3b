// The SMB2 packet header; [MS-SMB2] 2.2.1. The hot path reads fields by offset and allocates no Header.
import type { Writer } from "./cursor.ts";

export const HEADER_SIZE = 64;
/** 0xFE 'S' 'M' 'B', read little-endian. */
export const PROTOCOL_SMB2 = 0x424d53fe;
/** 0xFD 'S' 'M' 'B': a transform header, [MS-SMB2] 2.2.41. */
export const PROTOCOL_TRANSFORM = 0x424d53fd;
/** 0xFF 'S' 'M' 'B': SMB1. */
export const PROTOCOL_SMB1 = 0x424d53ff;

/** [MS-SMB2] 2.2.1.2. */
export const Command = {
  NEGOTIATE: 0x00,
  SESSION_SETUP: 0x01,
  LOGOFF: 0x02,
  TREE_CONNECT: 0x03,
  TREE_DISCONNECT: 0x04,
  CREATE: 0x05,
  CLOSE: 0x06,
  FLUSH: 0x07,
  READ: 0x08,
  WRITE: 0x09,
  LOCK: 0x0a,
  IOCTL: 0x0b,
  CANCEL: 0x0c,
  ECHO: 0x0d,
  QUERY_DIRECTORY: 0x0e,
  CHANGE_NOTIFY: 0x0f,
  QUERY_INFO: 0x10,
  SET_INFO: 0x11,
  OPLOCK_BREAK: 0x12,
} as const;
export type Command = (typeof Command)[keyof typeof Command];

/** [MS-SMB2] 2.2.1.2. */
export const HeaderFlag = {
  SERVER_TO_REDIR: 0x0000_0001,
  ASYNC_COMMAND: 0x0000_0002,
  RELATED_OPERATIONS: 0x0000_0004,
  SIGNED: 0x0000_0008,
  PRIORITY_MASK: 0x0000_0070,
  DFS_OPERATIONS: 0x1000_0000,
  REPLAY_OPERATION: 0x2000_0000,
} as const;

/** Offsets of the header's fields from its start. */
export const HeaderOffset = {
  PROTOCOL_ID: 0,
  STRUCTURE_SIZE: 4,
  CREDIT_CHARGE: 6,
  /** Status in a response; ChannelSequence and Reserved in an SMB 3.x request. */
  STATUS: 8,
  COMMAND: 12,
  CREDITS: 14,
  FLAGS: 16,
  NEXT_COMMAND: 20,
  MESSAGE_ID: 24,
  /** AsyncId (8 bytes) when ASYNC_COMMAND is set, else Reserved and TreeId. */
  ASYNC_ID: 32,
  TREE_ID: 36,
  SESSION_ID: 40,
  SIGNATURE: 48,
} as const;

/** A decoded header, for clients, tests and cold paths. */
export interface Header {
  creditCharge: number;
  /** Status in a response; in a request the low 16 bits are ChannelSequence. */
  status: number;
  command: number;
  credits: number;
  flags: number;
  nextCommand: number;
  messageId: number;
  asyncId: number;
  treeId: number;
  sessionId: number;
}

/** Writes a header with a zero signature. */
export function writeHeader(writer: Writer, header: Header): void {
  writer.u32(PROTOCOL_SMB2);
  writer.u16(HEADER_SIZE);
  writer.u16(header.creditCharge);
  writer.u32(header.status);
  writer.u16(header.command);
  writer.u16(header.credits);
  writer.u32(header.flags);
  writer.u32(header.nextCommand);
  writer.u64(header.messageId);
  if ((header.flags & HeaderFlag.ASYNC_COMMAND) !== 0) {
    writer.u64(header.asyncId);
  } else {
    writer.u32(0);
    writer.u32(header.treeId);
  }
  writer.u64(header.sessionId);
  writer.zero(16);
}

/** Reads the header at `at`; the caller has checked that there are 64 bytes. */
export function readHeader(view: DataView, at: number): Header {
  const flags = view.getUint32(at + HeaderOffset.FLAGS, true);
  const isAsync = (flags & HeaderFlag.ASYNC_COMMAND) !== 0;
  return {
    creditCharge: view.getUint16(at + HeaderOffset.CREDIT_CHARGE, true),
    status: view.getUint32(at + HeaderOffset.STATUS, true),
    command: view.getUint16(at + HeaderOffset.COMMAND, true),
    credits: view.getUint16(at + HeaderOffset.CREDITS, true),
    flags,
    nextCommand: view.getUint32(at + HeaderOffset.NEXT_COMMAND, true),
    messageId: get64(view, at + HeaderOffset.MESSAGE_ID),
    asyncId: isAsync ? get64(view, at + HeaderOffset.ASYNC_ID) : 0,
    treeId: isAsync ? 0 : view.getUint32(at + HeaderOffset.TREE_ID, true),
    sessionId: get64(view, at + HeaderOffset.SESSION_ID),
  };
}

/** Reads a 64-bit field as a number: exact below 2^53, rounded above. */
export function get64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

/** Writes a number below 2^53 as a 64-bit field; 2^64, which `get64` returns for all ones, as all ones. */
export function set64(view: DataView, at: number, value: number): void {
  if (value >= 2 ** 64) {
    view.setUint32(at, 0xffff_ffff, true);
    view.setUint32(at + 4, 0xffff_ffff, true);
    return;
  }
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
