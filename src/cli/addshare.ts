// ksmbd.addshare: not there yet; it says where a share is written instead.
import { defaultConfigFile } from "../manager/paths.ts";
import { CliError } from "./arguments.ts";
import { printToolVersion } from "./version.ts";

export function runTool(words: readonly string[]): number {
  if (words.includes("-V") || words.includes("--version")) return printToolVersion("ksmbd.addshare");
  const file = defaultConfigFile();
  throw new CliError(
    `ksmbd.addshare is not supported, write the share into ${file} and run ksmbd.control --reload`,
  );
}
