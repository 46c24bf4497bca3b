// Mounts disks that are plugged in, where 'automount disks' is on; the code for it is loaded when it is
// first on.
import { basename } from "node:path";
import { currentMounts } from "../linux/mountinfo.ts";
import { askWorker } from "./worker-question.ts";
import type { Configuration } from "./config/load.ts";
import { findSystemUser, SystemAccountFiles } from "./users/system-accounts.ts";
import type { Automounter } from "./volumes/automounter.ts";
import type { AutomountAnswer, AutomountQuestion } from "./volumes/automount.ts";

/** nobody's, where there is no account to own the files of FAT. */
const NOBODY = { uid: 65_534, gid: 65_534 };

export class AutomountSwitch {
  private readonly configuration: () => Configuration;
  private readonly log: { info(text: string): void; warn(text: string): void };
  private automounter: Automounter | undefined;

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

  private async load(): Promise<void> {
    const { Automounter } = await import("./volumes/automounter.ts");
    const { log } = this;
    this.automounter ??= new Automounter({
      ask: askToMount,
      mountedDevices: () => new Set(currentMounts().map(({ source }) => basename(source))),
      owner: () => this.owner(),
      now: () => performance.now(),
      info: (text) => log.info(text),
      warn: (text) => log.warn(text),
    });
    void this.automounter.look();
  }

  /** Clients act as the owner of a share's directory, unless that is root. */
  private owner(): { uid: number; gid: number } {
    const accounts = new SystemAccountFiles().read();
    const { forceUser } = this.configuration().volumes ?? { forceUser: "" };
    for (const name of [forceUser, "minismbd", "nobody"]) {
      const account = name === "" ? undefined : findSystemUser(accounts, name, false);
      if (account !== undefined) return { uid: account.uid, gid: account.gid };
    }
    return NOBODY;
  }
}

async function askToMount(question: AutomountQuestion): Promise<AutomountAnswer | undefined> {
  const answer = await askWorker<AutomountAnswer>("manager/volumes/automount-worker.ts", question);
  return typeof answer === "string" ? undefined : answer;
}
