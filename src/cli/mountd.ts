// ksmbd.mountd: the server with ksmbd-tools' flags; runs in the background unless -n is given.
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { defaultConfigFile, defaultLockFile, PASSWORD_FILE } from "../manager/paths.ts";
import { type Arguments, CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { printToolVersion } from "./version.ts";

export const OPTIONS: readonly Option[] = [
  { long: "port", short: "p", value: "PORT", help: "the TCP port; overrides 'tcp port'" },
  { long: "nodetach", short: "n", value: "?WAY", help: "stay in the foreground, unless WAY is 0" },
  { long: "config", short: "C", value: "CONF", help: "the configuration" },
  { long: "pwddb", short: "P", value: "PWDDB", help: "the users' file" },
  { long: "lock", value: "FILE", help: "the lock file" },
  { long: "verbose", short: "v", help: "log level debug" },
  { long: "version", short: "V", help: "print the version" },
  { long: "help", short: "h", help: "print this help" },
];

/** Spellings of ksmbd-tools before 2022-09: `-c CONF -u DB`. */
const OLD_SPELLINGS: Readonly<Record<string, string>> = { "-c": "-C", "-u": "-P" };

export async function runTool(words: readonly string[]): Promise<number> {
  const args = parseArguments(
    words.map((word) => OLD_SPELLINGS[word] ?? word),
    OPTIONS,
  );
  if (args.has("help")) {
    process.stdout.write(
      `Usage: ksmbd.mountd [-v] [-p PORT] [-n[WAY]] [-C CONF] [-P PWDDB]\n\n${describeOptions(OPTIONS)}`,
    );
    return 0;
  }
  if (args.has("version")) return printToolVersion("ksmbd.mountd");
  if (args.operands.length > 0)
    throw new CliError(`'${args.operands[0]}' is not an option of ksmbd.mountd, see ksmbd.mountd --help`);
  const staysInForeground = args.has("nodetach") && args.value("nodetach") !== "0";
  const serveWords = toServeWords(args);
  if (!staysInForeground) return detach([...serveWords, "--syslog"]);
  const { run } = await import("./start-server.ts");
  return run(serveWords);
}

function toServeWords(args: Arguments): string[] {
  const port = args.value("port");
  return [
    ...["-C", args.value("config") ?? defaultConfigFile()],
    ...["-P", args.value("pwddb") ?? PASSWORD_FILE],
    ...["--lock", args.value("lock") ?? defaultLockFile()],
    ...(port === undefined ? [] : ["-p", port]),
    ...(args.has("verbose") ? ["-v"] : []),
  ];
}

/** Starts the server as a detached process. Resolves to 0 once it serves, to 1 if it fails. */
async function detach(serveWords: readonly string[]): Promise<number> {
  const script = process.argv[1] ?? "";
  const isCompiled = script.startsWith("/$bunfs/");
  const words = [...(isCompiled ? [] : [script]), "serve", ...serveWords];
  const argv0 = isCompiled ? "ksmbd.mountd" : process.execPath;
  const child = spawn(process.execPath, words, {
    argv0,
    detached: true,
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { stdout, stderr } = child as unknown as { stdout: Readable; stderr: Readable };
  stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
  return new Promise((resolve) => {
    child.on("exit", () => resolve(1));
    child.on("error", () => resolve(1));
    stdout.on("data", (chunk: Buffer) => {
      if (!chunk.toString().includes("ready on port")) return;
      child.unref();
      resolve(0);
    });
  });
}
