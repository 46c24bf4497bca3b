// `minismbd status`: who is connected, to which shares, with which files; as tables or as JSON.
import { askAll } from "../manager/control/client.ts";
import { formatMetrics } from "../manager/control/metrics.ts";
import { controlFileOf, defaultLockFile } from "../manager/paths.ts";
import type { ServerStatus } from "../manager/control/operations/tables.ts";
import { CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { formatSection, SECTIONS, type SectionName, sizeText, timeText } from "./status-tables.ts";
import { watch } from "./status-watch.ts";

export const OPTIONS: readonly Option[] = [
  { long: "processes", short: "p", help: "the sessions alone" },
  { long: "shares", short: "S", help: "the shares in use alone" },
  { long: "locks", short: "L", help: "the open files alone" },
  { long: "byterange", short: "B", help: "byte-range locks, too" },
  { long: "notify", short: "N", help: "directories that clients watch for changes, too" },
  { long: "leases", help: "leases and oplocks, too" },
  { long: "volumes", help: "the disks that are shared or plugged in, too" },
  { long: "json", short: "j", help: "one object of JSON with all tables" },
  { long: "metrics", help: "the server's numbers in Prometheus' text format" },
  { long: "watch", short: "w", value: "?SECONDS", help: "print the clients' throughput again and again" },
  { long: "control", value: "FILE", help: "the server's control socket" },
  { long: "help", short: "h", help: "print this help" },
];

export async function run(words: readonly string[]): Promise<number> {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: minismbd status [OPTION]...\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length > 0) throw new CliError(`'${args.operands[0]}' is not an option of status`);
  const path = args.value("control") ?? controlFileOf(defaultLockFile());
  if (args.has("watch")) return watch(path, secondsOf(args.value("watch") ?? ""));
  if (args.has("json")) return printJson(path);
  if (args.has("metrics")) {
    process.stdout.write(formatMetrics(await statusOf(path)));
    return 0;
  }
  const alone = ALONE.filter(([option]) => args.has(option)).map(([, section]) => section);
  const also = ALSO.filter(([option]) => args.has(option)).map(([, section]) => section);
  const sections = alone.length > 0 || also.length > 0 ? [...alone, ...also] : DEFAULT;
  let text = alone.length > 0 ? "" : headOf(await statusOf(path));
  for (const name of sections) text += `\n${formatSection(name, await askAll(path, name))}`;
  process.stdout.write(text.replace(/^\n/, ""));
  return 0;
}

const DEFAULT: readonly SectionName[] = ["sessions", "trees", "opens"];
const ALONE: readonly [string, SectionName][] = [
  ["processes", "sessions"],
  ["shares", "trees"],
  ["locks", "opens"],
];
const ALSO: readonly [string, SectionName][] = [
  ["byterange", "locks"],
  ["leases", "leases"],
  ["notify", "notifies"],
  ["volumes", "disks"],
];

function secondsOf(text: string): number {
  if (text === "") return 2;
  const seconds = Number(text);
  if (!(seconds >= 0.1 && seconds <= 3600))
    throw new CliError(`--watch: '${text}' is not a number of seconds`);
  return seconds;
}

export async function statusOf(path: string): Promise<ServerStatus> {
  const [status] = await askAll<ServerStatus>(path, "status");
  if (status === undefined) throw new CliError("the server says nothing about itself");
  return status;
}

function headOf(status: ServerStatus): string {
  const { bufferBudgetBytes, idleBytes, lentBytes, memoryStep, traffic } = status;
  const shortage = memoryStep === 0 ? "" : `, memory is short (step ${memoryStep} of 4)`;
  const web =
    status.webPort === undefined
      ? ""
      : `web page on port ${status.webPort}, SHA-256 of its certificate ${status.webFingerprint}\n`;
  return (
    `minismbd ${status.version}, process ${status.pid}, port ${status.port}, up ${timeText(status.uptimeMs)}\n` +
    `${status.connections} connections, ${status.sessions} sessions, ${status.opens} open files; ` +
    `${traffic.requests} requests, ${sizeText(traffic.receivedBytes)} received, ${sizeText(traffic.sentBytes)} sent\n` +
    `memory ${sizeText(status.residentBytes)}, ` +
    `buffers ${sizeText(lentBytes + idleBytes)} of ${sizeText(bufferBudgetBytes)}${shortage}\n${web}`
  );
}

async function printJson(path: string): Promise<number> {
  const whole: Record<string, unknown> = { status: await statusOf(path) };
  for (const name of ["connections", ...SECTIONS]) whole[name] = await askAll(path, name);
  process.stdout.write(`${JSON.stringify(whole, undefined, 2)}\n`);
  return 0;
}
