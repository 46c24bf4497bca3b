// Short names (8.3) for names that need one: made by a hash as Samba's `mangling method = hash2` makes them, so that
// they stay the same whatever else the directory holds and whichever of the two servers serves it. What a name of the
// form 8.3 is: [MS-FSCC] 2.1.5.2.1.
import { upcase } from "../../../wire/fscc/upcase.ts";

const FNV_PRIME = 0x0100_0193;
const FNV_START = 0xa6b9_3095;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BASE_LENGTH = 8;
const encoder = new TextEncoder();

const eightAndThree = /^[\w$~!#%&'()@^`{}-]{1,8}(\.[\w$~!#%&'()@^`{}-]{1,3})?$/;
const plain = /[\w$~!#%&'()@^`{}-]/;
const extensionOf = /\.([\w$~!#%&'()@^`{}-]{1,3})$/;
const mangled = /^[\w$~!#%&'()@^`{}-]{6}~[\dA-Z](\.[\w$~!#%&'()@^`{}-]{1,3})?$/i;
// Devices of DOS, with any extension; [MS-FSCC] 2.1.5.2 leaves them to the client, and Windows refuses to say them.
const device = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i;

/** Whether the name is of the form 8.3 and stands for itself. */
export function isShortName(name: string): boolean {
  return eightAndThree.test(name);
}

/** Whether the name could be one that `makeShortName` gave: asked before a directory is searched for it. */
export function looksMangled(name: string): boolean {
  return mangled.test(name);
}

export function isDeviceName(name: string): boolean {
  return device.test(name);
}

/** The short name of a name on disk, 12 characters at most: `prefix` (1 to 6) of its own, a hash, its extension. */
export function makeShortName(name: string, prefix: number): string {
  const extension = name.lastIndexOf(".") > 0 ? (extensionOf.exec(name)?.[1] ?? "") : "";
  const hashed = extension === "" ? name : name.slice(0, -extension.length - 1);
  let rest = hash(upcase(hashed));
  const base = new Array<string>(BASE_LENGTH);
  for (let i = 0; i < prefix; i++) {
    const character = hashed.charAt(i);
    base[i] = plain.test(character) ? character.toUpperCase() : "_";
  }
  base[BASE_LENGTH - 1] = DIGITS.charAt(rest % 36);
  base[BASE_LENGTH - 2] = "~";
  for (let i = BASE_LENGTH - 3; i >= prefix; i--) {
    rest = Math.floor(rest / 36);
    base[i] = DIGITS.charAt(rest % 36);
  }
  return base.join("") + (extension === "" ? "" : `.${extension.toUpperCase()}`);
}

// FNV-1 over the bytes, which Samba takes with their sign; 31 bits of it.
function hash(text: string): number {
  let value = FNV_START;
  for (const byte of encoder.encode(text)) value = (Math.imul(value, FNV_PRIME) ^ ((byte << 24) >> 24)) >>> 0;
  return value & 0x7fff_ffff;
}
