// Checks the files that an `include` with variables reads for clients, before one of them connects.
import { doAtOnce, type Steps } from "../../loop/steps.ts";
import { filesOfClients } from "./client-paths.ts";
import { ConfigFiles } from "./include.ts";
import { type Configuration, type ConfigSource, configurationSteps, sectionSteps } from "./load.ts";
import { ConfigError, type Entry, foldKey, type Sections } from "./parse.ts";
import { Report } from "./report.ts";
import { findParameter } from "./schema.ts";
import { type KnownEntries, pickKnown } from "./section-values.ts";
import type { Machine } from "./settings.ts";

/** What is asked of a client's own configuration though it is not the share's. */
const OF_CLIENTS: ReadonlySet<string> = new Set(["hosts allow", "hosts deny", "guest account"]);

/** What a client chooses itself, so that a rule in such a file holds for those who wish it. */
const CHOSEN_BY_CLIENTS = /%[ma]/;

/** The configuration as it is for one client; its `warnings` are those of the client's own files. */
export interface ClientConfiguration {
  readonly configuration: Configuration;
  readonly sections: Sections;
  readonly clientFiles: readonly string[];
}

/**
 * Reads the configuration with a client's files. Throws ConfigError where they cannot be used, or set what
 * protects and is the same for all clients: without it the client must not connect.
 */
export function loadForClient(...how: Parameters<typeof clientSteps>): ClientConfiguration {
  return doAtOnce(clientSteps(...how));
}

function* clientSteps(source: ConfigSource, machine: Machine, shared: Sections): Steps<ClientConfiguration> {
  const report = new Report();
  const files = new ConfigFiles();
  const sections = yield* sectionSteps(source, machine, report, files);
  const isOwn = (position: string): boolean => isIn(position, files.clientFiles);
  checkGlobals(sections, shared, isOwn, report);
  const configuration = yield* configurationSteps(sections, machine, report, files);
  const warnings = configuration.warnings.filter(isOwn);
  return { configuration: { ...configuration, warnings }, sections, clientFiles: files.clientFiles };
}

/** Warns of what is strange in the files of clients that exist now. */
export function* checkClientFiles(
  source: ConfigSource,
  sections: Sections,
  { clientPaths, settings }: Configuration,
  machine: Machine,
  report: Report,
): Steps<void> {
  for (const [path, position] of clientPaths) {
    const found = filesOfClients(path, settings.serverName);
    if (found.length > 0 && CHOSEN_BY_CLIENTS.test(path))
      report.warn(
        position,
        `'${path}': a client calls itself what it likes, so these files protect nothing; write %I or %U`,
      );
    for (const { file, values } of found)
      try {
        const { configuration } = yield* clientSteps({ ...source, client: values }, machine, sections);
        for (const line of configuration.warnings) report.warn("", line);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        report.warn(error.position, `${error.text}; clients for whom ${file} is read may not connect`);
      }
  }
}

function checkGlobals(
  sections: Sections,
  shared: Sections,
  isOwn: (position: string) => boolean,
  report: Report,
): void {
  const globals = valuesOf(sections);
  const usual = valuesOf(shared);
  for (const [spelling, entry] of globals) {
    const parameter = findParameter(entry.key);
    if (!parameter || !isOwn(entry.position) || OF_CLIENTS.has(parameter.name)) continue;
    if (parameter.scope === "share" || isSame(entry, usual.get(spelling))) continue;
    const text = `'${entry.key}' is the same for all clients and has no effect in a file for some of them`;
    if (parameter.security) throw new ConfigError(entry.position, `${text}, write it in the main file`);
    report.warn(entry.position, text);
  }
}

function valuesOf(sections: Sections): KnownEntries {
  return pickKnown(sections.get("global"), true, new Report());
}

function isSame(entry: Entry, other: Entry | undefined): boolean {
  return other !== undefined && foldKey(entry.value) === foldKey(other.value);
}

/** Positions are `FILE:LINE`. */
function isIn(position: string, files: readonly string[]): boolean {
  return files.some((file) => position.startsWith(`${file}:`));
}
