// `minismbd testparm`: reads the configuration as the server does, prints the effective values and warns.
import { existsSync } from "node:fs";
import { type Configuration, buildConfiguration, loadSections } from "../manager/config/load.ts";
import { dialectOf, emptySection, foldKey } from "../manager/config/parse.ts";
import { effectiveSection, type EffectiveValue } from "../manager/config/effective.ts";
import { Report } from "../manager/config/report.ts";
import { readMachine } from "../manager/config/settings.ts";
import { defaultConfigFile, PASSWORD_FILE } from "../manager/paths.ts";
import { readPasswordFile } from "../manager/users/password-file.ts";
import { DIALECT_OPTION, readDialect } from "./dialect.ts";
import { CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";

export const OPTIONS: readonly Option[] = [
  { long: "suppress-prompt", short: "s", help: "accepted and ignored: there is no prompt" },
  { long: "verbose", short: "v", help: "print parameters with their default as well" },
  { long: "section-name", value: "NAME", help: "print this section alone" },
  { long: "parameter-name", value: "NAME", help: "print the value of this parameter alone" },
  { long: "config", short: "C", value: "CONF", help: "the configuration; the same as the operand" },
  { long: "pwddb", short: "P", value: "PWDDB", help: "the users' file, is checked as well" },
  DIALECT_OPTION,
  { long: "help", short: "h", help: "print this help" },
];

/**
 * Prints sections to standard output, warnings to standard error. Throws ConfigError if the server would not
 * start.
 */
export function run(words: readonly string[]): number {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: minismbd testparm [-s] [-v] [CONF]\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length > 1) throw new CliError("testparm takes one configuration");
  const file = args.operands[0] ?? args.value("config") ?? defaultConfigFile();
  const dialect = readDialect(args);
  const report = new Report();
  const machine = readMachine();
  const sections = loadSections({ file, ...(dialect !== undefined && { dialect }) }, machine, report);
  const configuration = buildConfiguration(sections, machine, report);
  for (const warning of configuration.warnings) process.stderr.write(`warning: ${warning}\n`);
  for (const warning of checkMachine(configuration, args.value("pwddb")))
    process.stderr.write(`warning: ${warning}\n`);
  const parameter = args.value("parameter-name");
  const wanted = args.value("section-name") ?? (parameter === undefined ? undefined : "global");
  if (!sections.has("global"))
    sections.set("global", emptySection("global", file, dialect ?? dialectOf(file)));
  let found = 0;
  for (const [folded, section] of sections) {
    if (wanted !== undefined && foldKey(wanted) !== folded) continue;
    found++;
    if (folded.startsWith("user:")) {
      process.stdout.write(`[${section.name}]\n\n`);
      continue;
    }
    const values = effectiveSection(sections, folded);
    if (parameter === undefined) printSection(section.name, values, args.has("verbose"));
    else printValue(values, parameter);
  }
  if (found === 0) throw new CliError(`there is no section [${wanted}] in ${file}`);
  return 0;
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

/** Warnings that depend on the machine: missing folders, no shares, no users. */
function checkMachine(configuration: Configuration, passwordFile: string | undefined): string[] {
  const warnings: string[] = [];
  for (const { name, path } of configuration.shares.values())
    if (!existsSync(path)) warnings.push(`share [${name}]: ${path} does not exist`);
  if (configuration.shares.size === 0) warnings.push("there is no usable share, clients will find nothing");
  const file = passwordFile ?? (existsSync(PASSWORD_FILE) ? PASSWORD_FILE : undefined);
  const users = configuration.users.size + (file === undefined ? 0 : readPasswordFile(file).size);
  const guests = [...configuration.shares.values()].some(({ guestOk }) => guestOk);
  if (users === 0 && !guests) warnings.push("there is no user, add one with 'minismbd adduser NAME'");
  return warnings;
}
