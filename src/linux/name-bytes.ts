// File names as text. Linux names are bytes: in a name that is not UTF-8 each invalid byte 0x80..0xFF becomes
// the lone surrogate U+DC80..U+DCFF, so that the name can be converted back unchanged (PEP 383,
// "surrogateescape").
const ESCAPE = 0xdc00;
// ignoreBOM keeps a byte order mark: at the start of a name it is part of the name.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ascii = new TextDecoder("latin1");

/** Decodes a name. Never fails; `encodeEscaped` restores the same bytes. */
export function decodeName(bytes: Uint8Array): string {
  let isAscii = true;
  for (let i = 0; i < bytes.length && isAscii; i++) isAscii = (bytes[i] ?? 0) < 0x80;
  if (isAscii) return ascii.decode(bytes);
  try {
    return strict.decode(bytes);
  } catch {
    return decodeEscaped(bytes);
  }
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += String.fromCharCode(ESCAPE | (bytes[at] ?? 0));
    else text += strict.decode(bytes.subarray(at, at + length));
    at += length === 0 ? 1 : length;
  }
  return text;
}

/** Length in bytes of the well-formed UTF-8 character at `at` (RFC 3629, 4), or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0 ? 2 : (first & 0xf0) === 0xe0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (at + length > bytes.length) return 0;
  for (let i = 1; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] ?? 0;
  const isOverlong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const isBeyond = (first === 0xed && second >= 0xa0) || (first === 0xf4 && second >= 0x90);
  return isOverlong || isBeyond ? 0 : length;
}

/** Whether the text has lone surrogates: it stands for bytes that are not UTF-8, or for no bytes at all. */
export function hasEscapes(text: string): boolean {
  return !text.isWellFormed();
}

/**
 * Encodes text with lone surrogates into `into`. Returns the number of bytes, or -1 when they do not fit or a
 * surrogate stands for no byte.
 */
export function encodeEscaped(text: string, into: Uint8Array): number {
  let at = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code < 0xe000) {
      if (code < ESCAPE + 0x80 || code > ESCAPE + 0xff || at >= into.length) return -1;
      into[at++] = code & 0xff;
      continue;
    }
    const { read, written } = encoder.encodeInto(character, into.subarray(at));
    if (read < character.length) return -1;
    at += written;
  }
  return at;
}

const encoder = new TextEncoder();
