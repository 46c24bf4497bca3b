// Loads the configuration file and the command line's overrides into one frozen snapshot.
import { statSync } from "node:fs";
import { isAbsolute, normalize } from "node:path";
import type { EngineSettings } from "../../port/port.ts";
import { doAtOnce, type Steps } from "../../loop/steps.ts";
import type { PasswordTable } from "../users/password-file.ts";
import { type NameMap, parseNameMap } from "../users/name-map.ts";
import type { LogPlace } from "../log/sinks.ts";
import { KIB } from "./schema/parameter.ts";
import { readAppleModel } from "./apple-rules.ts";
import { type HostRule, parseHostRule } from "./hosts.ts";
import { type KerberosRules, readKerberosRules } from "./kerberos-rules.ts";
import {
  ConfigFiles,
  includeReader,
  readConfigText,
  readIfThere,
  readIncluded,
  type ReadShared,
} from "./include.ts";
import {
  ConfigError,
  dialectOf,
  emptySection,
  foldKey,
  parseSteps,
  prependEntry,
  type Section,
} from "./parse.ts";
import type { Dialect, Sections } from "./parse.ts";
import { isDfsShare } from "./dfs-rules.ts";
import { Report } from "./report.ts";
import { type KnownEntries, pickKnown, SectionValues } from "./section-values.ts";
import { findParameter } from "./schema.ts";
import { type Machine, readNamedInterfaces, readMachine, readSettings } from "./settings.ts";
import { isHomesSection, isVolumesSection, readShare, type Share } from "./share.ts";
import { UserList } from "./user-list.ts";
import { readUser } from "./user-section.ts";
import { suggest } from "./suggest.ts";
import { fillKnown, serverVariables, type VariableValues } from "./variables.ts";

/** Where desktops, routers and administrators mount disks that are plugged in. */
const VOLUME_DIRECTORIES = ["/media", "/mnt", "/run/media"] as const;

export type OnOff = "auto" | "yes" | "no";

/** How the server is found: `multicast dns register`, `ws discovery`, `llmnr`, `netbios name service`. */
interface Discovery {
  readonly multicastDns: OnOff;
  /** Of Apple's models; macOS shows its icon. */
  readonly model: string;
  readonly wsDiscovery: OnOff;
  readonly llmnr: OnOff;
  readonly netbios: boolean;
}

/** `web port` (0: none), `web certificate` and `web key` (empty: the server makes its own). */
export interface WebRules {
  readonly port: number;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface Configuration {
  readonly settings: EngineSettings;
  /** `server string`. */
  readonly serverString: string;
  /** By folded name, in the order of the file; without IPC$, which always exists. */
  readonly shares: ReadonlyMap<string, Share>;
  /** [homes]: the pattern of users' homes; its path may be empty. */
  readonly homes: Share | null;
  /** [volumes]: the pattern of the shares of disks that are plugged in; null: they get none. */
  readonly volumes: Share | null;
  /** Those with `disk`, which are shares while their disk is mounted. */
  readonly diskShares: readonly Share[];
  /** `automount disks`. */
  readonly automountsDisks: boolean;
  /** `volume directories`. */
  readonly volumeDirectories: readonly string[];
  /** Users of `[user:NAME]` sections: name -> NT hash in hex. */
  readonly users: ReadonlyMap<string, string>;
  readonly guestAccount: string;
  /** `username map`. */
  readonly nameMap: NameMap;
  /** `admin users` of [global]: they may end sessions and see what others have open, by RPC. */
  readonly administrators: UserList;
  /** `web admin users`, else those: they may use the web page. */
  readonly webAdministrators: UserList;
  /**
   * Administrators may share what is in or below these by RPC; none: shares are changed in the file alone.
   */
  readonly clientShareDirectories: readonly string[];
  /** Clients may change the passwords of their users. */
  readonly mayChangePasswords: boolean;
  /** `hosts allow` and `hosts deny` of [global], which apply to every share. */
  readonly hosts: HostRule | null;
  /** Those of [IPC$]. */
  readonly pipeHosts: HostRule | null;
  readonly kerberos: KerberosRules;
  readonly logPlace: LogPlace;
  /** The words of `interfaces`, null for all. */
  readonly interfaces: readonly string[] | null;
  readonly warnings: readonly string[];
  /** What it was read from; files that it names and that are missing included, those of clients not. */
  readonly files: readonly string[];
  readonly discovery: Discovery;
  /** The paths of `include` that differ by client, with the line of each. */
  readonly clientPaths: ReadonlyMap<string, string>;
  /** `metrics port`; 0: none. */
  readonly metricsPort: number;
  readonly web: WebRules;
  /** `reload on change`. */
  readonly reloadsOnChange: boolean;
}

/** `key = value` of the command line; overrides the file. */
export interface Override {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** The option that set it, for messages. */
  readonly position: string;
}

export interface ConfigSource {
  /** Null: no file, only the overrides. */
  readonly file: string | null;
  /** Default: by the file's name. */
  readonly dialect?: Dialect;
  readonly overrides?: readonly Override[];
  readonly machine?: Machine;
  /** Whose files an `include` with variables reads; undefined: nobody's. */
  readonly client?: VariableValues;
  /** By default from the disk. */
  readonly readShared?: ReadShared;
}

/** Throws ConfigError. */
export function loadConfiguration(source: ConfigSource): Configuration {
  const report = new Report();
  const machine = source.machine ?? readMachine();
  const files = new ConfigFiles();
  const sections = loadSections(source, machine, report, files);
  return buildConfiguration(sections, machine, report, files);
}

/**
 * The sections of the file, of the files that it includes, and of the overrides; `files` gets their paths.
 * Throws ConfigError.
 */
export function loadSections(...how: Parameters<typeof sectionSteps>): Sections {
  return doAtOnce(sectionSteps(...how));
}

export function* sectionSteps(
  source: ConfigSource,
  machine: Machine,
  report: Report,
  files = new ConfigFiles(),
): Steps<Sections> {
  const { file, dialect, overrides = [], client, readShared = readIncluded } = source;
  const sections: Sections = new Map();
  if (file !== null) {
    files.paths.push(file);
    const { hostName } = machine;
    const readIncluded = includeReader({ hostName, report, files, client, readShared });
    const options = { readIncluded, ...(dialect !== undefined && { dialect }) };
    const text = source.readShared?.(file, "") ?? readConfigText(file);
    for (const [name, section] of yield* parseSteps(text, file, options)) sections.set(name, section);
    if (!sections.has("global"))
      sections.set("global", emptySection("global", file, dialect ?? dialectOf(file)));
    if ([...sections.keys()].some((name) => name.startsWith("user:"))) warnOfReaders(files.paths, report);
  }
  for (const { section, key, value, position } of overrides.toReversed())
    prependEntry(sections, section, { key: foldKey(key), value, position, comment: "none", whole: value });
  return sections;
}

function warnOfReaders(files: readonly string[], report: Report): void {
  for (const file of files)
    if (((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o007) !== 0)
      report.warn(file, "it contains passwords and everybody can read it, run chmod 640 on it");
}

/** Throws ConfigError for what is wrong outside of a share; a share with a fault is left out. */
export function buildConfiguration(...how: Parameters<typeof configurationSteps>): Configuration {
  return doAtOnce(configurationSteps(...how));
}

export function* configurationSteps(
  sections: Sections,
  machine: Machine,
  report: Report,
  files = new ConfigFiles(),
): Steps<Configuration> {
  const globalEntries = pickKnown(sections.get("global"), true, report);
  const globals = new SectionValues(globalEntries, null, report);
  globals.checkDefaults();
  const settings = readSettings(globals, machine, report);
  let homes: Share | null = null;
  let volumes: Share | null = null;
  const diskShares: Share[] = [];
  const shares = new Map<string, Share>();
  const users: PasswordTable = new Map();
  for (const [folded, section] of sections) {
    if (folded === "global" || folded === "ipc$") continue;
    if (folded.startsWith("user:")) readUser(section, users);
    else {
      const share = readShareOrReport(section, globalEntries, globals, settings, machine, report);
      if (share && isHomesSection(section)) homes = share;
      else if (share && isVolumesSection(section)) volumes = share;
      else if (share && share.disk !== "") diskShares.push(share);
      else if (share) shares.set(foldShareName(share.name), share);
    }
    yield;
  }
  const hasDfs = settings.dfs && [...shares.values()].some(isDfsShare);
  return Object.freeze({
    settings: Object.freeze({ ...settings, dfs: hasDfs }),
    serverString: fillKnown(globals.text("server string"), serverNames(settings, machine)),
    shares,
    homes,
    volumes,
    diskShares,
    automountsDisks: globals.boolean("automount disks"),
    volumeDirectories: readVolumeDirectories(globals, report),
    users,
    guestAccount: readCommonGuest(globals, shares, homes),
    nameMap: readNameMap(globals, report),
    administrators: new UserList(globals.list("admin users")),
    webAdministrators: new UserList(
      globals.list(globals.hasList("web admin users") ? "web admin users" : "admin users"),
    ),
    clientShareDirectories: globals.list("client share directories"),
    mayChangePasswords: globals.boolean("client password change"),
    hosts: readHosts(globals),
    pipeHosts: readHosts(new SectionValues(pickKnown(sections.get("ipc$"), false, report), null, report)),
    kerberos: readKerberosRules(globals),
    interfaces: readNamedInterfaces(globals),
    logPlace: { file: globals.text("log file"), maxBytes: (globals.number("max log size") ?? 5000) * KIB },
    warnings: report.warnings(),
    clientPaths: files.clientPaths,
    files: [...files.paths, ...[globals.text("username map")].filter((file) => file !== "")],
    metricsPort: globals.number("metrics port") ?? 0,
    web: {
      port: globals.number("web port") ?? 0,
      certificateFile: globals.text("web certificate"),
      keyFile: globals.text("web key") || globals.text("web certificate"),
    },
    discovery: {
      multicastDns: globals.choice("multicast dns register"),
      model: readAppleModel(globals),
      wsDiscovery: globals.choice("ws discovery"),
      llmnr: globals.choice("llmnr"),
      netbios: globals.boolean("netbios name service"),
    },
    reloadsOnChange: globals.boolean("reload on change"),
  });
}

function readHosts(values: SectionValues): HostRule | null {
  return parseHostRule(
    { words: values.list("hosts allow"), position: values.position("hosts allow") },
    { words: values.list("hosts deny"), position: values.position("hosts deny") },
  );
}

function readVolumeDirectories(globals: SectionValues, report: Report): readonly string[] {
  const name = "volume directories";
  if (!globals.hasList(name)) return VOLUME_DIRECTORIES;
  return globals.list(name).flatMap((directory) => {
    if (isAbsolute(directory)) return normalize(directory).replace(/(.)\/+$/, "$1");
    report.warn(globals.position(name), `'${name}': '${directory}' is not absolute and has no effect`);
    return [];
  });
}

/** One that is root is kept: whoever would be root by it is refused when he connects. */
function readCommonGuest(
  globals: SectionValues,
  shares: ReadonlyMap<string, Share>,
  homes: Share | null,
): string {
  const name = globals.text("guest account");
  const isRefused = ({ guestOk, guestAccount, forceUser }: Share): boolean =>
    guestOk && guestAccount === "" && forceUser === "";
  const refused = [...shares.values(), ...(homes ? [homes] : [])].filter(isRefused);
  if (name.toLowerCase() === "root")
    globals.warn(
      "guest account",
      "'guest account' is root, who may do everything: " +
        (refused.length === 0
          ? ""
          : `[${refused.map((share) => share.name).join("], [")}] let no guest in, `) +
        "write 'guest account = nobody', or 'force user = root' in a share that is root's for all",
    );
  return name;
}

/** A file that is missing maps nobody, as with smbd. */
function readNameMap(globals: SectionValues, report: Report): NameMap {
  const file = globals.text("username map");
  if (file === "") return [];
  const position = globals.position("username map");
  const text = readIfThere(file, position);
  if (text !== undefined) return parseNameMap(text);
  report.warn(position, `'username map': there is no file ${file}, nobody has another name`);
  return [];
}

/** Undefined for a share that is left out: its own fault must not stop the others. */
function readShareOrReport(
  section: Section,
  globalEntries: KnownEntries,
  globals: SectionValues,
  settings: EngineSettings,
  machine: Machine,
  report: Report,
): Share | undefined {
  if (section.faults.length === 0) checkHeading(section);
  try {
    const [fault] = section.faults;
    if (fault) throw fault;
    const isTemplate = isHomesSection(section) || isVolumesSection(section);
    const server = serverNames(settings, machine, isTemplate ? "" : section.name);
    return readShare(section, globalEntries, globals.text("root directory"), server, report);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report.leaveOut(error.position, `${error.text}; share [${section.name}] is left out`);
    return undefined;
  }
}

function serverNames({ serverName, domain }: EngineSettings, { hostName }: Machine, share = "") {
  return serverVariables(hostName.split(".")[0] ?? "", serverName, domain, share);
}

/** A misspelt [global] would lose what protects all shares. */
function checkHeading({ name, position, entries, copied }: Section): void {
  const hasPath = [...entries, ...copied].some(({ key }) => findParameter(key)?.name === "path");
  if (hasPath || suggest(foldKey(name), ["global", "globals"]) === undefined) return;
  throw new ConfigError(position, `[${name}] has no path and looks like [global], write [global] or a path`);
}

/** All `hosts allow` and `hosts deny`. */
export function hostRulesOf({
  hosts,
  pipeHosts,
  shares,
  homes,
  volumes,
  diskShares,
}: Configuration): (HostRule | null)[] {
  const ofShares = [...shares.values(), ...diskShares].map((share) => share.hosts);
  return [hosts, pipeHosts, homes?.hosts ?? null, volumes?.hosts ?? null, ...ofShares];
}

/** The form in which share names are compared. */
export function foldShareName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
