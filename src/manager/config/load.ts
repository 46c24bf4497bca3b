// Loads the configuration file and the command line's overrides into one frozen snapshot.
import { readFileSync, statSync } from "node:fs";
import type { EngineSettings } from "../../port/port.ts";
import { ntHash, passwordFault } from "../users/nt-hash.ts";
import { findSpelling, type PasswordTable, putUser } from "../users/password-file.ts";
import { showName, userNameFault } from "../users/user-name.ts";
import { type HostRule, parseHostRule } from "./hosts.ts";
import { type KerberosRules, readKerberosRules } from "./kerberos-rules.ts";
import { ConfigError, type Entry, foldKey, parseConfig, prependEntry, type Section } from "./parse.ts";
import type { Sections } from "./parse.ts";
import { Report } from "./report.ts";
import { pickKnown, SectionValues } from "./section-values.ts";
import { type Machine, readMachine, readSettings } from "./settings.ts";
import { readShare, type Share } from "./share.ts";

export interface Configuration {
  readonly settings: EngineSettings;
  /** `server string`. */
  readonly serverString: string;
  /** By folded name, in the order of the file; without IPC$, which always exists. */
  readonly shares: ReadonlyMap<string, Share>;
  /** Users of `[user:NAME]` sections: name -> NT hash in hex. */
  readonly users: ReadonlyMap<string, string>;
  readonly guestAccount: string;
  /** `hosts allow` and `hosts deny` of [global], which apply to every share. */
  readonly hosts: HostRule | null;
  readonly kerberos: KerberosRules;
  readonly warnings: readonly string[];
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
  readonly overrides?: readonly Override[];
  readonly machine?: Machine;
}

/** Throws ConfigError. */
export function loadConfiguration(source: ConfigSource): Configuration {
  const report = new Report();
  const sections = source.file === null ? new Map() : readSections(source.file, report);
  for (const { section, key, value, position } of [...(source.overrides ?? [])].reverse())
    prependEntry(sections, section, { key: foldKey(key), value, position, comment: "none", whole: value });
  return buildConfiguration(sections, source.machine ?? readMachine(), report);
}

/** Throws ConfigError. */
export function buildConfiguration(sections: Sections, machine: Machine, report: Report): Configuration {
  const globalEntries = pickKnown(sections.get("global"), true, report);
  const globals = new SectionValues(globalEntries, null, report);
  const shares = new Map<string, Share>();
  const users: PasswordTable = new Map();
  for (const [folded, section] of sections) {
    if (folded === "global" || folded === "ipc$") continue;
    if (folded.startsWith("user:")) readUser(section, users);
    else {
      const share = readShare(section, globalEntries, globals.text("root directory"), report);
      if (share) shares.set(foldShareName(share.name), share);
    }
  }
  return Object.freeze({
    settings: readSettings(globals, machine, report),
    serverString: globals.text("server string"),
    shares,
    users,
    guestAccount: globals.text("guest account"),
    hosts: parseHostRule(
      { words: globals.list("hosts allow"), position: globals.position("hosts allow") },
      { words: globals.list("hosts deny"), position: globals.position("hosts deny") },
    ),
    kerberos: readKerberosRules(globals),
    warnings: report.warnings(),
  });
}

/** The form in which share names are compared. */
export function foldShareName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Throws ConfigError for a file that cannot be read or parsed. */
export function parseConfigFile(file: string): Sections {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const what = code === "ENOENT" ? "there is no such configuration file" : `it cannot be read (${code})`;
    throw new ConfigError(file, `${what}, name another with -C`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(file, "the configuration is not UTF-8, save it as UTF-8");
  }
  return parseConfig(text, file);
}

function readSections(file: string, report: Report): Sections {
  const sections = parseConfigFile(file);
  const hasUsers = [...sections.keys()].some((name) => name.startsWith("user:"));
  if (hasUsers && ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o007) !== 0)
    report.warn(file, "it contains passwords and everybody can read it, run chmod 640 on it");
  return sections;
}

/** Reads `[user:NAME]` with `password` or `nt hash`. Messages never contain the values. */
function readUser(section: Section, users: PasswordTable): void {
  const name = section.name.slice(section.name.indexOf(":") + 1).trim();
  const fault = userNameFault(name);
  if (fault !== undefined) throw new ConfigError(section.position, fault);
  let hash: string | undefined;
  let isOverride = false;
  for (const entry of section.entries) {
    if (entry.key === "comment") continue;
    const found = readSecret(entry);
    // Sections whose names differ by case only are one.
    if (hash !== undefined && found !== undefined && found !== hash && !isOverride)
      throw new ConfigError(
        entry.position,
        `user '${showName(name)}' has two passwords: names have no case here, take one out`,
      );
    if (hash === undefined) isOverride = entry.position.startsWith("--");
    hash ??= found;
  }
  if (hash === undefined)
    throw new ConfigError(
      section.position,
      `user '${name}' has no password, write 'password =' or 'nt hash ='`,
    );
  const same = findSpelling(users, name);
  if (same !== undefined && users.get(same) !== hash)
    throw new ConfigError(
      section.position,
      `'${showName(name)}' and '${showName(same)}' are one user with two passwords: names have no case here, take one out`,
    );
  putUser(users, name, hash);
}

function readSecret({ key, value, position, comment }: Entry): string | undefined {
  if (key !== "password" && key !== "nt hash")
    throw new ConfigError(
      position,
      `'${key}' does not belong to a user, write 'password', 'nt hash' or 'comment'`,
    );
  if (comment !== "none" && key === "password")
    throw new ConfigError(
      position,
      "';' and '#' begin a comment, for a password with one write its 'nt hash'",
    );
  if (key === "nt hash") {
    const hash = /^[\da-f]{32}$/i.test(value) ? value.toLowerCase() : undefined;
    const decoded = /^[A-Za-z0-9+/]{22}==$/.test(value)
      ? Buffer.from(value, "base64").toString("hex")
      : undefined;
    if (hash === undefined && decoded === undefined)
      throw new ConfigError(position, "'nt hash' is 32 hexadecimal digits, or the base64 of ksmbdpwd.db");
    return hash ?? decoded;
  }
  const fault = passwordFault(value);
  if (fault !== undefined) throw new ConfigError(position, fault);
  return value === "" ? undefined : ntHash(value);
}
