// The questions to the worker of the configuration, one after the other, and the time that is given to disks.
import { timers } from "../../loop/timers.ts";
import type { Note } from "../config/report.ts";
import { askWorker } from "../worker-question.ts";
import { WorkerQueue } from "../worker-queue.ts";
import type { ConfigurationChange } from "./changes.ts";
import type { PathCheck } from "./check-path.ts";
import type { LiveShare, ServerFiles } from "./read-configuration.ts";
import { type Outcome, valueOf } from "../refusal.ts";
import type { ConfigurationView, ShareDetail } from "./view-types.ts";
import type { ParameterView } from "./views.ts";

export type ConfigurationQuestion = { readonly files: ServerFiles } & (
  | { readonly kind: "shares"; readonly live: readonly LiveShare[] }
  | { readonly kind: "share"; readonly live: readonly LiveShare[]; readonly name: string }
  | { readonly kind: "settings" }
  | { readonly kind: "change"; readonly change: ConfigurationChange; readonly etag: string | undefined }
  /** `share`: of that one alone. */
  | { readonly kind: "check machine"; readonly share: string | undefined }
  | { readonly kind: "check path"; readonly path: string }
);

interface Values {
  readonly shares: ConfigurationView;
  readonly share: { readonly etag: string; readonly share: ShareDetail };
  readonly settings: { readonly etag: string; readonly parameters: readonly ParameterView[] };
  readonly change: { readonly etag: string };
}

const WORKER = "manager/administration/configuration-worker.ts";
/** How long an answer waits for disks that hang. */
const DISK_MS = 2000;

const queue = new WorkerQueue<ConfigurationQuestion, Outcome<unknown>>(WORKER);

/** Throws Refusal. */
export async function ask<Kind extends keyof Values>(
  question: ConfigurationQuestion & { readonly kind: Kind },
): Promise<Values[Kind]> {
  const value = valueOf(await queue.ask(question));
  if (question.kind === "change") changes++;
  return value as Values[Kind];
}

/** A check that began before a change says nothing of what is there now. */
let changes = 0;

interface Look {
  readonly sinceMs: number;
  readonly answer: Promise<unknown>;
}

/** Workers that wait for disks, by what they look at; those that hang keep theirs. */
const looking = new Map<string, Look>();
const MAX_LOOKING = 4;

/**
 * What testparm says of directories, disks and names, of all shares or of one; undefined where a disk does
 * not answer in time.
 */
export async function checkMachineInTime(
  files: ServerFiles,
  share?: string,
): Promise<readonly Note[] | undefined> {
  const key = `machine ${changes} ${share ?? ""}`;
  return (await lookInTime(key, { kind: "check machine", files, share })) as readonly Note[] | undefined;
}

/** Undefined where the disk does not answer in time. */
export async function checkPathInTime(files: ServerFiles, path: string): Promise<PathCheck | undefined> {
  return (await lookInTime(`path ${path}`, { kind: "check path", files, path })) as PathCheck | undefined;
}

/** A disk that has kept one caller waiting keeps no other one. */
async function lookInTime(key: string, question: ConfigurationQuestion): Promise<unknown> {
  const known = looking.get(key);
  if (known === undefined && looking.size >= MAX_LOOKING) return undefined;
  const { answer, sinceMs } = known ?? look(key, question);
  const leftMs = sinceMs + DISK_MS - performance.now();
  return leftMs <= 0 ? undefined : Promise.race([answer, timers.sleep(leftMs)]);
}

function look(key: string, question: ConfigurationQuestion): Look {
  const answer = askWorker<Outcome<unknown>>(WORKER, question)
    .then((found) => (typeof found === "object" && "value" in found ? found.value : undefined))
    .finally(() => looking.delete(key));
  const started = { sinceMs: performance.now(), answer };
  looking.set(key, started);
  return started;
}
