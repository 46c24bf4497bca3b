// A box whose disks, clock and flash are the test's.
import { type Mount, parseMountinfo } from "../../../src/linux/mountinfo.ts";
import { type Timer, Timers } from "../../../src/loop/timers.ts";
import { KnownVolumes } from "../../../src/manager/volumes/known-volumes.ts";
import { NO_FACTS } from "../../../src/manager/volumes/facts-queue.ts";
import type { VolumeFacts } from "../../../src/manager/volumes/volume-facts.ts";
import { type Volume, Volumes } from "../../../src/manager/volumes/volumes.ts";

export interface Disk {
  readonly source: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly point?: string;
  readonly isRemovable?: boolean;
}

export class Box {
  nowMs = 0;
  /** The file on flash, and how often it was written. */
  flash: string | undefined;
  isFlashReadable = true;
  writes = 0;
  readonly log: string[] = [];
  readonly taken = new Set<string>();
  /** Shares of the configuration by the UUID of their disk. */
  readonly own = new Map<string, string>();
  sharesAll = true;
  /** Devices with a share of the configuration. */
  readonly shared = new Set<string>();
  /** Devices that are gone though they are mounted. */
  readonly unplugged = new Set<string>();
  changes = 0;
  asked = 0;
  volumes!: Volumes;
  private known!: KnownVolumes;
  private readonly disks = new Map<string, Disk>();
  private readonly mountIds = new Map<string, number>();
  private lastId = 100;
  private readonly timers = new Timers(
    () => this.nowMs,
    () => () => undefined,
  );
  answer: (facts: VolumeFacts) => Promise<VolumeFacts> = (facts) => Promise.resolve(facts);

  constructor() {
    this.start();
  }

  /** As after a restart of the server: only the flash remains. */
  start(): void {
    this.known = new KnownVolumes("/flash", {
      now: () => this.nowMs,
      setTimer: (delayMs, run) => this.timers.set(delayMs, run),
      clearTimer: (timer: Timer | undefined) => this.timers.clear(timer),
      read: () => {
        if (!this.isFlashReadable) throw Object.assign(new Error(), { code: "EMFILE" });
        return this.flash;
      },
      write: (_file, text) => {
        this.flash = text;
        this.writes++;
        return Promise.resolve(undefined);
      },
      warn: (text) => this.log.push(text),
    });
    this.volumes = new Volumes(
      {
        directories: () => ["/media"],
        isTaken: (folded) => this.taken.has(folded),
        ownName: ({ uuid }) => this.own.get(uuid),
        namesDisks: () => this.own.size > 0,
        sharesAll: () => this.sharesAll,
        sharedMounts: (mounts) => new Set(mounts.filter(({ source }) => this.shared.has(source))),
        isUnplugged: ({ source }) => this.unplugged.has(source),
        ask: ({ source }) => {
          this.asked++;
          const { label = "", uuid = "", isRemovable = true } = this.disks.get(source) ?? {};
          return this.answer({ ...NO_FACTS, fileSystem: "vfat", label, uuid, isRemovable });
        },
        changed: (_: readonly Volume[]) => this.changes++,
        now: () => this.nowMs,
        info: (text) => this.log.push(text),
        warn: (text) => this.log.push(text),
      },
      this.known,
    );
  }

  stop(): void {
    this.known.close();
  }

  async plug(disk: Disk): Promise<void> {
    this.disks.set(disk.source, disk);
    this.mountIds.set(disk.source, ++this.lastId);
    await this.look();
  }

  async pull({ source }: Pick<Disk, "source">): Promise<void> {
    this.mountIds.delete(source);
    await this.look();
  }

  look(): Promise<void> {
    return this.volumes.follow(this.mounts());
  }

  names(): string[] {
    return this.volumes.all.map(({ name }) => name);
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.timers.runDue();
  }

  get timerCount(): number {
    return this.timers.count;
  }

  private mounts(): Mount[] {
    const lines = [...this.mountIds].map(([source, id], at) => {
      const point = this.disks.get(source)?.point ?? `/media/${source.slice(5)}`;
      return `${id} 1 8:${at} / ${point} rw - vfat ${source} rw`;
    });
    return parseMountinfo(lines.join("\n"));
  }
}
