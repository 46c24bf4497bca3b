// ksmbd.addshare: not supported; the error says where to define a share.
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
