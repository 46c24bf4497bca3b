// Logical lines of a configuration: comments removed, continued lines joined, by the rules of the dialect.
import { basename } from "node:path";

/**
 * `ksmbd`: `;` and `#` begin a comment anywhere in a line, lines are not continued, and the first of several
 * values counts; ksmbd.conf(5). `samba`: they begin a comment at a line's start only, a `\` at the end
 * continues the line, and the last value counts; smb.conf(5).
 */
export const DIALECTS = ["ksmbd", "samba"] as const;
export type Dialect = (typeof DIALECTS)[number];

/** The dialect by a file's name: Samba's for smb.conf, ksmbd's for every other. */
export function dialectOf(file: string): Dialect {
  return /(?:^|\.)smb\.conf$/.test(basename(file)) ? "samba" : "ksmbd";
}

export interface Line {
  /** Of the first of the joined lines; counted from 1. */
  readonly number: number;
  /** Trimmed, without the comment. */
  readonly text: string;
  /** With the comment. */
  readonly raw: string;
  /** `touching`: no blank before the comment, so it may have been meant as part of the value. */
  readonly comment: "none" | "apart" | "touching";
}

/** The lines that say something. */
export function* logicalLines(text: string, dialect: Dialect): Generator<Line> {
  const lines = text.replace(/^\ufeff/, "").split("\n");
  for (let at = 0; at < lines.length; at++) {
    const number = at + 1;
    let raw = lines[at] ?? "";
    if (dialect === "samba") {
      if (/^\s*[;#]/.test(raw)) continue;
      const parts: string[] = [];
      for (; isContinued(raw) && at + 1 < lines.length; raw = lines[++at] ?? "") parts.push(cutEnd(raw));
      raw = parts.length === 0 ? raw : joinParts([...parts, raw]);
      const joined = raw.trim();
      if (joined !== "") yield { number, text: joined, raw, comment: "none" };
      continue;
    }
    const start = raw.search(/[;#]/);
    const shown = (start < 0 ? raw : raw.slice(0, start)).trim();
    if (shown === "") continue;
    const comment = start < 0 ? "none" : /\s/.test(raw.charAt(start - 1)) ? "apart" : "touching";
    yield { number, text: shown, raw, comment };
  }
}

function isContinued(line: string): boolean {
  return line.trimEnd().endsWith("\\");
}

function cutEnd(line: string): string {
  return line.trimEnd().slice(0, -1);
}

/** As smbd: blanks around the line break become one, and without any the words are joined. */
function joinParts(parts: readonly string[]): string {
  return parts
    .map((part, index) => (index === 0 ? part : part.replace(/^\s+/, " ")))
    .map((part, index) => (index === parts.length - 1 ? part : part.replace(/\s+$/, " ")))
    .join("")
    .replaceAll("  ", " ");
}
