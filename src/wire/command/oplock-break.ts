// SMB2 OPLOCK_BREAK: the server breaks an oplock or lease, the client acknowledges, the server responds.
// StructureSize distinguishes oplocks from leases. [MS-SMB2] 2.2.23 (notifications), 2.2.24
// (acknowledgments), 2.2.25 (responses).
import { BODY, checkStructureSize } from "../body.ts";
import { type Message, type Writer, wireError } from "../cursor.ts";
import { type FileId, readFileId, writeFileId } from "../file-id.ts";

/** Flags of a lease break notification: the client must acknowledge it. [MS-SMB2] 2.2.23.2 */
export const LeaseBreakFlag = { ACK_REQUIRED: 0x0000_0001 } as const;

export interface FileBreak {
  readonly kind: "oplock";
  /** OplockLevel of create.ts. */
  readonly oplockLevel: number;
  readonly fileId: FileId;
}

export interface LeaseBreak {
  readonly kind: "lease";
  /** 16 bytes. */
  readonly leaseKey: Uint8Array;
  readonly leaseState: number;
  readonly flags: number;
}

export interface LeaseBreakNotification {
  readonly kind: "leaseNotification";
  readonly newEpoch: number;
  readonly flags: number;
  readonly leaseKey: Uint8Array;
  readonly currentLeaseState: number;
  readonly newLeaseState: number;
}

/** An acknowledgment by the client. */
export type OplockBreakRequest = FileBreak | LeaseBreak;
/** The server's response to an acknowledgment. */
export type OplockBreakResponse = FileBreak | LeaseBreak;
/** Sent by the server without a request, with MessageId 2^64 - 1. */
export type OplockBreakNotification = FileBreak | LeaseBreakNotification;

const FILE_SIZE = 24;
const LEASE_SIZE = 36;
const LEASE_NOTIFICATION_SIZE = 44;

export const OplockBreakRequestOffset = { FILE_ID: BODY + 8, LEASE_KEY: BODY + 8 } as const;

/** Whether this is the acknowledgment of a lease break, which has no FileId at FILE_ID. */
export function isLeaseBreak(message: Message): boolean {
  return message.u16(BODY) === LEASE_SIZE;
}

export function decodeOplockBreakRequest(message: Message): OplockBreakRequest {
  return decodeBreak(message);
}
export function encodeOplockBreakRequest(writer: Writer, request: OplockBreakRequest): void {
  encodeBreak(writer, request);
}
export function decodeOplockBreakResponse(message: Message): OplockBreakResponse {
  return decodeBreak(message);
}
export function encodeOplockBreakResponse(writer: Writer, response: OplockBreakResponse): void {
  encodeBreak(writer, response);
}

export function decodeOplockBreakNotification(message: Message): OplockBreakNotification {
  if (message.u16(BODY) === FILE_SIZE) return decodeFileBreak(message);
  checkStructureSize(message, LEASE_NOTIFICATION_SIZE);
  return {
    kind: "leaseNotification",
    newEpoch: message.u16(BODY + 2),
    flags: message.u32(BODY + 4),
    leaseKey: message.range(BODY + 8, 16),
    currentLeaseState: message.u32(BODY + 24),
    newLeaseState: message.u32(BODY + 28),
  };
}

export function encodeOplockBreakNotification(writer: Writer, notification: OplockBreakNotification): void {
  if (notification.kind === "oplock") {
    encodeBreak(writer, notification);
    return;
  }
  writer.u16(LEASE_NOTIFICATION_SIZE);
  writer.u16(notification.newEpoch);
  writer.u32(notification.flags);
  writer.raw(notification.leaseKey);
  writer.u32(notification.currentLeaseState);
  writer.u32(notification.newLeaseState);
  writer.zero(12);
}

function decodeBreak(message: Message): FileBreak | LeaseBreak {
  const size = message.u16(BODY);
  if (size === FILE_SIZE) return decodeFileBreak(message);
  if (size !== LEASE_SIZE) throw wireError("wrong StructureSize");
  checkStructureSize(message, LEASE_SIZE);
  return {
    kind: "lease",
    flags: message.u32(BODY + 4),
    leaseKey: message.range(BODY + 8, 16),
    leaseState: message.u32(BODY + 24),
  };
}

function decodeFileBreak(message: Message): FileBreak {
  checkStructureSize(message, FILE_SIZE);
  return {
    kind: "oplock",
    oplockLevel: message.u8(BODY + 2),
    fileId: readFileId(message, BODY + 8),
  };
}

function encodeBreak(writer: Writer, value: FileBreak | LeaseBreak): void {
  if (value.kind === "oplock") {
    writer.u16(FILE_SIZE);
    writer.u8(value.oplockLevel);
    writer.u8(0);
    writer.u32(0);
    writeFileId(writer, value.fileId);
    return;
  }
  writer.u16(LEASE_SIZE);
  writer.u16(0);
  writer.u32(value.flags);
  writer.raw(value.leaseKey);
  writer.u32(value.leaseState);
  writer.zero(8);
}
