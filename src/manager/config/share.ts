// Reads one section of the configuration into a share; ksmbd.conf(5).
import { isAbsolute, normalize } from "node:path";
import { FsAttribute } from "../../wire/fscc/fs-information.ts";
import type { ShareRules } from "../../port/port.ts";
import { readBackupLimits, readTimeMachine } from "./backup-rules.ts";
import { type HostRule, parseHostRule } from "./hosts.ts";
import { shareNameFault } from "./share-name.ts";
import { readDfsRules } from "./dfs-rules.ts";
import { readLinkRules } from "./link-rules.ts";
import { readAppleRules } from "./apple-rules.ts";
import { readHidingRules, readNameRules } from "./name-rules.ts";
import { ConfigError, foldKey, type Section } from "./parse.ts";
import { readRecycleRules } from "./recycle-rules.ts";
import { readSnapshotRules } from "./snapshot-rules.ts";
import type { Report } from "./report.ts";
import { readSecurityRules } from "./security-rules.ts";
import { type KnownEntries, pickKnown, SectionValues } from "./section-values.ts";
import { findParameter, type NameOf } from "./schema.ts";
import { UserList } from "./user-list.ts";
import { fillKnown, hasVariables, unknownVariables, type VariableValues } from "./variables.ts";

/** A share with the rules on who may connect and as whom. The repository of `recycle` may hold variables. */
export interface Share extends ShareRules {
  readonly comment: string;
  readonly browseable: boolean;
  readonly guestOk: boolean;
  /** With `guestOk`: every user is the guest. */
  readonly guestOnly: boolean;
  /** Lists show the share only to users who may connect. */
  readonly listedToPermitted: boolean;
  /** Empty: the guest account of [global]. */
  readonly guestAccount: string;
  /** Path, lists or names hold variables of the user or the client. */
  readonly isPersonal: boolean;
  /** `UUID=…` or `LABEL=…` of the disk that `path` is below the root of; empty: `path` is absolute. */
  readonly disk: string;
  /** The user whose home it is, by [homes]; empty for other shares. */
  readonly homeOf: string;
  readonly hosts: HostRule | null;
  /** Null: all users; an empty list admits nobody. */
  readonly validUsers: UserList | null;
  readonly invalidUsers: UserList;
  readonly readList: UserList;
  readonly writeList: UserList;
  /** Users who act as root. */
  readonly adminUsers: UserList;
  readonly forceUser: string;
  readonly forceGroup: string;
}

const SHARE_MAX_CONNECTIONS = 128;

/** Undefined if the section is not a valid share; the report says why. */
export function readShare(
  section: Section,
  globals: KnownEntries,
  rootDirectory: string,
  server: VariableValues,
  report: Report,
): Share | undefined {
  const leaveOut = (why: string): undefined => {
    report.leaveOut(section.position, `share [${section.name}] is left out: ${why}`);
  };
  const values = new SectionValues(pickKnown(section, false, report), globals, report);
  const isHomes = isHomesSection(section);
  const isTemplate = isHomes || isVolumesSection(section);
  if (isPrinter(section)) {
    report.warn(section.position, `share [${section.name}] is left out: printers are not served`);
    return undefined;
  }
  const ofServer = new SectionValues(globals, null, report);
  // Read first, so that errors in the access rules of an invalid or unavailable share are reported.
  const rules = {
    ...readAccess(values, server, isHomes),
    ...readFileRules(values, ofServer),
    ...readLinkRules(values, ofServer),
    dfs: readDfsRules(values, ofServer),
  };
  if (!values.boolean("available") || !values.boolean("-valid")) return undefined;
  if (rules.guestOnly && !rules.guestOk)
    values.warn("guest only", "'guest only' has no effect without 'guest ok = yes'");
  const fault = shareNameFault(section.name);
  if (fault !== undefined) return leaveOut(fault);
  const isProxy = rules.dfs.proxied !== "";
  const path = isProxy ? "" : fillKnown(values.text("path"), server);
  const disk = isProxy ? "" : readDisk(values);
  if (disk !== "" && path.split("/").includes("..")) return leaveOut(`its path '${path}' leaves the disk`);
  if (path === "" && !isTemplate && !isProxy && disk === "")
    return leaveOut("it has no path, write 'path = /DIRECTORY'");
  if (disk === "" && path !== "" && !isAbsolute(path) && !path.startsWith("%H"))
    return leaveOut(`its path '${path}' is not absolute`);
  const [unknown] = unknownVariables(isHomes ? path.replaceAll("%S", "") : path);
  if (unknown !== undefined)
    return leaveOut(`its path '${path}' has the variable ${unknown}, which has no value here`);
  return Object.freeze({
    name: section.name,
    disk,
    path: rootDirectory === "" || path === "" || disk !== "" ? path : normalize(`${rootDirectory}/${path}`),
    homeOf: "",
    mountId: 0,
    isPersonal: isHomes || textsOf(rules).some(hasVariables) || hasVariables(path),
    ...rules,
  });
}

/** ksmbd knows no homes: there [homes] with a fixed path is a share like any other. */
export function isHomesSection({ name, dialect, entries, copied }: Section): boolean {
  if (foldKey(name) !== "homes") return false;
  const path = [...entries, ...copied].find(
    ({ key, value }) => value !== "" && findParameter(key)?.name === "path",
  );
  return dialect === "samba" || path === undefined || hasVariables(path.value);
}

/** Throws ConfigError for what names no disk. */
function readDisk(values: SectionValues): string {
  const disk = values.text("disk");
  if (disk === "" || /^(?:UUID|LABEL)=\S/.test(disk)) return disk;
  throw new ConfigError(values.position("disk"), `'${disk}' is no disk, write UUID=... or LABEL=...`);
}

/** [volumes] without path and disk: what the shares of disks that are plugged in have in common. */
export function isVolumesSection({ name, entries, copied }: Section): boolean {
  if (foldKey(name) !== "volumes") return false;
  return ![...entries, ...copied].some(
    ({ key, value }) => value !== "" && /^(?:path|disk)$/.test(findParameter(key)?.name ?? ""),
  );
}

/** What may hold variables besides the path. */
function textsOf(rules: ReturnType<typeof readAccess>): string[] {
  const { validUsers, invalidUsers, readList, writeList, adminUsers, comment, forceUser, forceGroup } = rules;
  const lists = [validUsers, invalidUsers, readList, writeList, adminUsers];
  return [comment, forceUser, forceGroup, ...lists.flatMap((list) => list?.written ?? [])];
}

/** Throws ConfigError if guests would be root; a share that is root's for all says so with `force user`. */
function readGuestAccount(values: SectionValues): string {
  const name = values.text("guest account");
  if (name.toLowerCase() !== "root") return name;
  throw new ConfigError(
    values.position("guest account"),
    "'guest account' is root, who may do everything; write another account, such as 'guest account = nobody'",
  );
}

function readAccess(values: SectionValues, server: VariableValues, isHomes: boolean) {
  const words = (name: NameOf<"list">) => values.list(name).map((word) => filled(name, word));
  const list = (name: NameOf<"list">) => new UserList(words(name));
  const filled = (name: NameOf<"list" | "text">, text: string): string => {
    const known = fillKnown(text, server);
    const [unknown] = unknownVariables(isHomes ? known.replaceAll("%S", "") : known);
    if (unknown === undefined) return known;
    throw new ConfigError(values.position(name), `'${unknown}' in '${name}' has no value here`);
  };
  const encryption = values.choice("smb3 encryption");
  return {
    comment: fillKnown(values.text("comment"), server),
    browseable: values.boolean("browseable"),
    guestOk: values.boolean("guest ok"),
    guestOnly: values.boolean("guest only"),
    listedToPermitted: values.boolean("access based share enum"),
    guestAccount: values.entry("guest account") ? readGuestAccount(values) : "",
    hosts: parseHostRule(
      { words: values.list("hosts allow"), position: values.position("hosts allow") },
      { words: values.list("hosts deny"), position: values.position("hosts deny") },
    ),
    validUsers: values.hasList("valid users") ? list("valid users") : null,
    invalidUsers: UserList.ofDenied(words("invalid users")),
    readList: UserList.ofDenied(words("read list")),
    writeList: list("write list"),
    adminUsers: list("admin users"),
    readOnly: values.boolean("read only"),
    encryption: encryption === "auto" ? "off" : encryption,
    signing: values.choice("server signing"),
    forceUser: filled("force user", values.text("force user")),
    forceGroup: filled("force group", values.text("force group").replace(/^[+@]/, "")),
    maxConnections: values.entry("max connections")
      ? (values.number("max connections") ?? SHARE_MAX_CONNECTIONS)
      : SHARE_MAX_CONNECTIONS,
  } as const;
}

/**
 * `share:fake_fscaps`, by which clients take a disk for one that can do more; not the bits by which they
 * would take the volume for read-only or compressed.
 */
function readFakeAbilities(values: SectionValues): number {
  const bits = values.number("share:fake_fscaps") ?? 0;
  return (bits & ~(FsAttribute.READ_ONLY_VOLUME | FsAttribute.VOLUME_IS_COMPRESSED)) >>> 0;
}

function readFileRules(values: SectionValues, globals: SectionValues) {
  const isTimeMachine = readTimeMachine(values, globals);
  return {
    createMask: values.number("create mask") ?? 0,
    directoryMask: values.number("directory mask") ?? 0,
    forceCreateMode: values.number("force create mode") ?? 0,
    forceDirectoryMode: values.number("force directory mode") ?? 0,
    inheritOwner: values.choice("inherit owner") !== "no",
    security: readSecurityRules(values),
    hideDotFiles: values.boolean("hide dot files"),
    eaSupport: values.boolean("ea support"),
    storeDosAttributes: values.boolean("store dos attributes"),
    modeMapping: Object.freeze({
      archive: values.choice("map archive"),
      hidden: values.boolean("map hidden"),
      system: values.boolean("map system"),
      readonly: values.boolean("map readonly"),
    }),
    streams: values.boolean("streams"),
    streamForm: values.choice("stream form"),
    apple: readAppleRules(values),
    space: Object.freeze({
      maxDiskBytes: (values.number("max disk size") ?? 0) * 1_048_576,
      cacheSeconds: values.number("dfree cache time") ?? 0,
      fakeAbilities: readFakeAbilities(values),
      ...readBackupLimits(values),
    }),
    posixExtensions: values.boolean("smb3 unix extensions"),
    crossMounts: values.boolean("crossmnt"),
    caseSensitive: values.choice("case sensitive") === "yes",
    vetoFiles: Object.freeze(values.patterns("veto files")),
    names: readNameRules(values),
    hiding: readHidingRules(values),
    recycle: readRecycleRules(values),
    snapshots: readSnapshotRules(values),
    // vfs_fruit(8): a target for backups takes no locks of the system's own.
    posixLocking: values.boolean("posix locking") && !isTimeMachine,
    oplocks: values.boolean("oplocks"),
    isTimeMachine,
  } as const;
}

function isPrinter(section: Section): boolean {
  if (section.name.toLowerCase() === "printers") return true;
  return section.entries.some(
    ({ key, value }) => /^(printable|print ok)$/.test(key) && /^(y|t|1|on)/i.test(value),
  );
}
