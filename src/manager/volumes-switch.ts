// Shares the disks that are plugged in, where the configuration has [volumes]; the code for it is loaded
// when it is first on.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { currentMounts, type Mount, mountOf } from "../linux/mountinfo.ts";
import { type Timer, timers } from "../loop/timers.ts";
import { AutomountSwitch } from "./automount-switch.ts";
import { askWorker } from "./worker-question.ts";
import { DeviceWatch } from "./device-watch.ts";
import type { Configuration } from "./config/load.ts";
import { isOnDisk } from "./live-configuration.ts";
import type { Volume, Volumes } from "./volumes/volumes.ts";

/** A mount table that could not be read is read again. */
const RETRY_MS = 2_000;

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
  private readonly devices: DeviceWatch;
  private readonly automount: AutomountSwitch;
  private readonly mounts: () => readonly Mount[];
  private retryTimer: Timer | undefined;
  private close: () => void = () => undefined;

  /** `devicesChanged`: a disk was plugged in or pulled out, whether or not it is mounted. */
  constructor(
    host: VolumeSharing,
    log: VolumesLog,
    devicesChanged: () => void,
    mounts: () => readonly Mount[] = currentMounts,
  ) {
    this.host = host;
    this.log = log;
    this.mounts = mounts;
    this.automount = new AutomountSwitch(() => host.loadedConfiguration(), log);
    this.devices = new DeviceWatch(() => {
      devicesChanged();
      this.automount.look();
    });
  }

  /** At the start and after each reload. */
  follow(): void {
    if (!this.isOn()) {
      this.devices.stop();
      return void this.volumes?.follow([]);
    }
    this.devices.start();
    this.automount.look();
    if (this.volumes === undefined) return void this.load();
    this.volumes.rename();
    this.look();
  }

  /** The mount table has changed. */
  look(): void {
    if (!this.isOn()) return;
    const mounts = this.mounts();
    if (mounts.length > 0) return void this.volumes?.follow(mounts);
    // No descriptors are left: no disk has gone.
    this.retryTimer ??= timers.set(RETRY_MS, () => {
      this.retryTimer = undefined;
      this.look();
    });
  }

  end(): void {
    timers.clear(this.retryTimer);
    this.retryTimer = undefined;
    this.devices.stop();
    this.automount.end();
    this.close();
  }

  private isOn(): boolean {
    const { diskShares, volumes } = this.host.loadedConfiguration();
    return volumes !== null || diskShares.length > 0;
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
        ownName: (facts) =>
          host.loadedConfiguration().diskShares.find(({ disk }) => isOnDisk(disk, facts))?.name,
        namesDisks: () => host.loadedConfiguration().diskShares.length > 0,
        sharesAll: () => host.loadedConfiguration().volumes !== null,
        isUnplugged,
        sharedMounts: (mounts) => sharedMounts(host.loadedConfiguration(), mounts),
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

function sharedMounts({ shares }: Configuration, mounts: readonly Mount[]): ReadonlySet<Mount> {
  const found = new Set<Mount>();
  for (const { path } of shares.values()) {
    const mount = mountOf(mounts, path);
    if (mount !== undefined) found.add(mount);
  }
  return found;
}

/** False where that cannot be told (a container without /sys). */
function isUnplugged({ source, deviceMajor, deviceMinor }: Mount): boolean {
  // btrfs has a number of its own in the mount table.
  const [directory, name] =
    deviceMajor === 0
      ? ["/sys/class/block", basename(source)]
      : ["/sys/dev/block", `${deviceMajor}:${deviceMinor}`];
  // The device mapper's names are links to the kernel's.
  if (deviceMajor === 0 && source.startsWith("/dev/mapper/")) return false;
  return existsSync(directory) && !existsSync(`${directory}/${name}`);
}

async function writeNames(file: string, text: string): Promise<string | undefined> {
  const answer = await askWorker<{ fault: string | undefined }>("manager/volumes/names-worker.ts", {
    file,
    text,
  });
  return typeof answer === "string" ? `${file} cannot be written (${answer})` : answer.fault;
}
