// Names of shares: which are possible; [MS-FSCC] 2.1.6, ksmbd.addshare(8).
import { isPrintable } from "../../wire/printable.ts";
import { isText } from "../users/user-name.ts";
import type { Dialect } from "./lines.ts";
import { foldKey } from "./parse.ts";

const MAX_NAME_BYTES = 63;
const BAD_CHARACTERS = /["\\/[\]:|<>+=;,*?\p{Cc}]/u;

/** Why the text cannot be the name of a share, or undefined. */
export function shareNameFault(name: string): string | undefined {
  if (BAD_CHARACTERS.test(name) || Buffer.byteLength(name) > MAX_NAME_BYTES)
    return `a name has at most ${MAX_NAME_BYTES} bytes and none of "\\/[]:|<>+=;,*?`;
  return undefined;
}

/** As above, for a name that a command writes into a configuration. */
export function newShareNameFault(name: string): string | undefined {
  if (name === "" || name !== name.trim()) return "a share's name must not be empty or have blanks around it";
  if (!isText(name) || !isPrintable(name) || name.includes("#"))
    return "a share's name must be printable UTF-8 without '#'";
  if (name === "." || name === "..") return "a share's name must not be that of a directory itself";
  const folded = foldKey(name);
  if (folded === "ipc$" || folded === "homes" || folded === "printers" || folded === "globals")
    return `'${name}' has a meaning of its own in the configuration`;
  return shareNameFault(name);
}

/**
 * Why a configuration of that dialect would read the text in another way than it is written, or undefined.
 */
export function valueFault(text: string, dialect: Dialect): string | undefined {
  if (!isText(text) || !isPrintable(text)) return "the value must be printable UTF-8";
  if (text !== text.trim()) return "the value must not have blanks around it";
  if (dialect === "ksmbd" && /[;#]/.test(text)) return "';' and '#' begin a comment, leave them out";
  if (dialect === "samba" && text.endsWith("\\"))
    return "'\\' at the end of a line continues it, leave it out";
  return undefined;
}
