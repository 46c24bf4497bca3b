// Mounts disks that are plugged in, where 'automount disks' is on; the code for it is loaded when it is
// first on.
import { basename } from "node:path";
import { currentMounts } from "../linux/mountinfo.ts";
import { type Timer, timers } from "../loop/timers.ts";
import { askWorker } from "./worker-question.ts";
import type { Configuration } from "./config/load.ts";
import { ConfigError } from "./config/parse.ts";
import { findSystemUser, SystemAccountFiles, type SystemAccounts } from "./users/system-accounts.ts";
import type { Automounter } from "./volumes/automounter.ts";
import type { AutomountAnswer, AutomountQuestion } from "./volumes/automount.ts";

/** Disks that could not be mounted for want of descriptors are looked for again. */
const RETRY_MS = 10_000;
/** nobody's, where there is no account to own the files of FAT. */
const NOBODY = { uid: 65_534, gid: 65_534 };

export class AutomountSwitch {
  private readonly configuration: () => Configuration;
  private readonly log: { info(text: string): void; warn(text: string): void };
  private automounter: Automounter | undefined;
  private timer: Timer | undefined;

  constructor(
    configuration: () => Configuration,
    log: { info(text: string): void; warn(text: string): void },
  ) {
    this.configuration = configuration;
    this.log = log;
  }

  /** A disk may have come or gone. */
  look(): void {
    const { automountsDisks, volumes } = this.configuration();
    if (!automountsDisks || volumes === null) return;
    if (this.automounter === undefined) void this.load();
    else void this.automounter.look();
  }

  end(): void {
    timers.clear(this.timer);
  }

  private async load(): Promise<void> {
    const { Automounter } = await import("./volumes/automounter.ts");
    const { log } = this;
    this.automounter ??= new Automounter({
      ask: askToMount,
      mountedDevices: () => new Set(currentMounts().map(({ source }) => basename(source))),
      owner: () => this.owner(),
      lookLater: () => this.lookLater(),
      now: () => performance.now(),
      info: (text) => log.info(text),
      warn: (text) => log.warn(text),
    });
    void this.automounter.look();
  }

  private lookLater(): void {
    timers.clear(this.timer);
    this.timer = timers.set(RETRY_MS, () => this.look());
  }

  /** Clients act as the owner of a share's directory, unless that is root. */
  private owner(): { uid: number; gid: number } | undefined {
    let accounts: SystemAccounts;
    try {
      accounts = new SystemAccountFiles().read();
    } catch (error) {
      if (error instanceof ConfigError) return undefined;
      throw error;
    }
    const { forceUser } = this.configuration().volumes ?? { forceUser: "" };
    for (const name of [forceUser, "minismbd", "nobody"]) {
      const account = name === "" ? undefined : findSystemUser(accounts, name, false);
      if (account !== undefined) return { uid: account.uid, gid: account.gid };
    }
    return NOBODY;
  }
}

async function askToMount(question: AutomountQuestion): Promise<AutomountAnswer | "later" | undefined> {
  const answer = await askWorker<AutomountAnswer>("manager/volumes/automount-worker.ts", question);
  if (answer === "EMFILE") return "later";
  return answer === "EIO" ? undefined : answer;
}
