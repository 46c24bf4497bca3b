// `minismbd control` and ksmbd.control: signals the running server, or asks it over its control socket.
import { existsSync } from "node:fs";
import { ask, askAll } from "../manager/control/client.ts";
import type { ComponentState } from "../manager/control/operations/server.ts";
import type { EjectItem } from "../manager/control/eject.ts";
import { notifyServer } from "../manager/lock-file.ts";
import { controlFileOf, defaultLockFile } from "../manager/paths.ts";
import { printable } from "../wire/printable.ts";
import { type Arguments, CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { answerInJson, parseJsonObject, readJsonInput } from "./json-answer.ts";
import { formatTable } from "./status-tables.ts";
import { printToolVersion } from "./version.ts";

const TOOL = "ksmbd.control";
/** The value of --arguments that has them read from there. */
const STANDARD_INPUT = "-";

export const OPTIONS: readonly Option[] = [
  { long: "shutdown", short: "s", help: "stop the server" },
  { long: "stop", help: "the same" },
  { long: "reload", short: "r", help: "read users and configuration again" },
  { long: "list", short: "l", help: "list the shares" },
  { long: "kick", short: "k", value: "WHO", help: "disconnect a client: its address, user or session ID" },
  { long: "close", value: "FILE", help: "close an open file: its ID, or SHARE/PATH" },
  {
    long: "eject",
    value: "DISK",
    help: "flush, close and unmount a disk, and say whether it can be taken out: a share on it, or its mount point",
  },
  {
    long: "debug",
    short: "d",
    value: "COMPONENT",
    help:
      "switch the debug lines of all, smb, auth, vfs, oplock, ipc, conn or rdma, until the server stops; " +
      "prints the components, in brackets where they are on",
  },
  { long: "log-level", value: "LEVEL", help: "error, warn, info or debug, until the next reload" },
  {
    long: "json",
    value: "COMMAND",
    help: "send a command of the control socket and print its answer as JSON: status, sessions, opens, reload, ...",
  },
  {
    long: "arguments",
    value: "JSON",
    help: "with --json: the command's arguments, an object; - for standard input",
  },
  { long: "control", value: "FILE", help: "the server's control socket" },
  { long: "ksmbd-version", short: "c", help: "print the version" },
  { long: "verbose", short: "v", help: "print more messages" },
  { long: "version", short: "V", help: "print the version" },
  { long: "help", short: "h", help: "print this help" },
];

export function run(words: readonly string[]): Promise<number> {
  return control("minismbd control", words);
}

export function runTool(words: readonly string[]): Promise<number> {
  return control(TOOL, words);
}

async function control(name: string, words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: ${name} OPTION\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.has("version") || args.has("ksmbd-version")) return printToolVersion(TOOL);
  const socket = args.value("control") ?? controlFileOf(defaultLockFile());
  if (args.has("shutdown") || args.has("stop")) return act(name, args, socket, "stop", "SIGTERM");
  if (args.has("reload")) return act(name, args, socket, "reload", "SIGHUP");
  if (args.has("list")) return listShares(socket);
  if (args.has("kick")) return kick(socket, args.value("kick") ?? "");
  if (args.has("close")) return close(socket, args.value("close") ?? "");
  const disk = args.value("eject");
  if (disk !== undefined) return eject(socket, disk);
  const command = args.value("json");
  if (command !== undefined) return printAnswer(socket, command, args.value("arguments") ?? "");
  const component = args.value("debug");
  if (component !== undefined) return toggleDebug(socket, component);
  const level = args.value("log-level");
  if (level !== undefined) return setLogLevel(socket, level);
  throw new CliError(`nothing to do, see ${name} --help`);
}

/**
 * Over the socket, whose answer says whether the server could; by signal as ksmbd.control does, or without a
 * socket.
 */
async function act(
  name: string,
  args: Arguments,
  socket: string,
  command: string,
  signal: "SIGTERM" | "SIGHUP",
): Promise<number> {
  if (args.has("control") || (name !== TOOL && existsSync(socket))) {
    await ask(socket, command);
    return 0;
  }
  const file = defaultLockFile();
  if (!notifyServer(file, signal)) throw new CliError(`${file} names no running server, nothing was done`);
  return 0;
}

/** For scripts: `{"items":[…]}` and exit status 0, or `{"error":TEXT}` and 1. */
function printAnswer(socket: string, command: string, text: string): Promise<number> {
  return answerInJson(async () => {
    const items: unknown[] = [];
    const sent = text === STANDARD_INPUT ? readJsonInput() : parseJsonObject(text, "--arguments");
    await ask(socket, command, (item) => items.push(item), sent);
    return command === "eject" ? finishEject(items as EjectItem[]) : items;
  });
}

async function eject(socket: string, disk: string): Promise<number> {
  const [item] = await askAll<EjectItem>(
    socket,
    "eject",
    disk.startsWith("/") ? { path: disk } : { share: disk },
  );
  if (item === undefined) throw new CliError("the server has not answered");
  for (const { mountPoint, source, closed, isSafe, text } of await finishEject([item])) {
    process.stdout.write(printable(`${mountPoint} (${source}): closed ${closed}; ${text}`) + "\n");
    if (!isSafe) return 1;
  }
  return 0;
}

/** A server without the rights leaves it to this process to unmount. */
async function finishEject(items: readonly EjectItem[]): Promise<EjectItem[]> {
  const { ejectHere } = await import("../manager/control/eject.ts");
  return items.map(ejectHere);
}

async function setLogLevel(socket: string, level: string): Promise<number> {
  await ask(socket, "loglevel", undefined, { level });
  return 0;
}

/** ksmbd.control's line; as there, a component that does not exist changes nothing and is no failure. */
async function toggleDebug(socket: string, component: string): Promise<number> {
  const states = await askAll<ComponentState>(socket, "debug", component === "" ? {} : { component });
  const isKnown =
    component === "all" || component === "" || states.some((state) => state.component === component);
  if (!isKnown) process.stderr.write(`minismbd: there is no component '${printable(component)}'\n`);
  const words = states.map(({ component: name, isOn }) => (isOn ? `[${name}]` : name));
  process.stdout.write(`${words.join(" ")}\n`);
  return 0;
}

interface ShareItem {
  readonly name: string;
  readonly comment: string;
}

async function listShares(socket: string): Promise<number> {
  const shares = await askAll<ShareItem>(socket, "shares");
  process.stdout.write(
    formatTable(
      ["Name", "Comment"],
      shares.map(({ name, comment }) => [name, comment]),
    ),
  );
  return 0;
}

async function kick(socket: string, who: string): Promise<number> {
  const isAddress = /^[\d.]+$|:/.test(who) && /[.:]/.test(who);
  const target = isAddress ? { address: who } : /^\d+$/.test(who) ? { session: Number(who) } : { user: who };
  await ask(socket, "kick", printItem, target);
  return 0;
}

async function close(socket: string, file: string): Promise<number> {
  const at = file.indexOf("/");
  const target = /^\d+$/.test(file)
    ? { open: Number(file) }
    : { share: file.slice(0, Math.max(0, at)), path: file.slice(at + 1) };
  if (!("open" in target) && at < 1) throw new CliError(`--close: '${file}' is neither an ID nor SHARE/PATH`);
  await ask(socket, "close", printItem, target);
  return 0;
}

function printItem(item: unknown): void {
  const fields = Object.entries(item as Record<string, unknown>).map(
    ([key, value]) => `${key} ${String(value)}`,
  );
  process.stdout.write(`ended: ${printable(fields.join(", "))}\n`);
}
