// SMB2 TREE_CONNECT: connects to a share.
// [MS-SMB2] 2.2.9 (request), 2.2.9.1 (extension of 3.1.1), 2.2.10 (response).
import { BODY, checkStructureSize } from "../body.ts";
import { decodeUtf16, type Message, type Writer } from "../cursor.ts";

export const ShareType = { DISK: 0x01, PIPE: 0x02, PRINT: 0x03 } as const;
export type ShareType = (typeof ShareType)[keyof typeof ShareType];

export const ShareFlag = {
  MANUAL_CACHING: 0x0000_0000,
  AUTO_CACHING: 0x0000_0010,
  VDO_CACHING: 0x0000_0020,
  NO_CACHING: 0x0000_0030,
  DFS: 0x0000_0001,
  DFS_ROOT: 0x0000_0002,
  RESTRICT_EXCLUSIVE_OPENS: 0x0000_0100,
  FORCE_SHARED_DELETE: 0x0000_0200,
  ALLOW_NAMESPACE_CACHING: 0x0000_0400,
  ACCESS_BASED_DIRECTORY_ENUM: 0x0000_0800,
  FORCE_LEVELII_OPLOCK: 0x0000_1000,
  ENABLE_HASH_V1: 0x0000_2000,
  ENABLE_HASH_V2: 0x0000_4000,
  ENCRYPT_DATA: 0x0000_8000,
  IDENTITY_REMOTING: 0x0004_0000,
  COMPRESS_DATA: 0x0010_0000,
  ISOLATED_TRANSPORT: 0x0020_0000,
} as const;

/** Capabilities of the response. */
export const ShareCapability = { DFS: 0x0000_0008 } as const;

export interface TreeConnectRequest {
  readonly flags: number;
  /** `\\server\share`, exactly as the client sent it. */
  readonly path: string;
}

export interface TreeConnectResponse {
  readonly shareType: number;
  readonly shareFlags: number;
  readonly capabilities: number;
  readonly maximalAccess: number;
}

const REQUEST_BUFFER = BODY + 8;

/** Ignores the contexts of the extension (remoted identity), a capability that the server does not offer. */
export function decodeTreeConnectRequest(message: Message): TreeConnectRequest {
  checkStructureSize(message, 9);
  const path = message.dynamic(message.u16(BODY + 4), message.u16(BODY + 6), REQUEST_BUFFER);
  return { flags: message.u16(BODY + 2), path: decodeUtf16(path) };
}

/** Writes a request without the extension; `flags` must not include EXTENSION_PRESENT. */
export function encodeTreeConnectRequest(writer: Writer, request: TreeConnectRequest): void {
  writer.u16(9);
  writer.u16(request.flags);
  writer.u16(REQUEST_BUFFER);
  writer.u16(request.path.length * 2);
  writer.utf16(request.path);
}

export function encodeTreeConnectResponse(writer: Writer, response: TreeConnectResponse): void {
  writer.u16(16);
  writer.u8(response.shareType);
  writer.u8(0);
  writer.u32(response.shareFlags);
  writer.u32(response.capabilities);
  writer.u32(response.maximalAccess);
}

export function decodeTreeConnectResponse(message: Message): TreeConnectResponse {
  checkStructureSize(message, 16);
  return {
    shareType: message.u8(BODY + 2),
    shareFlags: message.u32(BODY + 4),
    capabilities: message.u32(BODY + 8),
    maximalAccess: message.u32(BODY + 12),
  };
}
