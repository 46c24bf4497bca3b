// `minismbd addshare`, and ksmbd.addshare with ksmbd-tools' flags: adds, updates or deletes a share in the
// configuration, whose comments and order stay.
import { existsSync } from "node:fs";
import { updateConfigFile } from "../manager/config/config-file.ts";
import { hasSection, type Option as ShareOption, removeSection, setOptions } from "../manager/config/edit.ts";
import { foldShareName } from "../manager/config/load.ts";
import { foldKey } from "../manager/config/parse.ts";
import { findParameter } from "../manager/config/schema.ts";
import { newShareNameFault, valueFault } from "../manager/config/share-name.ts";
import { CONFIG_FILE, defaultConfigFile, isUcisPlace, PASSWORD_FILE } from "../manager/paths.ts";
import { showName } from "../manager/users/user-name.ts";
import { type Arguments, CliError, type Option } from "./arguments.ts";
import { notifyRunningServer } from "./notify.ts";
import { promptLine } from "./prompt.ts";
import { type ChangeFlag, parseChange } from "./tool-change.ts";
import { refuseForUci } from "./uci-words.ts";

export const OPTIONS: readonly Option[] = [
  { long: "add", short: "a", help: "add the share; it must not exist" },
  { long: "update", short: "u", help: "change the share; it must exist" },
  { long: "delete", short: "d", help: "delete the share" },
  {
    long: "option",
    short: "o",
    value: "OPT",
    help: "'KEY = VALUE', a parameter of the share; may be repeated; without any they are asked for",
  },
  { long: "config", short: "C", value: "CONF", help: `the configuration, by default ${CONFIG_FILE}` },
  { long: "pwddb", short: "P", value: "PWDDB", help: `accepted and ignored; by default ${PASSWORD_FILE}` },
  { long: "verbose", short: "v", help: "accepted and ignored" },
  { long: "version", short: "V", help: "print the version" },
  { long: "help", short: "h", help: "print this help" },
];

const USAGE = "[-a | -u | -d] [-o OPT]... [-C CONF] SHARE";
/** What is asked for where no option is given. */
const ASKED = ["path", "comment", "read only", "guest ok", "valid users", "browseable"];

export async function run(words: readonly string[]): Promise<number> {
  return change(words, "minismbd addshare");
}

export async function runTool(words: readonly string[]): Promise<number> {
  return change(words, "ksmbd.addshare");
}

async function change(words: readonly string[], tool: string): Promise<number> {
  const parsed = parseChange(words, OPTIONS, tool, USAGE);
  if (parsed === undefined) return 0;
  const { args, flag } = parsed;
  const name = shareOperand(args, `${tool} ${USAGE}`);
  const file = args.value("config") ?? defaultConfigFile();
  const isChosen = args.has("config") && !existsSync(file);
  if (!isChosen && isUcisPlace(file)) refuseForUci(flag, name, readOptions(args.values("option")));
  if (flag === "delete") deleteShare(file, name);
  else await setShare(args, flag, file, name);
  return 0;
}

function shareOperand(args: Arguments, usage: string): string {
  const [name, ...more] = args.operands;
  if (name === undefined || more.length > 0) throw new CliError(`one share name is needed: ${usage}`);
  const fault = newShareNameFault(name);
  if (fault !== undefined) throw new CliError(fault);
  return name;
}

function deleteShare(file: string, name: string): void {
  if (foldKey(name) === "global") throw new CliError("[global] is not a share, it cannot be deleted");
  updateConfigFile(file, (text, dialect) => {
    if (!hasSection(text, name, dialect))
      throw new CliError(`there is no share '${showName(name)}' in ${file}`);
    return removeSection(text, name, dialect);
  });
  report(name, "deleted");
}

async function setShare(args: Arguments, flag: ChangeFlag, file: string, name: string): Promise<void> {
  const options = args.has("option") ? readOptions(args.values("option")) : await askOptions();
  let isNew = false;
  const { shares, warnings } = updateConfigFile(file, (text, dialect) => {
    isNew = !hasSection(text, name, dialect);
    if (isNew && flag === "update")
      throw new CliError(`there is no share '${showName(name)}' in ${file}, use -a to add one`);
    if (!isNew && flag === "add")
      throw new CliError(`share '${showName(name)}' is in ${file} already, use -u to change it`);
    for (const { key, value } of options) {
      const fault = valueFault(value, dialect);
      if (fault !== undefined) throw new CliError(`'${key}' in ${file}: ${fault}`);
    }
    return setOptions(text, name, options, dialect);
  });
  const isServed = foldKey(name) === "global" || shares.has(foldShareName(name));
  if (!isServed) {
    const why = warnings.find((line) => line.includes(`[${name}]`)) ?? `share [${name}] is not served`;
    process.stderr.write(`warning: ${why}\n`);
  }
  report(name, isNew ? "added" : "updated");
}

/** As ksmbd.addshare, what is not a parameter of shares is left out with a line. */
function readOptions(words: readonly string[]): ShareOption[] {
  return words.flatMap((word) => {
    const at = word.indexOf("=");
    const key = foldKey(word.slice(0, Math.max(at, 0)));
    const value = word.slice(at + 1).trim();
    const parameter = findParameter(key);
    if (at < 1 || parameter === undefined || parameter.scope === "global") {
      process.stderr.write(`option '${showName(word)}' ignored: it is not a parameter of shares\n`);
      return [];
    }
    return [{ key, value }];
  });
}

async function askOptions(): Promise<ShareOption[]> {
  const options: ShareOption[] = [];
  for (const key of ASKED) {
    const value = (await promptLine(`${key} = `)).trim();
    if (value !== "") options.push(...readOptions([`${key} = ${value}`]));
  }
  return options;
}

function report(name: string, done: string): void {
  const share = foldKey(name) === "global" ? "Defaults of [global]" : `Share '${showName(name)}'`;
  notifyRunningServer(`${share} ${done}`);
}
