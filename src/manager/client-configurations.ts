// The configuration as each client has it, where `include` names files that differ by client. Such a file is
// read when a client connects for whom it exists; everything else is as it was at the last reload.
import { statSync } from "node:fs";
import { doAtOnce, type Steps } from "../loop/steps.ts";
import type { Identity } from "../port/port.ts";
import { checkClientFiles, type ClientConfiguration, loadForClient } from "./config/client-files.ts";
import { type ClientFacts, clientVariables, pathFor } from "./config/client-paths.ts";
import { ConfigFiles, readConfigText, readIncluded } from "./config/include.ts";
import { type Configuration, type ConfigSource, configurationSteps, sectionSteps } from "./config/load.ts";
import { ConfigError, type Sections } from "./config/parse.ts";
import { Report } from "./config/report.ts";
import { type Machine, readMachine } from "./config/settings.ts";
import type { VariableValues } from "./config/variables.ts";
import { isNamed } from "./share-finder.ts";
import { findSystemUser, groupNameOf, type SystemAccounts } from "./users/system-accounts.ts";

/** Configurations that are kept, each a few KiB; a client without files of its own needs none. */
const MAX_KEPT = 64;
/** Paths that a client's file may add to those of the main file. */
const MAX_PATHS = 500;

/** What was read, of which clients may have a version of their own. */
export interface ReadConfiguration {
  /** As it is for a client without files of his own. */
  readonly loaded: Configuration;
  readonly sections: Sections;
  readonly clients: ClientConfigurations;
}

/**
 * Reads the configuration, and checks the files of clients that exist. Throws ConfigError. `texts` gets the
 * text of each file; those that it has already are not read.
 */
export function readConfiguration(...how: Parameters<typeof readingSteps>): ReadConfiguration {
  return doAtOnce(readingSteps(...how));
}

export function* readingSteps(
  source: ConfigSource,
  report = new Report(),
  texts = new Map<string, string | undefined>(),
): Steps<ReadConfiguration> {
  const machine = source.machine ?? readMachine();
  const { file } = source;
  if (file !== null && !texts.has(file)) texts.set(file, readConfigText(file));
  const remembering = { ...source, machine, readShared: rememberingTexts(texts) };
  const files = new ConfigFiles();
  const sections = yield* sectionSteps(remembering, machine, report, files);
  const loaded = yield* configurationSteps(sections, machine, report, files);
  yield* checkClientFiles(remembering, sections, loaded, machine, report);
  const paths = new Set(loaded.clientPaths.keys());
  const { serverName } = loaded.settings;
  const clients = new ClientConfigurations({ source: remembering, machine, sections, serverName, paths });
  return { loaded: Object.freeze({ ...loaded, warnings: report.warnings() }), sections, clients };
}

interface Shared {
  readonly source: ConfigSource;
  readonly machine: Machine;
  readonly sections: Sections;
  readonly serverName: string;
  /** Empty: all clients have the same configuration. */
  readonly paths: Set<string>;
}

export class ClientConfigurations {
  private readonly shared: Shared | undefined;
  private readonly kept = new Map<string, ClientConfiguration | ConfigError>();

  constructor(shared: Shared) {
    this.shared = shared.paths.size === 0 ? undefined : shared;
  }

  /**
   * The client's configuration; undefined: it is that of all. Throws ConfigError where a file of the client
   * cannot be used; he must not connect. A file that does not exist has no effect, as with smbd.
   */
  forClient(facts: () => ClientFacts): ClientConfiguration | undefined {
    const { shared } = this;
    if (shared === undefined) return undefined;
    const found = this.find(shared, clientVariables(facts(), shared.serverName));
    if (found instanceof ConfigError) throw found;
    return found;
  }

  private find(shared: Shared, values: VariableValues): ClientConfiguration | ConfigError | undefined {
    let found: ClientConfiguration | ConfigError | undefined;
    // A client's file may include others by paths that were not known; they belong to the key.
    for (let known = -1; known < shared.paths.size;) {
      known = shared.paths.size;
      const key = keyOf(shared.paths, values);
      if (key === "") return undefined;
      found = this.kept.get(key) ?? this.read(shared, values);
      // A file that cannot be read now may be readable for the next connection, and looks the same then.
      const isPassing = found instanceof ConfigError && found.code !== undefined;
      if (known === shared.paths.size && !isPassing) this.keep(key, found);
    }
    return found;
  }

  private read(shared: Shared, client: VariableValues): ClientConfiguration | ConfigError {
    try {
      const found = loadForClient({ ...shared.source, client }, shared.machine, shared.sections);
      for (const path of found.configuration.clientPaths.keys())
        if (shared.paths.size < MAX_PATHS) shared.paths.add(path);
        else return new ConfigError(path, `more than ${MAX_PATHS} files are included by client`);
      return found;
    } catch (error) {
      if (error instanceof ConfigError) return error;
      throw error;
    }
  }

  private keep(key: string, found: ClientConfiguration | ConfigError): void {
    this.kept.delete(key);
    this.kept.set(key, found);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_KEPT && oldest !== undefined) this.kept.delete(oldest);
  }
}

/** What the variables of a path in `include` stand for. */
export function clientFacts(identity: Identity, accounts: SystemAccounts): ClientFacts {
  const { user, isAnonymous, claimed, remoteAddress, localAddress = "" } = identity;
  const account = isNamed(identity) ? findSystemUser(accounts, user) : undefined;
  return {
    user: isAnonymous ? "" : isNamed(identity) ? user : (claimed?.user ?? ""),
    workstation: claimed?.workstation ?? "",
    remoteAddress,
    localAddress,
    group: account && groupNameOf(accounts, account.gid),
  };
}

function rememberingTexts(texts: Map<string, string | undefined>) {
  return (path: string, position: string): string | undefined => {
    if (!texts.has(path)) texts.set(path, readIncluded(path, position));
    return texts.get(path);
  };
}

/** The client's files and their states; empty: there are none. */
function keyOf(paths: ReadonlySet<string>, values: VariableValues): string {
  let key = "";
  for (const path of paths) {
    const file = pathFor(path, values);
    const state = file === undefined ? "" : stateOf(file);
    if (state !== "") key += `${file}\0${state}\0`;
  }
  return key;
}

function stateOf(file: string): string {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    return found === undefined ? "" : `${found.dev}:${found.ino}:${found.size}:${found.ctimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "?";
  }
}
