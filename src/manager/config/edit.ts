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
    const line = formatOption(key, value);
    const same = entries.filter((entry) => isSameParameter(entry.key, key));
    for (const { from, to } of same) for (let at = from; at < to; at++) removed.add(at);
    const place = same[0];
    if (value === "") continue;
    if (place === undefined) added.push(line);
    else {
      lines[place.from] = line;
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

function formatOption(key: string, value: string): string {
  return `\t${foldKey(key)} = ${value}`;
}
