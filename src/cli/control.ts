// ksmbd.control: signals the running server to stop or to read its files again.
import { notifyServer } from "../manager/lock-file.ts";
import { defaultLockFile } from "../manager/paths.ts";
import { CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { printToolVersion } from "./version.ts";

export const OPTIONS: readonly Option[] = [
  { long: "shutdown", short: "s", help: "stop the server" },
  { long: "reload", short: "r", help: "read users and configuration again" },
  { long: "list", short: "l", help: "list the shares" },
  { long: "debug", short: "d", value: "COMPONENT", help: "toggle debug output of a component" },
  { long: "ksmbd-version", short: "c", help: "print the version" },
  { long: "verbose", short: "v", help: "print more messages" },
  { long: "version", short: "V", help: "print the version" },
  { long: "help", short: "h", help: "print this help" },
];

export function runTool(words: readonly string[]): number {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ksmbd.control -s | -r\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.has("version") || args.has("ksmbd-version")) return printToolVersion("ksmbd.control");
  const signal = args.has("shutdown") ? "SIGTERM" : args.has("reload") ? "SIGHUP" : undefined;
  if (args.has("list")) throw new CliError("-l is not supported, 'minismbd testparm' prints the shares");
  if (args.has("debug")) throw new CliError("-d is not supported, write 'log level = debug' and reload");
  if (signal === undefined) throw new CliError("nothing to do, see ksmbd.control --help");
  const file = defaultLockFile();
  if (!notifyServer(file, signal)) throw new CliError(`${file} names no running server, nothing was done`);
  return 0;
}
