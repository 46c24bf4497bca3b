// Parses the text of ksmbd.conf or smb.conf into sections and entries. A line that does not parse spoils its
// share, or the whole file where it is not in a share.
import { type Dialect, dialectOf, logicalLines } from "./lines.ts";
import { doAtOnce, type Steps } from "../../loop/steps.ts";

export { type Dialect, dialectOf } from "./lines.ts";

/** The configuration cannot be used. The message is one line: where, what, what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly position: string;
  /** The message without the position. */
  readonly text: string;
  /** The name of the errno where a file cannot be read or written. */
  readonly code: string | undefined;

  constructor(position: string, text: string, code?: string) {
    super(position === "" ? text : `${position}: ${text}`);
    this.position = position;
    this.text = text;
    this.code = code;
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
  /** Entries by `copy`; those of the section itself override them. */
  readonly copied: Entry[];
  /** Lines that do not parse. */
  readonly faults: ConfigError[];
}

/** By folded name; sections of the same name are merged. */
export type Sections = Map<string, Section>;

/** The form in which keys and section names are compared. */
export function foldKey(text: string): string {
  return text.trim().toLowerCase().replace(/\s+/g, " ");
}

export function emptySection(name: string, position: string, dialect: Dialect): Section {
  return { name, position, dialect, entries: [], copied: [], faults: [] };
}

/** The text of the file that an `include` names; undefined: there is none. Throws ConfigError. */
export type ReadIncluded = (
  path: string,
  position: string,
) => { readonly file: string; readonly text: string } | undefined;

export interface ParseOptions {
  /** Default: by the file's name. */
  readonly dialect?: Dialect;
  /** Default: `include` is an error. */
  readonly readIncluded?: ReadIncluded;
}

const MAX_INCLUDE_DEPTH = 32;
/** Of a section, copied ones included: copies of copies grow without limit. */
const MAX_ENTRIES = 20_000;

/** Throws ConfigError for a line outside of a share that is not a section, entry, comment or blank. */
export function parseConfig(text: string, file: string, options: ParseOptions = {}): Sections {
  return doAtOnce(parseSteps(text, file, options));
}

/** As `parseConfig`, line by line. */
export function parseSteps(text: string, file: string, options: ParseOptions = {}): Steps<Sections> {
  return new Parser(options.dialect ?? dialectOf(file), options.readIncluded).parse(text, file);
}

/** Adds an entry before the section's others, so that it overrides them. */
export function prependEntry(sections: Sections, section: string, entry: Entry): void {
  const folded = foldKey(section);
  const found = sections.get(folded) ?? emptySection(section, entry.position, "ksmbd");
  found.entries.unshift(entry);
  sections.set(folded, found);
}

class Parser {
  private readonly sections: Sections = new Map();
  private readonly dialect: Dialect;
  private readonly readIncluded: ReadIncluded | undefined;
  private current: Section | undefined;
  /** The files that include each other, the innermost last. */
  private readonly open: string[] = [];

  constructor(dialect: Dialect, readIncluded: ReadIncluded | undefined) {
    this.dialect = dialect;
    this.readIncluded = readIncluded;
  }

  *parse(text: string, file: string): Steps<Sections> {
    this.open.push(file);
    for (const { number, text: line, raw, comment } of logicalLines(text, this.dialect)) {
      const position = `${file}:${number}`;
      if (line.startsWith("[")) this.current = this.openSection(line, position);
      else yield* this.addEntry(this.sectionFor(line, position), line, raw, position, comment);
      yield;
    }
    this.open.pop();
    return this.sections;
  }

  private openSection(line: string, position: string): Section {
    if (hasControl(line)) throw new ConfigError(position, "a control character, take it out");
    const name = /^\[([^[\]]*)\]$/.exec(line)?.[1]?.trim();
    if (name === undefined) throw new ConfigError(position, `'${line}' is not a section, write [NAME]`);
    if (name === "") throw new ConfigError(position, "the section has no name, write [NAME]");
    return this.findSection(name, position);
  }

  private findSection(name: string, position: string): Section {
    const folded = foldKey(name);
    const key = this.dialect === "samba" && folded === "globals" ? "global" : folded;
    const section = this.sections.get(key) ?? emptySection(name, position, this.dialect);
    this.sections.set(key, section);
    return section;
  }

  /** In smb.conf, lines before the first section belong to [global]. */
  private sectionFor(line: string, position: string): Section {
    if (this.current === undefined && this.dialect === "ksmbd")
      throw new ConfigError(position, `'${line}' is before any section, write [global] above it`);
    this.current ??= this.findSection("global", position);
    return this.current;
  }

  private *addEntry(
    section: Section,
    line: string,
    raw: string,
    position: string,
    comment: Entry["comment"],
  ): Steps<void> {
    const entry = parseEntry(line, raw, position, comment, isSecret(section), this.dialect);
    if (entry instanceof ConfigError) {
      if (!isShare(section)) throw entry;
      section.faults.push(entry);
    } else if (entry.key === "include" && !isSecret(section)) yield* this.include(entry);
    else if (entry.key === "copy" && isShare(section)) this.copy(section, entry);
    else if (section.entries.length < MAX_ENTRIES) section.entries.push(entry);
    else throw new ConfigError(position, `[${section.name}] has more than ${MAX_ENTRIES} lines`);
  }

  /**
   * The file is read in place: it may go on with the section, and the section that it ends with goes on after
   * it.
   */
  private *include({ value, position }: Entry): Steps<void> {
    if (this.readIncluded === undefined)
      throw new ConfigError(
        position,
        "'include' is not possible here, put the lines of that file into this one",
      );
    if (value === "") throw new ConfigError(position, "'include' names no file");
    const included = this.readIncluded(value, position);
    if (included === undefined) return;
    const { file, text } = included;
    if (this.open.includes(file))
      throw new ConfigError(position, `'${value}' includes itself, by way of ${this.open.join(", ")}`);
    if (this.open.length > MAX_INCLUDE_DEPTH)
      throw new ConfigError(position, `more than ${MAX_INCLUDE_DEPTH} files include each other`);
    yield* this.parse(text, file);
  }

  private copy(section: Section, { value, position }: Entry): void {
    const source = this.sections.get(foldKey(value));
    if (source === undefined || source === section || !isShare(source)) {
      section.faults.push(
        new ConfigError(position, `'copy' needs a share above, there is no [${value}] above this one`),
      );
      return;
    }
    const entries = [...source.copied, ...source.entries];
    if (section.copied.length + entries.length > MAX_ENTRIES)
      throw new ConfigError(position, `[${section.name}] has more than ${MAX_ENTRIES} lines by copying`);
    section.copied.push(...entries);
    section.faults.push(...source.faults);
  }
}

function parseEntry(
  line: string,
  raw: string,
  position: string,
  comment: Entry["comment"],
  secret: boolean,
  dialect: Dialect,
): Entry | ConfigError {
  if (hasControl(line)) return new ConfigError(position, "a control character, take it out");
  const at = line.indexOf("=");
  const shown = secret ? "the line" : `'${line}'`;
  if (at < 0) return new ConfigError(position, `${shown} is not 'NAME = VALUE'`);
  const key = foldKey(line.slice(0, at));
  const value = line.slice(at + 1).trim();
  if (key === "") return new ConfigError(position, "there is no name before '=', write 'NAME = VALUE'");
  if (dialect === "ksmbd" && value.endsWith("\\") && !secret)
    return new ConfigError(position, `'${key}' ends in '\\': lines are not continued, write it in one line`);
  return { key, value, position, comment, whole: raw.slice(raw.indexOf("=") + 1).trim() };
}

function isShare(section: Section): boolean {
  return foldKey(section.name) !== "global" && !isGlobalsOf(section) && !isSecret(section);
}

function isGlobalsOf({ name, dialect }: Section): boolean {
  return dialect === "samba" && foldKey(name) === "globals";
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
