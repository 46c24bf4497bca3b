// The configuration for people: the parameters of a section with value, default and meaning, where each is
// written, and what testparm says of it. Without users' sections, which have passwords.
import { effectiveSection, type EffectiveValue } from "../config/effective.ts";
import type { Entry, Section, Sections } from "../config/parse.ts";
import { type Place, placeOf } from "../config/positions.ts";
import type { Note } from "../config/report.ts";
import { findParameter } from "../config/schema.ts";
import type { Parameter } from "../config/schema/parameter.ts";
import { parseBoolean } from "../config/values.ts";

export interface ParameterView {
  readonly name: string;
  /** `yes` or `no` for a boolean, otherwise as it is written. */
  readonly value: string;
  readonly default: string;
  readonly kind: Parameter["type"];
  readonly scope: Parameter["scope"];
  readonly description: string;
  /** Neither the section nor [global] sets it. */
  readonly isDefault: boolean;
  /** The section itself sets it. */
  readonly isSet: boolean;
  /** False: the command line sets it, or only root may, in the file. */
  readonly isEditable: boolean;
  /** It takes effect at the next start alone. */
  readonly needsRestart: boolean;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly file?: string;
  readonly line?: number;
}

export interface FaultView {
  /** Empty: of no parameter. */
  readonly parameter: string;
  readonly kind: Note["kind"];
  readonly message: string;
  readonly file?: string;
  /** 0: of no line. */
  readonly line: number;
}

/** Undefined for a section whose lines cannot be read. */
export function viewParameters(sections: Sections, name: string): readonly ParameterView[] | undefined {
  return effectiveSection(sections, name)?.map(viewParameter);
}

function viewParameter({ name, value, isSet, parameter, position }: EffectiveValue): ParameterView {
  const { choices, default: usual, defaultHelp, help, max, min, reload, scope, type } = parameter;
  return {
    name,
    value: type === "boolean" ? booleanText(value) : value,
    default: usual === "" ? (defaultHelp ?? "") : usual,
    kind: type,
    scope,
    description: help,
    isDefault: position === "",
    isSet,
    isEditable: parameter.isForRoot !== true && (position === "" || placeOf(position) !== undefined),
    needsRestart: reload === "restart",
    ...(choices !== undefined && { choices: Object.values(choices).map(([first = ""]) => first) }),
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
    ...placeOf(position),
  };
}

function booleanText(value: string): string {
  const parsed = parseBoolean(value);
  return parsed === undefined ? value : parsed ? "yes" : "no";
}

/** What testparm says of the lines of the section, of its heading, or of a share by its name. */
export function viewFaults(section: Section, notes: readonly Note[]): readonly FaultView[] {
  const entries = new Map(section.entries.map((entry) => [entry.position, entry]));
  const broken = new Set(section.faults.map(({ position }) => position));
  const isOfSection = ({ position, text }: Note): boolean =>
    entries.has(position) ||
    position === section.position ||
    broken.has(position) ||
    (text.includes(`[${section.name}]`) && !isOfOther(position));
  const isOfOther = (position: string): boolean => placeOf(position) !== undefined && !entries.has(position);
  return notes.filter(isOfSection).map((note) => viewFault(note, entries.get(note.position)));
}

export function viewFault({ kind, position, text }: Note, entry: Entry | undefined): FaultView {
  const place = placeOf(position);
  const parameter = entry === undefined ? "" : (findParameter(entry.key)?.name ?? entry.key);
  return { parameter, kind, message: text, line: place?.line ?? 0, ...(place && { file: place.file }) };
}

export function placeOfSection({ position }: Section): Place | undefined {
  return placeOf(position);
}
