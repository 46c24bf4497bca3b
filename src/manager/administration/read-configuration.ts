// Reads the configuration as the server does, and shows it to people. For workers: it waits for the files.
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { type ReadConfiguration, readConfiguration } from "../client-configurations.ts";
import { type Configuration, foldShareName } from "../config/load.ts";
import { readIncluded } from "../config/include.ts";
import { ConfigError, type Dialect, foldKey, type Section } from "../config/parse.ts";
import type { Override } from "../config/load.ts";
import { type Note, Report } from "../config/report.ts";
import type { Share } from "../config/share.ts";
import { isUcisPlace } from "../paths.ts";
import { SystemAccountFiles } from "../users/system-accounts.ts";
import { UserDirectory } from "../users/user-directory.ts";
import { type Accounts, matrixOf } from "./access-matrix.ts";
import { Refusal } from "../refusal.ts";
import { placeOfSection, viewFaults, viewParameters } from "./views.ts";
import type { ConfigurationView, ShareDetail, ShareView } from "./view-types.ts";

/** Where the server reads its configuration and users from; plain data. */
export interface ServerFiles {
  /** Null: there is no file, only the command line. */
  readonly file: string | null;
  readonly dialect?: Dialect | undefined;
  readonly overrides: readonly Override[];
  readonly passwordFile: string | null;
}

/** A share that clients find now. */
export interface LiveShare {
  readonly name: string;
  readonly path: string;
}

/** The configuration with the texts that it was read from. */
export interface Reading extends ReadConfiguration {
  readonly notes: readonly Note[];
  readonly texts: ReadonlyMap<string, string | undefined>;
  readonly etag: string;
}

/** Throws Refusal for a configuration that the server would not start with. */
export function read(files: ServerFiles, texts = new Map<string, string | undefined>()): Reading {
  const { file, dialect, overrides } = files;
  const report = new Report();
  try {
    const source = { file, overrides, ...(dialect !== undefined && { dialect }) };
    const found = readConfiguration(source, report, texts);
    return { ...found, notes: report.notes(), texts, etag: etagOf(texts) };
  } catch (error) {
    if (error instanceof ConfigError) throw new Refusal("refused", error.message);
    throw error;
  }
}

/** By the content of all files but those of clients. */
function etagOf(texts: ReadonlyMap<string, string | undefined>): string {
  const hash = createHash("sha256");
  for (const path of [...texts.keys()].sort()) hash.update(`${path}\0${texts.get(path) ?? "\0"}\0`);
  return hash.digest("base64url").slice(0, 22);
}

/** The files are as they were when they were read; so is then what they include. */
export function isUnchanged(texts: ReadonlyMap<string, string | undefined>): boolean {
  try {
    return [...texts].every(([path, text]) => readIncluded(path, path) === text);
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/** What has changed since somebody read the configuration, as far as that can be told. */
export function describeChange(texts: ReadonlyMap<string, string | undefined>): string {
  const changed = [...texts.keys()].map((path) => ({ path, ms: modifiedMs(path) }));
  const [last] = changed.sort((a, b) => b.ms - a.ms);
  const which = last === undefined || last.ms === 0 ? "" : ` (${last.path} at ${timeOf(last.ms)})`;
  return `the configuration was changed meanwhile${which}: look at it again, nothing was written`;
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ") + " UTC";
}

export function accountsOf({ loaded }: ReadConfiguration, passwordFile: string | null): Accounts {
  const directory = new UserDirectory(passwordFile, loaded.users);
  return {
    users: [...directory.all()].map(({ name }) => name),
    groups: new SystemAccountFiles().read(),
    guestAccount: loaded.guestAccount,
    hasNamesake: (user) => directory.hasNamesake(user),
  };
}

/** Why the files must not be changed here; undefined: they may. */
export function whyFixed({ file }: ServerFiles): string | undefined {
  if (file === null) return "the server runs without a configuration file: change its command line";
  return isUcisPlace(file)
    ? "the configuration is made from UCI: change it in LuCI, or in /etc/config/ksmbd"
    : undefined;
}

/** `live`: the shares that clients find now, those of plugged-in disks included. */
export function viewConfiguration(
  files: ServerFiles,
  reading: Reading,
  live: readonly LiveShare[],
): ConfigurationView {
  const { loaded, sections, etag } = reading;
  const fixed = whyFixed(files);
  const served = new Map(live.map((share) => [foldShareName(share.name), share]));
  const shares: ShareView[] = [];
  for (const [folded, section] of sections)
    if (isShareSection(folded)) shares.push(viewShare(reading, section, served, fixed));
  const template = sections.get("volumes");
  for (const share of live) {
    if (sections.has(foldKey(share.name)) || loaded.volumes === null || template === undefined) continue;
    shares.push({ ...viewShare(reading, template, served, fixed), ...share, kind: "disk", isServed: true });
  }
  return { etag, shares };
}

function isShareSection(folded: string): boolean {
  return !["global", "ipc$", "printers", "print$"].includes(folded) && !folded.startsWith("user:");
}

function viewShare(
  { loaded, notes, sections }: Reading,
  section: Section,
  served: ReadonlyMap<string, LiveShare>,
  fixed: string | undefined,
): ShareView {
  const share = shareOf(loaded, section.name);
  const live = served.get(foldShareName(section.name));
  const value = (name: string): string =>
    viewParameters(sections, section.name)?.find((parameter) => parameter.name === name)?.value ?? "";
  const kind =
    share === loaded.homes && share !== null ? "homes" : share === loaded.volumes ? "volumes" : "share";
  return {
    name: section.name,
    kind: share === undefined ? "share" : kind,
    path: live?.path ?? share?.path ?? value("path"),
    comment: share?.comment ?? value("comment"),
    readOnly: share?.readOnly ?? value("read only") !== "no",
    guestOk: share?.guestOk ?? value("guest ok") === "yes",
    browseable: share?.browseable ?? value("browseable") !== "no",
    isOnDisk: share !== undefined && (share.disk !== "" || share === loaded.volumes),
    isServed: live !== undefined,
    isEditable: fixed === undefined,
    ...(placeOfSection(section) && { writtenIn: placeOfSection(section) }),
    faults: viewFaults(section, notes),
  };
}

/** The rules of a section; undefined for one that is left out. */
export function shareOf(configuration: Configuration, name: string): Share | undefined {
  const { diskShares, homes, shares, volumes } = configuration;
  const folded = foldShareName(name);
  const others = [...diskShares, homes, volumes].filter((share) => share !== null);
  return shares.get(folded) ?? others.find((share) => foldShareName(share.name) === folded);
}

/** One share with its parameters and its matrix. Throws Refusal where there is none. */
export function viewDetail(
  files: ServerFiles,
  reading: Reading,
  live: readonly LiveShare[],
  name: string,
): ShareDetail {
  const { shares } = viewConfiguration(files, reading, live);
  const view = shares.find((share) => foldShareName(share.name) === foldShareName(name));
  if (view === undefined) throw new Refusal("not-found", `there is no share '${name}'`);
  const section = view.kind === "disk" ? "volumes" : view.name;
  const share = shareOf(reading.loaded, section);
  return {
    ...view,
    parameters: viewParameters(reading.sections, section) ?? [],
    access: share === undefined ? [] : matrixOf(share, accountsOf(reading, files.passwordFile)),
  };
}
