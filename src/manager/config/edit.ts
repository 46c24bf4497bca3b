// Changes one section in the text of a configuration and leaves every other line as it is, comments and order
// included.
import { type Dialect, logicalLines } from "./lines.ts";
import { foldKey } from "./parse.ts";
import { findParameter } from "./schema.ts";

export interface Option {
  readonly key: string;
  readonly value: string;
}

interface Extent {
  /** Index of the first line of the text, and of the line behind the last one. */
  readonly from: number;
  readonly to: number;
}

interface FoundEntry extends Extent {
  readonly key: string;
}

/** One occurrence of a section; a file may have several of the same name. */
interface FoundSection {
  readonly folded: string;
  readonly heading: number;
  readonly entries: FoundEntry[];
}

export function hasSection(text: string, name: string, dialect: Dialect): boolean {
  return findSections(text, name, dialect).length > 0;
}

/**
 * Sets options in the section, which is added at the end where it does not exist. An option that is there
 * already, in whichever spelling, keeps its place; further lines with it are removed, since they could
 * override it. An empty value removes the option.
 */
export function setOptions(text: string, name: string, options: readonly Option[], dialect: Dialect): string {
  const sections = findSections(text, name, dialect);
  const [first] = sections;
  if (first === undefined) return appendSection(text, name, options);
  const lines = text.split("\n");
  const entries = sections.flatMap((section) => section.entries);
  const removed = new Set<number>();
  const added: string[] = [];
  for (const { key, value } of options) {
    const same = entries.filter((entry) => isSameParameter(entry.key, key));
    for (const { from, to } of same) for (let at = from; at < to; at++) removed.add(at);
    const place = same[0];
    if (value === "") continue;
    if (place === undefined) added.push(formatOption(key, value));
    else {
      lines[place.from] = formatOption(key, value, commentOf(lines[place.from] ?? "", dialect));
      removed.delete(place.from);
    }
  }
  const end = first.entries.at(-1)?.to ?? first.heading + 1;
  return lines
    .flatMap((line, at) => [...(at === end ? added : []), ...(removed.has(at) ? [] : [line])])
    .concat(end >= lines.length ? added : [])
    .join("\n");
}

/** Removes every section of that name; the comments above its heading stay. */
export function removeSection(text: string, name: string, dialect: Dialect): string {
  const lines = text.split("\n");
  const removed = new Set<number>();
  for (const { heading, entries } of findSections(text, name, dialect)) {
    let to = entries.at(-1)?.to ?? heading + 1;
    // A comment above the section keeps its distance from what follows.
    const isApart = heading === 0 || lines[heading - 1]?.trim() === "";
    while (isApart && to < lines.length && lines[to]?.trim() === "") to++;
    for (let at = heading; at < to; at++) removed.add(at);
  }
  return lines.filter((_, at) => !removed.has(at)).join("\n");
}

function findSections(text: string, name: string, dialect: Dialect): FoundSection[] {
  const wanted = foldKey(name);
  const count = text.split("\n").length;
  const logical = [...logicalLines(text, dialect)];
  const sections: FoundSection[] = [];
  for (const [i, { number, text: line }] of logical.entries()) {
    const from = number - 1;
    const heading = /^\[([^[\]]*)\]$/.exec(line)?.[1];
    if (heading !== undefined) sections.push({ folded: foldKey(heading), heading: from, entries: [] });
    else {
      const next = (logical[i + 1]?.number ?? count + 1) - 1;
      const to = dialect === "samba" ? endOfContinued(text, from, next) : from + 1;
      sections.at(-1)?.entries.push({ from, to, key: foldKey(line.split("=")[0] ?? "") });
    }
  }
  return sections.filter(({ folded }) => folded === wanted);
}

function endOfContinued(text: string, from: number, limit: number): number {
  const lines = text.split("\n");
  let to = from + 1;
  while (to < limit && /\\\s*$/.test(lines[to - 1] ?? "")) to++;
  return to;
}

function isSameParameter(a: string, b: string): boolean {
  const name = findParameter(foldKey(a))?.name;
  return name === undefined ? foldKey(a) === foldKey(b) : name === findParameter(foldKey(b))?.name;
}

function appendSection(text: string, name: string, options: readonly Option[]): string {
  const body = options
    .filter(({ value }) => value !== "")
    .map(({ key, value }) => `${formatOption(key, value)}\n`)
    .join("");
  const before = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return `${before}${before === "" || before.endsWith("\n\n") ? "" : "\n"}[${name}]\n${body}`;
}

function formatOption(key: string, value: string, comment = ""): string {
  return `\t${foldKey(key)} = ${value}${comment}`;
}

/** The comment behind a value, with the blanks before it. */
function commentOf(line: string, dialect: Dialect): string {
  return dialect === "ksmbd" ? (/\s+[;#].*$/.exec(line)?.[0] ?? "") : "";
}

/** A change by line numbers, which count from 1, as in the positions of entries. */
export interface LineEdits {
  /** The first line of an entry, and what it sets instead; undefined removes it. */
  readonly lines: ReadonlyMap<number, Option | undefined>;
  /** Behind the entry or heading of that line. */
  readonly added?: { readonly behind: number; readonly options: readonly Option[] };
}

/** Changes entries where they are written; comments and everything else stay. */
export function editLines(text: string, { lines: edits, added }: LineEdits, dialect: Dialect): string {
  const lines = text.split("\n");
  const extents = extentsOf(text, dialect);
  const changed = new Map<number, readonly string[]>();
  for (const [number, option] of edits) {
    const { from, to } = extents.get(number) ?? { from: number - 1, to: number };
    for (let at = from; at < to; at++) changed.set(at, []);
    const comment = commentOf(lines[from] ?? "", dialect);
    if (option !== undefined) changed.set(from, [formatOption(option.key, option.value, comment)]);
  }
  const behind = added && (extents.get(added.behind)?.to ?? added.behind);
  const news = (added?.options ?? []).map(({ key, value }) => formatOption(key, value));
  return lines
    .flatMap((line, at) => [...(at === behind ? news : []), ...(changed.get(at) ?? [line])])
    .concat(behind !== undefined && behind >= lines.length ? news : [])
    .join("\n");
}

/** The lines of each entry, by the number of its first line. */
function extentsOf(text: string, dialect: Dialect): ReadonlyMap<number, Extent> {
  const count = text.split("\n").length;
  const logical = [...logicalLines(text, dialect)];
  return new Map(
    logical.map(({ number }, i) => {
      const next = (logical[i + 1]?.number ?? count + 1) - 1;
      const to = dialect === "samba" ? endOfContinued(text, number - 1, next) : number;
      return [number, { from: number - 1, to }];
    }),
  );
}
