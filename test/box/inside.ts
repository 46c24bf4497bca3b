// The part of `npm run box` that runs in the namespaces: every load on a box of its own, the table, the JSON.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXECUTABLE } from "../e2e/client/server.ts";
import { copies } from "./copies.ts";
import { connections, negotiates, unfinished } from "./floods.ts";
import { findImage } from "./image.ts";
import { type Load, reason } from "./load.ts";
import { backup, finder } from "./macs.ts";
import { listing, mixed, streams } from "./requests.ts";
import { makeRoot, type ServerName } from "./root.ts";
import { printTrial, printHead } from "./table.ts";
import { NetworkStopped, runTrial, type Trial, type TrialOptions } from "./trial.ts";

/** How many clients a box of that many MiB is to serve at once. */
const CLIENTS: Readonly<Record<string, number>> = { "64M": 3, "128M": 50, "256M": 100 };

const MAX_ATTEMPTS = 3;

const SERVERS: Readonly<Record<string, readonly ServerName[]>> = {
  minismbd: ["minismbd"],
  smbd: ["smbd"],
  both: ["minismbd", "smbd"],
};

const LOADS: readonly Load[] = [
  { name: "one copy", run: copies(() => 1, 20, 20) },
  { name: "large copies", run: copies(({ clients }) => Math.min(10, clients), 200, 40) },
  { name: "many copies", run: copies(({ clients }) => Math.min(50, clients), 20, 4) },
  { name: "mixed", run: mixed },
  { name: "listing", run: listing },
  { name: "streams", run: streams },
  { name: "backup of a Mac", run: backup },
  { name: "windows of a Mac", run: finder },
  { name: "flood of connections", run: connections },
  { name: "flood of unfinished messages", run: unfinished },
  { name: "flood of NEGOTIATEs", run: negotiates },
];

const { values: options, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    memory: { type: "string", default: "128M" },
    server: { type: "string", default: "minismbd" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

/** Repeats a trial in which the guest's network has stopped. */
async function runToEnd(load: Load, settings: TrialOptions): Promise<Trial> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runTrial(load, settings);
    } catch (error) {
      if (!(error instanceof NetworkStopped) || attempt === MAX_ATTEMPTS) throw error;
      console.log(`${load.name}, ${settings.server}: the guest's network has stopped, once more`);
    }
  }
}

async function main(directory: string): Promise<number> {
  const clients = CLIENTS[options.memory];
  if (clients === undefined) throw new Error(`--memory takes ${Object.keys(CLIENTS).join(", ")}`);
  const memoryMib = Number.parseInt(options.memory, 10);
  const servers = SERVERS[options.server];
  if (servers === undefined) throw new Error(`--server takes ${Object.keys(SERVERS).join(", ")}`);
  findImage();
  const trials: Trial[] = [];
  let isComplete = true;
  printHead(options.memory);
  for (const server of servers) makeRoot(join(directory, server), server === "smbd" ? undefined : EXECUTABLE);
  for (const load of LOADS.filter(({ name }) => name.includes(options.only))) {
    for (const server of servers) {
      const root = join(directory, server);
      const settings = {
        server,
        memoryMib,
        clients,
        isQuick: options.quick,
        root,
        directory,
        hasProbe: true,
      };
      try {
        const trial = await runToEnd(load, settings);
        trials.push(trial);
        printTrial(trial);
      } catch (error) {
        console.log(`${load.name}, ${server}: NOT DONE: ${reason(error)}`);
        isComplete = false;
      }
    }
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(trials, null, 1)}\n`);
  const isFine = trials.every(({ server, faults }) => server !== "minismbd" || faults.length === 0);
  return isFine && isComplete ? 0 : 1;
}

process.exit(await main(positionals[0] ?? ""));
