// Decides when disks are mounted by 'automount disks': when one comes, and once. One that somebody has
// unmounted or that could not be mounted is left alone until it is plugged in again.
import { ChangeLog } from "./change-log.ts";
import type { AutomountAnswer, AutomountQuestion } from "./automount.ts";

export interface AutomounterHost {
  /** Undefined: the worker could not answer. `later`: no descriptors are left for it. */
  ask(question: AutomountQuestion): Promise<AutomountAnswer | "later" | undefined>;
  /** Device names, such as sda1, of all mounts. */
  mountedDevices(): ReadonlySet<string>;
  /** Undefined: the accounts cannot be read now. */
  owner(): { readonly uid: number; readonly gid: number } | undefined;
  /** Calls `look` after a while. */
  lookLater(): void;
  now(): number;
  info(text: string): void;
  warn(text: string): void;
}

export class Automounter {
  private readonly host: AutomounterHost;
  private readonly log: ChangeLog;
  /** Devices that were mounted here. */
  private readonly ours = new Set<string>();
  private readonly leftAlone = new Set<string>();
  private isAsking = false;
  private isDueAgain = false;

  constructor(host: AutomounterHost) {
    this.host = host;
    this.log = new ChangeLog(host.warn, host.warn, host.now);
  }

  /** A disk may have come or gone. */
  async look(): Promise<void> {
    this.isDueAgain = this.isAsking;
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      do {
        this.isDueAgain = false;
        await this.ask();
      } while (this.isDueAgain);
    } finally {
      this.isAsking = false;
    }
  }

  private async ask(): Promise<void> {
    const mounted = this.host.mountedDevices();
    for (const device of this.ours)
      if (!mounted.has(device)) {
        this.ours.delete(device);
        this.leftAlone.add(device);
      }
    const owner = this.host.owner();
    const question = owner && { skip: [...this.leftAlone], ...owner };
    const answer = question === undefined ? "later" : await this.host.ask(question);
    // The disk that has come tells of itself once.
    if (answer === "later") this.host.lookLater();
    if (answer === undefined || answer === "later") return;
    const present = new Set(answer.present);
    for (const device of this.ours) if (!present.has(device)) this.ours.delete(device);
    for (const device of this.leftAlone) if (!present.has(device)) this.leftAlone.delete(device);
    for (const device of answer.mounted) this.ours.add(device);
    for (const { device, reason } of answer.failed) {
      this.leftAlone.add(device);
      this.log.changed(device, device, `the disk /dev/${device} cannot be mounted: ${reason}`);
    }
  }
}
