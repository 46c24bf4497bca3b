// The effective value of each parameter of a section, as text, for testparm.
import { foldKey, type Sections } from "./parse.ts";
import { PARAMETERS, spellingsOf } from "./schema.ts";
import type { Parameter } from "./schema/parameter.ts";
import { parseBoolean } from "./values.ts";

export interface EffectiveValue {
  readonly name: string;
  readonly spellings: readonly string[];
  readonly value: string;
  /** Set in the section itself, not by [global] or by the default. */
  readonly isSet: boolean;
}

/** All parameters of the section in the schema's order; a missing section counts as empty. */
export function effectiveSection(sections: Sections, name: string): EffectiveValue[] {
  const isGlobal = foldKey(name) === "global";
  const fitting = (PARAMETERS as readonly Parameter[]).filter(({ scope }) => isGlobal || scope !== "global");
  return fitting.map((parameter) => {
    const own = firstValue(sections, name, parameter);
    const inherits = !isGlobal && parameter.scope === "share";
    const value =
      own ?? (inherits ? firstValue(sections, "global", parameter) : undefined) ?? parameter.default;
    return { name: parameter.name, spellings: spellingsOf(parameter), value, isSet: own !== undefined };
  });
}

function firstValue(sections: Sections, name: string, parameter: Parameter): string | undefined {
  for (const spelling of spellingsOf(parameter)) {
    const joined = spelling.replaceAll(" ", "");
    const entry = sections
      .get(foldKey(name))
      ?.entries.find(({ key, value }) => value !== "" && key.replaceAll(" ", "") === joined);
    if (!entry) continue;
    const isInverse = parameter.inverse?.includes(spelling) === true;
    return isInverse ? (parseBoolean(entry.value) === true ? "no" : "yes") : entry.value;
  }
  return undefined;
}
