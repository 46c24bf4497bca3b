// Changes the configuration where its lines are written, after the result was read as the server will read
// it. For workers: it waits for the files.
import { isAbsolute } from "node:path";
import { followLink } from "../paths.ts";
import { replaceFile, withFileLocked } from "../replace-file.ts";
import {
  hasSection,
  type LineEdits,
  editLines,
  type Option,
  removeSection,
  setOptions,
} from "../config/edit.ts";
import { foldShareName } from "../config/load.ts";
import { ConfigError, type Entry, foldKey, type Section } from "../config/parse.ts";
import { placeOf } from "../config/positions.ts";
import { findParameter } from "../config/schema.ts";
import type { Parameter } from "../config/schema/parameter.ts";
import { shareValues } from "../config/effective.ts";
import { newShareNameFault, valueFault } from "../config/share-name.ts";
import { NOBODY, USER_LISTS } from "../config/user-list.ts";
import { type Access, formatList, planLists } from "./access-matrix.ts";
import type { ConfigurationChange, Settings } from "./changes.ts";
import { checkOutcome } from "./check-outcome.ts";
import {
  accountsOf,
  describeChange,
  isUnchanged,
  read,
  type Reading,
  type ServerFiles,
  shareOf,
  whyFixed,
} from "./read-configuration.ts";
import { Refusal, refusalCodeOf } from "../refusal.ts";

/** For a caller who takes whatever is there. */
const MAX_TRIES = 3;
/** A second, for a change by another program. */
const LOCK_WAITS = 20;
/** As ksmbd-tools writes it. */
const FILE_MODE = 0o640;
const NAME = "the configuration";

/**
 * Makes the change. `etag`: of the configuration that it was made from; undefined: whatever is there. Returns
 * the configuration as it is now. Throws Refusal; the files are then as they were.
 */
export function changeConfiguration(
  files: ServerFiles,
  change: ConfigurationChange,
  etag: string | undefined,
): Reading {
  for (let left = etag === undefined ? MAX_TRIES : 1; ; left--) {
    try {
      return tryToChange(files, change, etag);
    } catch (error) {
      // Another program was quicker, and nobody has to see what it did.
      if (left > 1 && error instanceof Refusal && error.code === "changed") continue;
      throw error;
    }
  }
}

function tryToChange(files: ServerFiles, change: ConfigurationChange, etag: string | undefined): Reading {
  const fixed = whyFixed(files);
  if (fixed !== undefined || files.file === null) throw new Refusal("refused", fixed ?? "there is no file");
  const main = followLink(files.file);
  const before = read(files);
  if (etag !== undefined && etag !== before.etag) throw new Refusal("changed", describeChange(before.texts));
  const { file, text } = planEdit(files, before, change);
  const target = followLink(file);
  const texts = new Map(before.texts).set(file, text);
  try {
    const write = (): Reading => replaceChecked(files, target, { before, change, text, texts });
    if (target === main) return write();
    // Whoever changes the main file alone holds its lock.
    return withFileLocked({ file: main, name: NAME, waits: LOCK_WAITS }, write);
  } catch (error) {
    throw error instanceof ConfigError ? new Refusal(refusalCodeOf(error), error.message) : error;
  }
}

interface Plan {
  readonly before: Reading;
  readonly change: ConfigurationChange;
  readonly text: string;
  /** All files as they will be. */
  readonly texts: ReadonlyMap<string, string | undefined>;
}

function replaceChecked(files: ServerFiles, target: string, { before, change, text, texts }: Plan): Reading {
  const how = { file: target, name: NAME, mode: (old = FILE_MODE) => old, waits: LOCK_WAITS };
  return replaceFile(how, (put) => {
    // Only now no other program can change it.
    if (!isUnchanged(before.texts)) throw new Refusal("changed", describeChange(before.texts));
    const after = read(files, new Map(texts));
    checkOutcome(files, change, before, after);
    put(text);
    return after;
  });
}

interface EditedFile {
  /** As the configuration names it. */
  readonly file: string;
  readonly text: string;
}

function planEdit(files: ServerFiles, before: Reading, change: ConfigurationChange): EditedFile {
  const main = files.file ?? "";
  switch (change.kind) {
    case "add share":
      return addShare(main, before, change.name, change.parameters);
    case "remove share":
      return removeShare(before, findSection(before, change.name));
    case "set share":
      return setParameters(main, before, findSection(before, change.name), change.parameters);
    case "set access":
      return setAccess(files, before, change.name, change.access);
    case "set settings":
      return setParameters(main, before, before.sections.get("global"), change.parameters);
  }
}

function findSection({ loaded, sections }: Reading, name: string): Section {
  const section = sections.get(foldKey(name));
  if (section !== undefined && isChangeable(foldKey(name))) return section;
  if (loaded.volumes !== null && !sections.has(foldKey(name)))
    throw new Refusal(
      "not-found",
      `there is no section [${name}]; the shares of disks are as [volumes] says`,
    );
  throw new Refusal("not-found", `there is no share '${name}'`);
}

function isChangeable(folded: string): boolean {
  return folded !== "global" && !folded.startsWith("user:");
}

function addShare(file: string, before: Reading, name: string, parameters: Settings): EditedFile {
  const fault = foldKey(name) === "global" ? "[global] is not a share" : newShareNameFault(name);
  if (fault !== undefined) throw new Refusal("bad-argument", fault);
  const isThere = [...before.loaded.shares.keys(), ...before.sections.keys()].some(
    // Blanks are folded in headings alone, Unicode's forms in the names of shares alone.
    (other) => foldShareName(foldKey(other)) === foldShareName(foldKey(name)),
  );
  if (isThere) throw new Refusal("exists", `there is a share '${name}' already`);
  const { dialect } = globalOf(before);
  const options = Object.entries(parameters).flatMap(([key, value]) => {
    const { parameter, option } = checkedOption(key, value, false, dialect);
    return option === undefined ? [] : [{ key: parameter.name, value: option.value }];
  });
  return { file, text: setOptions(before.texts.get(file) ?? "", name, options, dialect) };
}

function globalOf({ sections }: Reading): Section {
  const global = sections.get("global");
  if (global === undefined) throw new Refusal("failed", "the configuration has no [global]");
  return global;
}

function removeShare({ texts }: Reading, section: Section): EditedFile {
  const place = placeOf(section.position);
  if (place === undefined) throw new Refusal("refused", `[${section.name}] is of the command line`);
  const elsewhere = section.entries.find(({ position }) => placeOf(position)?.file !== place.file);
  if (elsewhere !== undefined)
    throw new Refusal("refused", `[${section.name}] is also in ${elsewhere.position}: remove it there first`);
  const text = texts.get(place.file) ?? "";
  if (!hasSection(text, section.name, section.dialect))
    throw new Refusal("refused", `[${section.name}] cannot be found in ${place.file}`);
  return { file: place.file, text: removeSection(text, section.name, section.dialect) };
}

function setAccess(
  files: ServerFiles,
  before: Reading,
  name: string,
  access: Readonly<Record<string, Access>>,
): EditedFile {
  const section = findSection(before, name);
  const share = shareOf(before.loaded, section.name);
  const values = shareValues(before.sections, section.name);
  if (share === undefined || values === undefined)
    throw new Refusal("refused", `share [${section.name}] is left out: correct its faults first`);
  const lists = {
    "valid users": values.hasList("valid users") ? values.list("valid users") : null,
    "invalid users": values.list("invalid users"),
    "read list": values.list("read list"),
    "write list": values.list("write list"),
    "admin users": values.list("admin users"),
  };
  const globals = shareValues(before.sections, "global");
  const planned = planLists(
    share,
    lists,
    new Map(Object.entries(access)),
    accountsOf(before, files.passwordFile),
  );
  const parameters: Record<string, string | null> = {};
  for (const list of USER_LISTS) {
    const words = planned[list];
    if (Bun.deepEquals(words, lists[list])) continue;
    const value = words === null ? "" : formatList(words);
    if (value === undefined)
      throw new Refusal("refused", `'${list}' cannot hold a name with quotation marks`);
    const isInherited = globals?.hasList(list) === true;
    parameters[list] = value === "" ? (isInherited ? NOBODY : null) : value;
  }
  return setParameters(files.file ?? "", before, section, parameters);
}

/** Changes each parameter in the line that counts; further lines with it go, since they could override it. */
function setParameters(
  main: string,
  { texts }: Reading,
  section: Section | undefined,
  parameters: Settings,
): EditedFile {
  if (section === undefined) throw new Refusal("failed", "the configuration has no [global]");
  const isGlobal = foldKey(section.name) === "global";
  const edits = new Map<string, Map<number, Option | undefined>>();
  const added: Option[] = [];
  for (const [key, value] of Object.entries(parameters)) {
    const { parameter, option } = checkedOption(key, value, isGlobal, section.dialect);
    const same = section.entries.filter((entry) => findParameter(entry.key) === parameter);
    const [first] = same;
    for (const entry of same) {
      const place = placeOf(entry.position);
      if (place === undefined)
        throw new Refusal("refused", `'${parameter.name}' is set on the command line by ${entry.position}`);
      const lines = edits.get(place.file) ?? new Map<number, Option | undefined>();
      lines.set(place.line, entry === first ? keepSpelling(option, entry, parameter) : undefined);
      edits.set(place.file, lines);
    }
    if (same.length === 0 && option !== undefined) added.push(option);
  }
  const home = placeOf(section.position)?.file ?? main;
  const changed = new Set([...edits.keys(), ...(added.length > 0 ? [home] : [])]);
  if (changed.size > 1)
    throw new Refusal(
      "refused",
      `these lines are in ${[...changed].join(" and ")}: change one after the other`,
    );
  const [file = home] = changed;
  const edit = { lines: edits.get(file) ?? new Map(), ...behindOf(section, file, added) };
  return { file, text: withSection(section, texts.get(file) ?? "", edit, added) };
}

/** The place for new lines: behind the last one of the section in the file with its heading. */
function behindOf(section: Section, file: string, options: readonly Option[]): Pick<LineEdits, "added"> {
  if (options.length === 0) return {};
  const lines = [section, ...section.entries].flatMap(({ position }) => {
    const place = placeOf(position);
    return place?.file === file ? [place.line] : [];
  });
  return lines.length === 0 ? {} : { added: { behind: Math.max(...lines), options } };
}

/** A file without [global] gets it. */
function withSection(section: Section, text: string, edit: LineEdits, added: readonly Option[]): string {
  const edited = editLines(text, edit, section.dialect);
  if (edit.added !== undefined || added.length === 0) return edited;
  return setOptions(edited, section.name, added, section.dialect);
}

/** `browsable` stays `browsable`, `writeable` becomes `read only`. */
function keepSpelling(option: Option | undefined, entry: Entry, { inverse }: Parameter): Option | undefined {
  const isInverse =
    inverse?.some((word) => word.replaceAll(" ", "") === entry.key.replaceAll(" ", "")) === true;
  return option === undefined || isInverse ? option : { ...option, key: entry.key };
}

/**
 * No option: the parameter is to be removed. Throws Refusal for what is no parameter of the section, or no
 * value that a line can hold.
 */
function checkedOption(
  key: string,
  value: string | null,
  isGlobal: boolean,
  dialect: Section["dialect"],
): { readonly parameter: Parameter; readonly option: Option | undefined } {
  const parameter = findParameter(foldKey(key));
  const where = isGlobal ? "[global]" : "a share";
  if (parameter === undefined || (!isGlobal && parameter.scope === "global"))
    throw new Refusal("bad-argument", `'${key.slice(0, 64)}' is no parameter of ${where}`);
  const { name } = parameter;
  if (parameter.isForRoot === true)
    throw new Refusal("refused", `'${name}' leads to files of the machine: change it in the file itself`);
  if (isRemoval(parameter, value)) return { parameter, option: undefined };
  const fault = valueFault(value, dialect);
  if (fault !== undefined) throw new Refusal("bad-argument", `'${name}': ${fault}`);
  if (name === "path" && !isAbsolute(value))
    throw new Refusal("bad-argument", "'path' is not absolute: write /DIRECTORY");
  return { parameter, option: { key: name, value } };
}

/** An emptied field removes a comment, but an emptied list of users would open the share to everybody. */
function isRemoval({ name, security }: Parameter, value: string | null): value is null | "" {
  if (value === null) return true;
  if (value === "" && security === true)
    throw new Refusal("bad-argument", `'${name}' is empty: a line without a value has no effect, remove it`);
  return value === "";
}
