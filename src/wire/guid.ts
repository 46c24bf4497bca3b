// GUIDs as their 16 wire bytes, in which the first three fields are little-endian.
// [MS-DTYP] 2.3.4.2 (packet representation) and 2.3.4.3 (curly braced string).
import { wireError } from "./cursor.ts";

/** Formats a GUID as `6f2c5c1e-0b0a-4a53-9c0d-33b1c2b3a4d5`: lower case, without braces. */
export function formatGuid(guid: Uint8Array): string {
  let text = "";
  for (const at of TEXT_ORDER) {
    if (at < 0) text += "-";
    else text += (guid[at] ?? 0).toString(16).padStart(2, "0");
  }
  return text;
}

/** Parses GUID text, with or without braces, into wire bytes. Throws WireError for anything else. */
export function parseGuid(text: string): Uint8Array {
  const plain = text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text;
  if (!/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(plain)) throw wireError("not a GUID");
  const guid = new Uint8Array(16);
  let column = 0;
  for (const at of TEXT_ORDER) {
    if (at < 0) {
      column += 1;
    } else {
      guid[at] = Number.parseInt(plain.slice(column, column + 2), 16);
      column += 2;
    }
  }
  return guid;
}

// Indices of the wire bytes in the order of the text; -1 stands for a hyphen.
const TEXT_ORDER = [3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15] as const;

export function sameGuid(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function isZeroGuid(guid: Uint8Array): boolean {
  return guid.every((byte) => byte === 0);
}
