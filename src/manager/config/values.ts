// Parses values of the configuration: boolean, number, size, mode, list; ksmbd.conf(5), smb.conf(5). Returns
// undefined for an invalid text, where ksmbd takes any unknown text for "no".

const YES: readonly string[] = ["yes", "y", "true", "1", "on", "enable", "enabled"];
const NO: readonly string[] = ["no", "n", "false", "0", "off", "disable", "disabled"];

export function parseBoolean(text: string): boolean | undefined {
  const folded = text.toLowerCase();
  if (YES.includes(folded)) return true;
  return NO.includes(folded) ? false : undefined;
}

/** Decimal, or hexadecimal with 0x. */
export function parseInteger(text: string): number | undefined {
  if (!/^(\d{1,15}|0x[\da-f]{1,12})$/i.test(text)) return undefined;
  return Number(text);
}

const UNITS = "kmgtpe";

/** `65536`, `64K`, `4MB` -> bytes, in powers of 1024; at most Number.MAX_SAFE_INTEGER. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15})\s*([kmgtpe]?)b?$/i.exec(text);
  if (!match) return undefined;
  const power = UNITS.indexOf((match[2] ?? "").toLowerCase() || " ") + 1;
  return Math.min(Number(match[1]) * 1024 ** power, Number.MAX_SAFE_INTEGER);
}

/** Mode bits in octal, at most 07777. */
export function parseOctal(text: string): number | undefined {
  return /^0?[0-7]{1,4}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** Splits at blanks and commas; double quotes protect a word with blanks. */
export function parseList(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/([@+&]?)"([^"]*)"|[^\s,]+/g)) {
    const word = match[2] === undefined ? match[0] : (match[1] ?? "") + match[2].trim();
    if (word !== "") words.push(word);
  }
  return words;
}

/** Removes a pair of double quotes around the whole value. */
export function unquote(text: string): string {
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1).trim() : text;
}

/** Patterns of `veto files`, separated by slashes; the first slash is required. */
export function parseVetoFiles(text: string): string[] | undefined {
  if (!text.startsWith("/")) return undefined;
  return text.split("/").filter((pattern) => pattern !== "");
}
