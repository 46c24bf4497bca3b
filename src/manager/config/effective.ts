// The effective value of each parameter of a section, as text, for testparm.
import { ConfigError, type Entry, foldKey, type Sections } from "./parse.ts";
import { Report } from "./report.ts";
import { PARAMETERS, spellingsOf } from "./schema.ts";
import type { Parameter } from "./schema/parameter.ts";
import { type KnownEntries, pickKnown, SectionValues } from "./section-values.ts";
import { parseBoolean } from "./values.ts";

export interface EffectiveValue {
  readonly name: string;
  readonly spellings: readonly string[];
  readonly value: string;
  /** Set in the section itself, not by [global] or by the default. */
  readonly isSet: boolean;
  readonly parameter: Parameter;
  /** `FILE:LINE` of what sets it, or the option of the command line; empty: the default. */
  readonly position: string;
}

/** All parameters of the section in the schema's order; undefined for a share with a mistake. */
export function effectiveSection(sections: Sections, name: string): EffectiveValue[] | undefined {
  const isGlobal = foldKey(name) === "global";
  const entries = entriesOf(sections, name);
  if (entries === undefined) return undefined;
  const values = new SectionValues(entries.own, isGlobal ? null : entries.globals, new Report());
  const alone = new SectionValues(entries.own, null, new Report());
  const fitting = PARAMETERS.filter(({ scope }) => isGlobal || scope !== "global");
  return fitting.map((parameter) => ({
    name: parameter.name,
    spellings: spellingsOf(parameter),
    value: textOf(parameter, values.entry(parameter.name)),
    isSet: (alone.entry(parameter.name)?.position ?? "") !== "",
    parameter,
    position: values.position(parameter.name),
  }));
}

/** The values of a share, for the positions of its lines; undefined for one with a mistake. */
export function shareValues(sections: Sections, name: string): SectionValues | undefined {
  const entries = entriesOf(sections, name);
  return entries && new SectionValues(entries.own, entries.globals, new Report());
}

function entriesOf(
  sections: Sections,
  name: string,
): { own: KnownEntries; globals: KnownEntries } | undefined {
  const globals = pickKnown(sections.get("global"), true, new Report());
  if (foldKey(name) === "global") return { own: globals, globals };
  const section = sections.get(foldKey(name));
  if (section !== undefined && section.faults.length > 0) return undefined;
  try {
    return { own: pickKnown(section, false, new Report()), globals };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return undefined;
  }
}

function textOf(parameter: Parameter, entry: Entry | undefined): string {
  if (entry === undefined) return parameter.default;
  const key = entry.key.replaceAll(" ", "");
  const isInverse = parameter.inverse?.some((spelling) => spelling.replaceAll(" ", "") === key) === true;
  return isInverse ? (parseBoolean(entry.value) === true ? "no" : "yes") : entry.value;
}
