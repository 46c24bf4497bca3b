// Typed values of one section, by the schema: spellings, the first non-empty value, defaults of [global],
// ranges. An invalid value of a security parameter refuses the configuration; any other causes a warning.
import { foreignWord, holdsAnyway, moduleWord, REFUSED_PARAMETERS } from "./foreign.ts";
import { ConfigError, type Dialect, type Entry, foldKey, type Section } from "./parse.ts";
import { Report } from "./report.ts";
import {
  type ChoiceOf,
  findParameter,
  type KnownParameter,
  knownSpellings,
  type NameOf,
  PARAMETERS,
  spellingsOf,
} from "./schema.ts";
import type { Parameter } from "./schema/parameter.ts";
import { suggest } from "./suggest.ts";
import {
  parseBoolean,
  parseInteger,
  parseList,
  parseOctal,
  parseSize,
  parseVetoFiles,
  unquote,
} from "./values.ts";

type AnyName = (typeof PARAMETERS)[number]["name"];

/** The known entries of a section, by spelling. */
export type KnownEntries = ReadonlyMap<string, Entry>;

/** Selects the entries that the schema knows and reports the others. */
export function pickKnown(section: Section | undefined, isGlobal: boolean, report: Report): KnownEntries {
  if (!section) return new Map();
  const known = pickFrom(section.entries, section.dialect, isGlobal, report);
  if (isGlobal && section.dialect === "samba") addSambaDefaults(known);
  if (section.copied.length === 0) return known;
  const own = new Set([...known.values()].map(({ key }) => findParameter(key)));
  // What is wrong with a copied line is reported where it stands.
  for (const [spelling, entry] of pickFrom(section.copied, section.dialect, isGlobal, new Report()))
    if (!own.has(findParameter(entry.key))) known.set(spelling, entry);
  return known;
}

function addSambaDefaults(known: Map<string, Entry>): void {
  for (const parameter of PARAMETERS as readonly Parameter[]) {
    const { name, sambaDefault: value } = parameter;
    if (value === undefined || spellingsOf(parameter).some((spelling) => known.has(spelling))) continue;
    known.set(name, { key: name, value, position: "", comment: "none", whole: value });
  }
}

function pickFrom(
  entries: readonly Entry[],
  dialect: Dialect,
  isGlobal: boolean,
  report: Report,
): Map<string, Entry> {
  const known = new Map<string, Entry>();
  for (const entry of entries) {
    const parameter = findParameter(entry.key);
    if (!parameter) {
      reportUnknown(entry, report);
      continue;
    }
    if (!isGlobal && parameter.scope === "global") {
      report.warn(entry.position, `'${entry.key}' has no effect in a share, write it in [global]`);
      continue;
    }
    checkComment(parameter, entry, report);
    if (entry.value === "") checkEmpty(parameter, entry, report);
    else addEntry(known, parameter, entry, dialect, report);
  }
  return known;
}

/**
 * In ksmbd's dialect a comment may cut a value that smb.conf(5) reads whole. A cut value must not open a
 * share.
 */
function checkComment(parameter: Parameter, entry: Entry, report: Report): void {
  const { key, value, whole, comment } = entry;
  if (comment === "none") return;
  const isWords = parameter.type === "text" || parameter.type === "list" || parameter.type === "veto";
  if (!isWords && value !== "") return;
  const read = `a comment cuts '${key} = ${whole}' to '${value}', smb.conf reads the whole`;
  if (parameter.security && (value === "" || comment === "touching"))
    throw new ConfigError(entry.position, `${read}; put the comment on a line of its own`);
  report.warn(entry.position, `${read}; put a comment on a line of its own`);
}

function checkEmpty(parameter: Parameter, entry: Entry, report: Report): void {
  if (!parameter.security) return;
  // Generated files have empty lists, which mean the default there, too.
  if (parameter.type === "list" || parameter.type === "text" || parameter.type === "veto")
    report.warn(
      entry.position,
      `'${entry.key}' names nothing and has no effect, give a value or take it out`,
    );
  else throw new ConfigError(entry.position, `'${entry.key}' has no value, give one or take the line out`);
}

/**
 * The first value of a spelling counts in ksmbd's dialect, the last of all spellings in Samba's; options come
 * first.
 */
function addEntry(
  known: Map<string, Entry>,
  parameter: Parameter,
  entry: Entry,
  dialect: Dialect,
  report: Report,
): void {
  const spellings = spellingsOf(parameter);
  const spelling = spellings.find((name) => sameWords(name, entry.key)) ?? parameter.name;
  const rivals = dialect === "samba" ? spellings : [spelling];
  const earlier = rivals.map((name) => known.get(name)).find((found) => found !== undefined);
  if (earlier === undefined) {
    known.set(spelling, entry);
    return;
  }
  if (earlier.position.startsWith("--")) return;
  const isSame =
    earlier.value.toLowerCase() === entry.value.toLowerCase() &&
    isInverse(parameter, earlier.key) === isInverse(parameter, entry.key);
  if (dialect === "samba") {
    for (const name of rivals) known.delete(name);
    known.set(spelling, entry);
    if (!isSame) report.warn(entry.position, `'${entry.key}' replaces the value at ${earlier.position}`);
  } else if (!isSame)
    report.warn(entry.position, `'${entry.key}' is already set at ${earlier.position}, that value is used`);
}

function isInverse(parameter: Parameter, key: string): boolean {
  return (parameter.inverse ?? []).some((spelling) => sameWords(spelling, key));
}

function sameWords(a: string, b: string): boolean {
  return a.replaceAll(" ", "") === b.replaceAll(" ", "");
}

/** The nearest known name; also where a stray `=` parts it: `va=id users = anna`. */
function suggestFor({ key, value }: Entry): string | undefined {
  const at = value.indexOf("=");
  const parted = at < 0 ? undefined : suggest(foldKey(`${key}${value.slice(0, at)}`), knownSpellings());
  return parted ?? suggest(key, knownSpellings());
}

function reportUnknown(entry: Entry, report: Report): void {
  const instead = REFUSED_PARAMETERS.get(entry.key);
  if (instead !== undefined)
    throw new ConfigError(entry.position, `'${entry.key}' is not supported, ${instead}`);
  const named = foreignWord(entry.key);
  const near = named === undefined ? suggestFor(entry) : undefined;
  // A misspelt 'valid users' would open the share to everybody.
  if (near !== undefined && findParameter(near)?.security)
    throw new ConfigError(entry.position, `'${entry.key}' is unknown, write '${near}' or take the line out`);
  const word = named ?? (near === undefined ? moduleWord(entry.key) : undefined);
  if (word !== undefined) {
    if (!holdsAnyway(entry.key, entry.value)) report.foreign(entry.position, entry.key, word);
    return;
  }
  const hint = near === undefined ? "take it out" : `did you mean '${near}'?`;
  report.warn(entry.position, `'${entry.key}' is unknown and has no effect, ${hint}`);
}

export class SectionValues {
  private readonly own: KnownEntries;
  private readonly defaults: KnownEntries | null;
  private readonly report: Report;

  /** `defaults`: the entries of [global] for a share, null for [global] itself. */
  constructor(own: KnownEntries, defaults: KnownEntries | null, report: Report) {
    this.own = own;
    this.defaults = defaults;
    this.report = report;
  }

  /**
   * Of [global]: throws ConfigError for an invalid default of all shares, which is not the fault of one of
   * them.
   */
  checkDefaults(): void {
    for (const parameter of PARAMETERS)
      if (parameter.scope !== "global" && this.entry(parameter.name) !== undefined) this.check(parameter);
  }

  private check(parameter: KnownParameter): void {
    if (parameter.type === "boolean") this.boolean(parameter.name);
    else if (parameter.type === "choice") this.choice(parameter.name);
    else if (parameter.type === "veto") this.patterns(parameter.name);
    else if (parameter.type === "integer") this.number(parameter.name);
    else if (parameter.type === "size") this.number(parameter.name);
    else if (parameter.type === "octal") this.number(parameter.name);
  }

  boolean(name: NameOf<"boolean">): boolean {
    const parameter = parameterOf(name);
    const entry = this.entry(name);
    const fallback = parameter.default === "yes";
    if (!entry) return fallback;
    const value = parseBoolean(entry.value);
    if (value === undefined) return this.rejectValue(parameter, entry, "write yes or no", fallback);
    return isInverse(parameter, entry.key) ? !value : value;
  }

  /** Undefined if there is neither a value nor a default. */
  number(name: NameOf<"integer" | "size" | "octal">): number | undefined {
    const parameter = parameterOf(name);
    const entry = this.entry(name);
    const value = entry && readNumber(parameter, entry.value);
    if (entry && value !== undefined) return this.inRange(parameter, entry, value);
    const fallback = parameter.default === "" ? undefined : readNumber(parameter, parameter.default);
    if (!entry) return fallback;
    return this.rejectValue(parameter, entry, numberHint(parameter), fallback);
  }

  /** The numbers after the first one; words that are no number in the range are left out with a warning. */
  furtherNumbers(name: NameOf<"integer">): number[] {
    const parameter = parameterOf(name);
    const entry = this.entry(name);
    const [, ...words] = parseList(entry?.value ?? "");
    return words.flatMap((word) => {
      const value = parseInteger(word);
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = parameter;
      if (value !== undefined && value >= min && value <= max) return value;
      if (entry)
        this.report.warn(entry.position, `'${entry.key}': '${word}' is left out, ${numberHint(parameter)}`);
      return [];
    });
  }

  text(name: NameOf<"text">): string {
    const entry = this.entry(name);
    return entry ? unquote(entry.value) : parameterOf(name).default;
  }

  list(name: NameOf<"list">): string[] {
    return parseList(this.entry(name)?.value ?? "");
  }

  /** True if the list is set, even to a value without words such as `,`. */
  hasList(name: NameOf<"list">): boolean {
    return this.entry(name) !== undefined;
  }

  patterns(name: NameOf<"veto">): string[] {
    const entry = this.entry(name);
    if (!entry) return [];
    return (
      parseVetoFiles(entry.value) ?? this.rejectValue(parameterOf(name), entry, "write /PATTERN/PATTERN/", [])
    );
  }

  /** Adds a warning with the entry's position. */
  warn(name: AnyName, text: string): void {
    this.report.warn(this.position(name), text);
  }

  choice<N extends NameOf<"choice">>(name: N): ChoiceOf<N> {
    const parameter = parameterOf(name);
    const entry = this.entry(name);
    const value = entry && (readChoice(parameter, entry.value) as ChoiceOf<N> | undefined);
    if (value !== undefined) return value;
    const fallback = readChoice(parameter, parameter.default) as ChoiceOf<N>;
    if (!entry) return fallback;
    const usual = Object.values(parameter.choices ?? {}).map((spellings) => spellings[0] ?? "");
    return this.rejectValue(parameter, entry, `write one of ${usual.join(", ")}`, fallback);
  }

  /** The entry that sets the value; undefined: the default applies. */
  entry(name: AnyName): Entry | undefined {
    const parameter = parameterOf(name);
    const sources = this.defaults && parameter.scope === "share" ? [this.own, this.defaults] : [this.own];
    for (const source of sources)
      for (const spelling of spellingsOf(parameter)) {
        const entry = source.get(spelling);
        if (entry) return entry;
      }
    return undefined;
  }

  position(name: AnyName): string {
    return this.entry(name)?.position ?? "";
  }

  private inRange(parameter: Parameter, entry: Entry, value: number): number {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = parameter;
    if (value >= min && value <= max) return value;
    if (parameter.security)
      throw new ConfigError(entry.position, invalidText(entry, `write ${min} to ${max}`));
    // 0 is "no limit" in smb.conf(5), and ksmbd treats it as the maximum as well.
    const nearest = value === 0 || value > max ? max : min;
    this.report.warn(entry.position, `'${entry.key} = ${entry.value}' is out of range, ${nearest} is used`);
    return nearest;
  }

  private rejectValue<T>(parameter: Parameter, entry: Entry, hint: string, fallback: T): T {
    if (parameter.security) throw new ConfigError(entry.position, invalidText(entry, hint));
    const used = parameter.default === "" ? "the default" : `'${parameter.default}'`;
    this.report.warn(entry.position, `${invalidText(entry, hint)}; ${used} is used`);
    return fallback;
  }
}

function invalidText(entry: Entry, hint: string): string {
  return `'${entry.value}' is not a value of '${entry.key}', ${hint}`;
}

function parameterOf(name: string): Parameter {
  const parameter = findParameter(name);
  if (!parameter) throw new Error(`no parameter '${name}' in the schema`);
  return parameter;
}

function readNumber(parameter: Parameter, text: string): number | undefined {
  if (parameter.type === "octal") return parseOctal(text);
  // `smb ports = 445 139`: the first counts.
  if (parameter.type === "integer") return parseInteger(text.split(/[\s,]+/)[0] ?? "");
  return parseSize(text);
}

function numberHint(parameter: Parameter): string {
  if (parameter.type === "octal") return "write an octal mode such as 0755";
  return parameter.type === "size" ? "write a size such as 64K or 4M" : "write a number";
}

function readChoice(parameter: Parameter, text: string): string | undefined {
  const folded = text.toLowerCase().replace(/\s+/g, " ");
  const { choices = {} } = parameter;
  for (const value in choices)
    if (choices[value]?.some((spelling) => spelling.toLowerCase() === folded) === true) return value;
  return undefined;
}
