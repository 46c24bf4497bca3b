// FSCTL_DFS_GET_REFERRALS requests, decoded only to log them: the server does not offer DFS.
// [MS-DFSC] 2.2.2 (REQ_GET_DFS_REFERRAL).
import { Reader, type Writer, wireError } from "../cursor.ts";

export interface ReferralRequest {
  readonly maxLevel: number;
  readonly path: string;
}

export function decodeReferralRequest(data: Uint8Array): ReferralRequest {
  const reader = new Reader(data);
  const maxLevel = reader.u16();
  const text = reader.utf16(reader.remaining);
  const end = text.indexOf("\0");
  if (end < 0) throw wireError("referral path without its NUL");
  return { maxLevel, path: text.slice(0, end) };
}

export function encodeReferralRequest(writer: Writer, request: ReferralRequest): void {
  writer.u16(request.maxLevel);
  writer.utf16(request.path);
  writer.u16(0);
}
