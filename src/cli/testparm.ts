// `minismbd testparm`: reads the configuration as the server does, prints the effective values, and says what
// is strange in it, or what a user may do in a share.
import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { checkMachine } from "../manager/check/check-machine.ts";
import {
  type AccessAnswer,
  type AccessQuestion,
  type CheckedServer,
  explainAccess,
} from "../manager/check/explain-access.ts";
import { effectiveSection, type EffectiveValue } from "../manager/config/effective.ts";
import { type ConfigSource, hostRulesOf } from "../manager/config/load.ts";
import { type Dialect, dialectOf, foldKey, type Sections } from "../manager/config/parse.ts";
import { formatNote, type Note, Report } from "../manager/config/report.ts";
import { HostNames } from "../manager/host-names.ts";
import { readConfiguration } from "../manager/client-configurations.ts";
import { servedConfigFile, PASSWORD_FILE } from "../manager/paths.ts";
import { SystemAccountFiles } from "../manager/users/system-accounts.ts";
import { UserDirectory } from "../manager/users/user-directory.ts";
import { DIALECT_OPTION, readDialect } from "./dialect.ts";
import { type Arguments, CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";

export const OPTIONS: readonly Option[] = [
  { long: "suppress-prompt", short: "s", help: "accepted and ignored: there is no prompt" },
  { long: "verbose", short: "v", help: "print parameters with their default as well" },
  { long: "section-name", value: "NAME", help: "print this section alone" },
  { long: "parameter-name", value: "NAME", help: "print the value of this parameter alone" },
  { long: "config", short: "C", value: "CONF", help: "the configuration; the same as the operand" },
  { long: "pwddb", short: "P", value: "PWDDB", help: `the users' file, by default ${PASSWORD_FILE}` },
  DIALECT_OPTION,
  {
    long: "user",
    short: "u",
    value: "NAME",
    help:
      "with --share: say what this user gets there and which line decides it; " +
      "an empty name is the anonymous user",
  },
  { long: "share", value: "NAME", help: "the share that --user asks about" },
  { long: "host", value: "ADDRESS", help: "the client's address for --user" },
  { long: "json", help: 'print all of it as JSON; an error, too: {"error":TEXT}' },
  { long: "help", short: "h", help: "print this help" },
];

/**
 * testparm's status where the server starts, but leaves a share out, or the user of --user may not connect.
 */
const INCOMPLETE = 2;

/**
 * Prints to standard output, what is strange to standard error. Throws ConfigError if the server would not
 * start.
 */
export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: minismbd testparm [OPTION]... [CONF]\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length > 1) throw new CliError("testparm takes one configuration");
  const file = args.operands[0] ?? args.value("config") ?? servedConfigFile();
  const dialect = readDialect(args) ?? dialectOf(file);
  if (!args.has("json")) return check(args, file, dialect);
  try {
    return await check(args, file, dialect);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ version: 1, error: (error as Error).message })}\n`);
    return 1;
  }
}

async function check(args: Arguments, file: string, dialect: Dialect): Promise<number> {
  const question = readQuestion(args);
  const { server, notes } = await checkFile({ file, dialect }, args.value("pwddb"));
  const { sections } = server;
  const answer = question && explainAccess(server, question);
  if (args.has("json")) printJson(file, dialect, sections, notes, question, answer);
  else {
    for (const note of notes) process.stderr.write(`${wordOf(note)}: ${formatNote(note)}\n`);
    if (question && answer) printAnswer(question, answer);
    else printSections(file, args, sections);
  }
  if (answer) return answer.connects ? 0 : INCOMPLETE;
  return notes.some(({ kind }) => kind === "error") ? INCOMPLETE : 0;
}

function readQuestion(args: Arguments): AccessQuestion | undefined {
  const [user, share, host] = [args.value("user"), args.value("share"), args.value("host")];
  if (user === undefined && share === undefined && host === undefined) return undefined;
  if (user === undefined || share === undefined)
    throw new CliError("write both --user NAME and --share NAME");
  if (host !== undefined && isIP(host) === 0)
    throw new CliError(`'${host}' is not an address, write one after --host`);
  return { user, share, host };
}

async function checkFile(
  source: ConfigSource,
  passwordFile: string | undefined,
): Promise<{ server: CheckedServer; notes: Note[] }> {
  const report = new Report();
  const { loaded: configuration, sections, clients } = readConfiguration(source, report);
  const file = passwordFile ?? (existsSync(PASSWORD_FILE) ? PASSWORD_FILE : null);
  const users = new UserDirectory(file, configuration.users);
  const hostNames = new HostNames({ warn: (text) => report.warn("", text) });
  await hostNames.prepare(...hostRulesOf(configuration));
  const accounts = new SystemAccountFiles().read();
  const server = { configuration, sections, clients, users, accounts, hostNames };
  return { server, notes: [...report.notes(), ...checkMachine(server)] };
}

function wordOf({ kind }: Note): string {
  return kind === "info" ? "note" : kind;
}

function printSections(file: string, args: Arguments, sections: Sections): void {
  const parameter = args.value("parameter-name");
  const wanted = args.value("section-name") ?? (parameter === undefined ? undefined : "global");
  let found = 0;
  for (const [folded, section] of sections) {
    if (wanted !== undefined && foldKey(wanted) !== folded) continue;
    found++;
    if (folded.startsWith("user:")) {
      process.stdout.write(`[${section.name}]\n\n`);
      continue;
    }
    const values = effectiveSection(sections, folded);
    if (values === undefined) process.stdout.write(`# [${section.name}] is left out\n\n`);
    else if (parameter === undefined) printSection(section.name, values, args.has("verbose"));
    else printValue(values, parameter);
  }
  if (found === 0) throw new CliError(`there is no section [${wanted}] in ${file}`);
}

function printSection(name: string, values: readonly EffectiveValue[], all: boolean): void {
  const lines = values
    .filter(({ isSet }) => all || isSet)
    .map((value) => `\t${value.name} = ${value.value}\n`);
  process.stdout.write(`[${name}]\n${lines.join("")}\n`);
}

function printValue(values: readonly EffectiveValue[], parameter: string): void {
  const value = values.find(({ spellings }) => spellings.includes(foldKey(parameter)));
  if (!value) throw new CliError(`there is no parameter '${parameter}' in that section`);
  process.stdout.write(`${value.value}\n`);
}

function printAnswer({ user, share, host }: AccessQuestion, answer: AccessAnswer): void {
  const { connects, reads, writes, uid, gid, groups = [], path } = answer;
  const word = (is: boolean): string => (is ? "yes" : "no");
  const who = user === "" ? "the anonymous user" : `'${user}'`;
  const lines = [`${who} in [${share}]${host === undefined ? "" : ` from ${host}`}`];
  lines.push(`\tconnects: ${word(connects)}`);
  if (connects) {
    lines.push(`\treads: ${word(reads)}`, `\twrites: ${word(writes)}`);
    lines.push(
      `\tacts as: uid ${uid}, gid ${gid}${groups.length === 0 ? "" : `, groups ${groups.join(" ")}`}`,
    );
    lines.push(`\tin: ${path}`);
  }
  for (const { position, text } of answer.reasons)
    lines.push(`\tbecause: ${position === "" ? text : `${position}: ${text}`}`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

function printJson(
  file: string,
  dialect: string,
  sections: Sections,
  notes: readonly Note[],
  question: AccessQuestion | undefined,
  access: AccessAnswer | undefined,
): void {
  const placed = ({ position, ...rest }: { readonly position: string; readonly text: string }) => {
    const [, path, line] = /^(.*):(\d+)$/.exec(position) ?? [];
    return { ...rest, ...(path !== undefined && { file: path, line: Number(line) }) };
  };
  const shown = [...sections].filter(([folded]) => !folded.startsWith("user:"));
  const document = {
    version: 1,
    file,
    dialect,
    notes: notes.map(placed),
    sections: Object.fromEntries(shown.map(([folded, { name }]) => [name, setValues(sections, folded)])),
    ...(question && access && { question, access: { ...access, reasons: access.reasons.map(placed) } }),
  };
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** The parameters that the section sets; null for a share that is left out. */
function setValues(sections: Sections, folded: string): Record<string, string> | null {
  const values = effectiveSection(sections, folded);
  if (values === undefined) return null;
  return Object.fromEntries(values.filter(({ isSet }) => isSet).map(({ name, value }) => [name, value]));
}
