// Shares the disks that are plugged in, where the configuration has [volumes]; the code for it is loaded
// when it is first on.
import { currentMounts } from "../linux/mountinfo.ts";
import { timers } from "../loop/timers.ts";
import { askWorker } from "./ask-worker.ts";
import type { Configuration } from "./config/load.ts";
import type { Volume, Volumes } from "./volumes/volumes.ts";

export interface VolumeSharing {
  /** Without the shares of disks. */
  loadedConfiguration(): Configuration;
  /** A share of the configuration has the name, or the home of a user. */
  isShareName(folded: string): boolean;
  setVolumes(volumes: readonly Volume[]): void;
  readonly passwordFile: string | null;
}

export interface VolumesLog {
  info(text: string): void;
  warn(text: string): void;
}

export class VolumesSwitch {
  private readonly host: VolumeSharing;
  private readonly log: VolumesLog;
  private volumes: Volumes | undefined;
  private close: () => void = () => undefined;

  constructor(host: VolumeSharing, log: VolumesLog) {
    this.host = host;
    this.log = log;
  }

  /** At the start and after each reload. */
  follow(): void {
    if (!this.isOn()) return void this.volumes?.follow([]);
    if (this.volumes === undefined) return void this.load();
    this.volumes.rename();
    this.look();
  }

  /** The mount table has changed. */
  look(): void {
    if (this.isOn()) void this.volumes?.follow(currentMounts());
  }

  end(): void {
    this.close();
  }

  private isOn(): boolean {
    return this.host.loadedConfiguration().volumes !== null;
  }

  private async load(): Promise<void> {
    const { Volumes } = await import("./volumes/volumes.ts");
    const { FactsQueue } = await import("./volumes/facts-queue.ts");
    const { KnownVolumes, readKnownFile, volumesFileOf } = await import("./volumes/known-volumes.ts");
    if (this.volumes !== undefined) return;
    const { host, log } = this;
    const file = host.passwordFile === null ? null : volumesFileOf(host.passwordFile);
    const known = new KnownVolumes(file, {
      now: () => performance.now(),
      setTimer: (delayMs, run) => timers.set(delayMs, run),
      clearTimer: (timer) => timers.clear(timer),
      read: readKnownFile,
      write: writeNames,
      warn: (text) => log.warn(text),
    });
    const facts = new FactsQueue();
    this.close = () => known.close();
    this.volumes = new Volumes(
      {
        directories: () => host.loadedConfiguration().volumeDirectories,
        isTaken: (folded) => host.isShareName(folded),
        ask: (question) => facts.ask(question),
        changed: (volumes) => host.setVolumes(volumes),
        now: () => performance.now(),
        info: (text) => log.info(text),
        warn: (text) => log.warn(text),
      },
      known,
    );
    this.look();
  }
}

async function writeNames(file: string, text: string): Promise<string | undefined> {
  const answer = await askWorker<{ fault: string | undefined }>(startNamesWorker, { file, text });
  return typeof answer === "string" ? `${file} cannot be written (${answer})` : answer.fault;
}

/** The compiled executable has the worker's file under its path below src. */
function startNamesWorker(): Worker {
  return import.meta.url.includes("$bunfs")
    ? new Worker("./manager/volumes/names-worker.ts")
    : new Worker(new URL("./volumes/names-worker.ts", import.meta.url));
}
