// The NT hash of a password: MD4 of its UTF-16LE text. [MS-NLMP] 3.3.1 (NTOWFv1).
import { md4 } from "../../crypto/md4.ts";

import { isText } from "./user-name.ts";

export const MAX_PASSWORD_BYTES = 128;

/** 16 bytes in hex. */
export function ntHash(password: string): string {
  return Buffer.from(md4(Buffer.from(password, "utf16le"))).toString("hex");
}

/** Why the text cannot be a password, or undefined. The message never contains the text. */
export function passwordFault(password: string): string | undefined {
  if (!isText(password)) return "a password must be UTF-8";
  return Buffer.byteLength(password) > MAX_PASSWORD_BYTES
    ? `a password has at most ${MAX_PASSWORD_BYTES} bytes`
    : undefined;
}
