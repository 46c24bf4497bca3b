// Text that may come from a client, in a form that can stand in a log or on a terminal: names of users,
// shares and files may have line breaks, escape sequences and characters that turn the direction of writing.

/** The most characters of one line. */
const MAX_LENGTH = 8192;

/** Escapes characters that could forge a line or move the cursor, as `\u{1b}`; cuts what is too long. */
export function printable(text: string, maxLength: number = MAX_LENGTH): string {
  if (text.length <= maxLength && isPrintable(text)) return text;
  let shown = "";
  for (const character of text.slice(0, maxLength)) {
    shown += isPrintable(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  }
  return shown;
}

/** False for text with control, format and separator characters, and for lone surrogates. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u.test(text);
}

/** The text of an error with its stack trace, as one line. */
export function lineOfError(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return printable(text.replaceAll(/\n\s*at /g, " < "));
}
