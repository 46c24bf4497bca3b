// Whether a changed configuration is what was asked for and nothing else: no new fault, no other share or
// setting, and somebody can still administrate.
import { type EffectiveValue, effectiveSection, shareValues } from "../config/effective.ts";
import { type Entry, foldKey } from "../config/parse.ts";
import { formatNote, type Note } from "../config/report.ts";
import { findParameter } from "../config/schema.ts";
import type { Parameter } from "../config/schema/parameter.ts";
import { USER_LISTS } from "../config/user-list.ts";
import { parseBoolean } from "../config/values.ts";
import { UserDirectory } from "../users/user-directory.ts";
import { SystemAccountFiles } from "../users/system-accounts.ts";
import type { ConfigurationChange, Settings } from "./changes.ts";
import { accountsOf, type Reading, type ServerFiles, shareOf } from "./read-configuration.ts";
import { guestAccessOf, matrixOf } from "./access-matrix.ts";
import { Refusal } from "../refusal.ts";
import { whyNotShared } from "./shareable.ts";

/** Throws Refusal. */
export function checkOutcome(
  files: ServerFiles,
  change: ConfigurationChange,
  before: Reading,
  after: Reading,
): void {
  checkNotes(before, after);
  checkDirectories(files, before, after);
  if (change.kind === "set settings") {
    checkParameters("global", change.parameters, before, after);
    checkOthers(undefined, before, after);
    return checkAdministrators(files, before, after);
  }
  const folded = foldKey(change.name);
  checkOthers(folded, before, after);
  if (!Bun.deepEquals(before.loaded.settings, after.loaded.settings))
    throw elsewhere("the settings of [global]");
  if (change.kind === "remove share") {
    if (after.sections.has(folded)) throw elsewhere(`[${change.name}]`);
    return;
  }
  if (change.kind === "set access") return checkAccess(files, change, before, after);
  checkParameters(folded, change.parameters, before, after);
}

/**
 * No share gets a directory by which its administrator would become root of the machine; a setting may be a
 * part of paths.
 */
function checkDirectories(files: ServerFiles, before: Reading, after: Reading): void {
  for (const name of after.sections.keys()) {
    if (name === "global" || name.startsWith("user:")) continue;
    const path = pathOf(after, name);
    if (path === "" || path === pathOf(before, name)) continue;
    const fault = whyNotShared(path, after.loaded, files);
    if (fault !== undefined) throw new Refusal("refused", `'path' of [${name}]: ${fault}`);
  }
}

/** Also of a share that is not available; empty for one that is below a disk. */
function pathOf({ loaded, sections }: Reading, name: string): string {
  const share = shareOf(loaded, name);
  if (share !== undefined) return share.disk === "" ? share.path : "";
  const values = shareValues(sections, name);
  return values === undefined || values.text("disk") !== "" ? "" : values.text("path");
}

function elsewhere(what: string): Refusal {
  return new Refusal("refused", `${what} would be another: other lines of the configuration decide about it`);
}

/** Lines move and values change, so that notes are compared by what they say of which parameter. */
function checkNotes(before: Reading, after: Reading): void {
  const known = new Set(keysOfNotes(before).keys());
  const [added] = [...keysOfNotes(after)].filter(([key, { kind }]) => kind !== "info" && !known.has(key));
  if (added !== undefined) throw new Refusal("refused", formatNote(added[1]));
}

function keysOfNotes({ notes, sections }: Reading): ReadonlyMap<string, Note> {
  const parameters = new Map<string, string>();
  for (const [name, { entries }] of sections)
    for (const { key, position } of entries)
      parameters.set(position, `${name}/${findParameter(key)?.name ?? key}`);
  return new Map(
    notes.map((note) => {
      const parameter = parameters.get(note.position);
      const said =
        parameter === undefined ? note.text : `${parameter}: ${note.text.replaceAll(/'[^']*'/g, "''")}`;
      return [said, note];
    }),
  );
}

/** Other sections are as they were. */
function checkOthers(folded: string | undefined, before: Reading, after: Reading): void {
  const names = new Set([...before.sections.keys(), ...after.sections.keys()]);
  // The values of a share follow from its lines and those of [global].
  const isGlobalSame = folded === undefined || hasSameLines(before, after, "global");
  for (const name of names) {
    if (name === folded || (folded === undefined && name === "global")) continue;
    if (isGlobalSame && hasSameLines(before, after, name)) continue;
    const isSame =
      folded === undefined
        ? Bun.deepEquals(ownValues(before, name), ownValues(after, name))
        : Bun.deepEquals(valuesOf(before, name), valuesOf(after, name));
    if (!isSame) throw elsewhere(`[${name}]`);
  }
}

/** Wherever they stand now. */
function hasSameLines(before: Reading, after: Reading, name: string): boolean {
  const [old, now] = [before.sections.get(name), after.sections.get(name)];
  if (old === undefined || now === undefined) return old === now;
  return (
    old.dialect === now.dialect &&
    old.faults.length + now.faults.length === 0 &&
    areSameLines(old.entries, now.entries) &&
    areSameLines(old.copied, now.copied)
  );
}

function areSameLines(old: readonly Entry[], now: readonly Entry[]): boolean {
  return (
    old.length === now.length &&
    old.every(({ comment, key, value, whole }, index) => {
      const other = now[index];
      return (
        key === other?.key && value === other.value && whole === other.whole && comment === other.comment
      );
    })
  );
}

function valuesOf({ sections }: Reading, name: string): ReadonlyMap<string, string> | undefined {
  if (name.startsWith("user:"))
    return new Map(sections.get(name)?.entries.map(({ key, value }) => [key, value]));
  const values = effectiveSection(sections, name);
  return values && new Map(values.map((each) => [each.name, each.value]));
}

/** What the section itself sets: [global] may change the rest. */
function ownValues(reading: Reading, name: string): unknown {
  if (name.startsWith("user:")) return valuesOf(reading, name);
  const values = effectiveSection(reading.sections, name);
  return values?.flatMap((each) => (each.isSet ? [[each.name, each.value]] : []));
}

/** The named parameters have their new values, and all others the old ones. */
function checkParameters(name: string, parameters: Settings, before: Reading, after: Reading): void {
  const wanted = new Map<Parameter | undefined, string | null>(
    Object.entries(parameters).map(([key, value]) => [findParameter(foldKey(key)), value]),
  );
  const old = new Map((effectiveSection(before.sections, name) ?? []).map((each) => [each.name, each]));
  const values = effectiveSection(after.sections, name);
  if (values === undefined) throw elsewhere(`[${name}]`);
  for (const each of values) {
    const value = wanted.get(each.parameter);
    const isRemoved = value === null || value === "";
    const isRight = wanted.has(each.parameter)
      ? isRemoved
        ? !each.isSet
        : each.isSet && isSameValue(each, value ?? "")
      : each.value === (old.get(each.name)?.value ?? each.value);
    if (!isRight) throw elsewhere(`'${each.name}' of [${name}]`);
  }
}

function isSameValue({ parameter, value }: EffectiveValue, wanted: string): boolean {
  if (parameter.type !== "boolean") return value === wanted;
  return parseBoolean(value) !== undefined && parseBoolean(value) === parseBoolean(wanted);
}

/** The matrix is the one that was asked for, and guests get what they got. */
function checkAccess(
  files: ServerFiles,
  { access, name }: ConfigurationChange & { kind: "set access" },
  before: Reading,
  after: Reading,
): void {
  const [old, share] = [shareOf(before.loaded, name), shareOf(after.loaded, name)];
  if (old === undefined || share === undefined) throw elsewhere(`[${name}]`);
  const accounts = accountsOf(after, files.passwordFile);
  const wanted = new Map([...matrixOf(old, accounts).map((row) => [row.user, row.access] as const)]);
  for (const [user, right] of Object.entries(access)) wanted.set(user, right);
  for (const row of matrixOf(share, accounts))
    if (row.access !== wanted.get(row.user)) throw elsewhere(`the access of '${row.user}'`);
  if (guestAccessOf(old, accounts) !== guestAccessOf(share, accounts))
    throw elsewhere("the access of guests");
  const lists = new Set<string>(USER_LISTS);
  const rest = (reading: Reading) =>
    [...(valuesOf(reading, foldKey(name)) ?? [])].filter(([key]) => !lists.has(key));
  if (!Bun.deepEquals(rest(before), rest(after))) throw elsewhere(`[${name}]`);
}

/** Whoever is logged on must not shut everybody out of the web page by accident. */
function checkAdministrators(files: ServerFiles, before: Reading, after: Reading): void {
  if (hasAdministrator(files, before) && !hasAdministrator(files, after))
    throw new Refusal("refused", "'web admin users' would name no user: nobody could administrate");
}

function hasAdministrator({ passwordFile }: ServerFiles, { loaded }: Reading): boolean {
  const users = new UserDirectory(passwordFile, loaded.users);
  const groups = new SystemAccountFiles().read();
  return [...users.all()].some(({ name }) =>
    loaded.webAdministrators.has(name, groups, users.hasNamesake(name)),
  );
}
