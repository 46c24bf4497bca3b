// Parses the text of ksmbd.conf or smb.conf into sections and entries. A line that does not parse refuses the whole
// file. The two dialects differ in comments and in what a parameter that is set twice means.
import { basename } from "node:path";

/**
 * `ksmbd`: `;` and `#` begin a comment anywhere in a line, and the first of several values counts; ksmbd.conf(5).
 * `samba`: they begin a comment at a line's start only, and the last value counts; smb.conf(5).
 */
export type Dialect = "ksmbd" | "samba";

/** The dialect by a file's name: Samba's for smb.conf, ksmbd's for every other. */
export function dialectOf(file: string): Dialect {
  return /(?:^|\.)smb\.conf$/.test(basename(file)) ? "samba" : "ksmbd";
}

/** The configuration cannot be used. The message is one line: where, what, what to do. */
export class ConfigError extends Error {
  constructor(position: string, text: string) {
    super(position === "" ? text : `${position}: ${text}`);
    this.name = "ConfigError";
  }
}

/** One `key = value`. */
export interface Entry {
  /** Lower case, with single blanks between words. */
  readonly key: string;
  /** Trimmed, without the comment; may be empty. */
  readonly value: string;
  /** `FILE:LINE`, or the command-line option that set it. */
  readonly position: string;
  /**
   * The comment after the value. `touching`: no blank before it, so it may have been meant as part of the
   * value.
   */
  readonly comment: "none" | "apart" | "touching";
  /** The value with the comment, as the other dialect reads it. */
  readonly whole: string;
}

export interface Section {
  /** As written at its first occurrence. */
  readonly name: string;
  readonly position: string;
  readonly dialect: Dialect;
  readonly entries: Entry[];
}

/** By folded name; sections of the same name are merged. */
export type Sections = Map<string, Section>;

/** The form in which keys and section names are compared. */
export function foldKey(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, " ");
}

/** Throws ConfigError for a line that is not a section, entry, comment or blank. */
export function parseConfig(text: string, file: string, dialect: Dialect = dialectOf(file)): Sections {
  const sections: Sections = new Map();
  let current: Section | undefined;
  const lines = text.replace(/^\ufeff/, "").split("\n");
  for (const [index, raw] of lines.entries()) {
    const position = `${file}:${index + 1}`;
    const start = raw.search(dialect === "samba" ? /^\s*[;#]/ : /[;#]/);
    const line = (start < 0 ? raw : raw.slice(0, start)).trim();
    if (line === "") continue;
    if (hasControl(line)) throw new ConfigError(position, "a control character, take it out");
    if (line.startsWith("[")) {
      current = openSection(sections, line, position, dialect);
      continue;
    }
    if (!current) throw new ConfigError(position, `'${line}' is before any section, write [global] above it`);
    const comment = start < 0 ? "none" : /\s/.test(raw.charAt(start - 1)) ? "apart" : "touching";
    current.entries.push(parseEntry(line, raw, position, comment, isSecret(current)));
  }
  return sections;
}

/** Adds an entry before the section's others, so that it overrides them: the first value wins. */
export function prependEntry(sections: Sections, section: string, entry: Entry): void {
  const folded = foldKey(section);
  const found = sections.get(folded);
  if (found) found.entries.unshift(entry);
  else sections.set(folded, { name: section, position: entry.position, dialect: "ksmbd", entries: [entry] });
}

function openSection(sections: Sections, line: string, position: string, dialect: Dialect): Section {
  const name = /^\[([^[\]]*)\]$/.exec(line)?.[1]?.trim();
  if (name === undefined) throw new ConfigError(position, `'${line}' is not a section, write [NAME]`);
  if (name === "") throw new ConfigError(position, "the section has no name, write [NAME]");
  const folded = foldKey(name);
  const section = sections.get(folded) ?? { name, position, dialect, entries: [] };
  sections.set(folded, section);
  return section;
}

function parseEntry(
  line: string,
  raw: string,
  position: string,
  comment: Entry["comment"],
  secret: boolean,
): Entry {
  const at = line.indexOf("=");
  const shown = secret ? "the line" : `'${line}'`;
  if (at < 0) throw new ConfigError(position, `${shown} is not 'NAME = VALUE'`);
  const key = foldKey(line.slice(0, at));
  const value = line.slice(at + 1).trim();
  if (key === "") throw new ConfigError(position, "there is no name before '=', write 'NAME = VALUE'");
  if (value.endsWith("\\") && !secret)
    throw new ConfigError(position, `'${key}' ends in '\\': lines are not continued, write it in one line`);
  return { key, value, position, comment, whole: raw.slice(raw.indexOf("=") + 1).trim() };
}

/** A user's section contains passwords, which messages must not show. */
function isSecret(section: Section): boolean {
  return foldKey(section.name).startsWith("user:");
}

function hasControl(line: string): boolean {
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i);
    if ((unit < 0x20 && unit !== 0x09) || unit === 0x7f) return true;
  }
  return false;
}
