// Names of the shares of disks, from their labels. A label is whatever somebody wrote onto the disk. Pure.
import { foldShareName } from "../config/load.ts";

/** A share's name has at most 63 bytes; the rest is for the number behind equal ones. */
const MAX_BYTES = 58;

/** Not in the name of a share ([MS-FSCC] 2.1.6), or of a meaning of their own in configuration and log. */
const NOT_IN_NAMES = /["\\/[\]:|<>+=;,*?#%&\p{C}\p{Zl}\p{Zp}]+/gu;

/** Sections of the configuration, shares that clients expect to be something else, and devices of MS-DOS. */
const RESERVED = new RegExp(
  "^(global|globals|homes|printers|volumes|ipc|admin|print|fax|pipe|mailslot|netlogon|sysvol|" +
    "con|prn|aux|nul|com\\d|lpt\\d)$",
  "i",
);

/** The name that a disk gets if it is free. `device`: its device file. */
export function wantedName(label: string, uuid: string, device: string): string {
  const cleaned = clean(label);
  if (cleaned !== "") return cleaned;
  // A device's name is that of whatever disk is found first.
  const part = clean(uuid)
    .replaceAll(/[^\da-zA-Z]/g, "")
    .slice(0, 8);
  return part === ""
    ? `disk-${clean(device.slice(device.lastIndexOf("/") + 1))}`
    : `disk-${part.toLowerCase()}`;
}

function clean(label: string): string {
  const name = cut(label.toWellFormed().normalize("NFC").replace(NOT_IN_NAMES, "_"))
    .replace(/\uFFFD+/gu, "_")
    .replace(/\s+/gu, " ")
    // A dollar at the end hides a share.
    .replace(/^[\s._]+|[\s._$]+$/gu, "");
  return RESERVED.test(name) ? `disk-${name}` : name;
}

function cut(name: string): string {
  let bytes = 0;
  let text = "";
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_BYTES) break;
    text += character;
  }
  return text;
}

/** `NAME`, or `NAME 2` and so on: the first that `isTaken` leaves; compared without case. */
export function freeName(wanted: string, isTaken: (folded: string) => boolean): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted} ${number}`;
    if (!isTaken(foldShareName(name))) return name;
  }
}

/** True for a name that `freeName` has made of `wanted`. */
export function isNameFor(name: string, wanted: string): boolean {
  return (
    name === wanted || (name.startsWith(`${wanted} `) && /^ [1-9]\d{0,3}$/.test(name.slice(wanted.length)))
  );
}
