// User names: which are valid (ksmbd.adduser(8)), and how they are compared.
import { isPrintable, printable } from "../../wire/printable.ts";

export const MAX_NAME_BYTES = 47;

/**
 * False for text with U+FFFD, which the runtime puts in the place of bytes of an argument, the environment or
 * a terminal that are not UTF-8: the real bytes are lost, and nobody could log on with them.
 */
export function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\ufffd");
}

/** Why the text cannot be a user name, or undefined. */
export function userNameFault(name: string): string | undefined {
  if (name === "") return "a user name must not be empty";
  if (!isText(name)) return "a user name must be UTF-8";
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `a user name has at most ${MAX_NAME_BYTES} bytes`;
  if (name.includes(":")) return "a user name must not have a colon";
  if (name !== name.trim() || !isPrintable(name))
    return "a user name must be printable and have no blanks around it";
  return undefined;
}

/** The form in which user names are compared: without case, in Unicode normal form C. */
export function foldUserName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** The order of lists of users: without case, and by the very names where they differ by nothing else. */
export function compareUserNames(a: string, b: string): number {
  const order = (name: string): string => `${foldUserName(name)}\0${name}`;
  return order(a) < order(b) ? -1 : 1;
}

/** The text for a log or a terminal: escapes characters that could forge a line or move the cursor. */
export function showName(name: string): string {
  return printable(name, 256);
}
