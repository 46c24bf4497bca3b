// The directories of shares at tree connect: whether each can be served, with a log line when that changes.
import { type NtStatus, Status } from "../wire/status.ts";
import type { Share } from "./config/share.ts";
import { EjectedDisks } from "./ejected-disks.ts";
import type { EventLog } from "./log/event-log.ts";
import type { Log } from "./log/log.ts";
import { describeFault, type DirectoryStat } from "./directory-walk.ts";
import { statDirectory } from "./share-directory.ts";

/** What says nothing about a file or a share's directory: the server has no descriptors or memory left. */
export const OWN_SHORTAGES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

export class ShareDirectories {
  private readonly log: Log;
  private readonly events: EventLog;
  private readonly absent = new Set<string>();
  readonly ejected = new EjectedDisks();

  constructor(log: Log, events: EventLog) {
    this.log = log;
    this.events = events;
  }

  /** The next line about a share comes even if it says what was said before. */
  reportAnew(): void {
    this.absent.clear();
  }

  /** What the share's path leads to; a status, with a log line, if the directory cannot be served. */
  async find(share: Share, timeoutMs: number): Promise<DirectoryStat | NtStatus> {
    if (this.ejected.has(share.path)) {
      this.events.warn("ejected", () => `share [${share.name}] refused: its disk is ejected`, share.name);
      return Status.BAD_NETWORK_NAME;
    }
    // A share that stands for others has no directory of its own.
    const path = share.dfs.proxied === "" ? share.path : "/";
    const found = await statDirectory(path, timeoutMs);
    if ("code" in found && OWN_SHORTAGES.has(found.code)) {
      const { code } = found;
      this.events.warn(
        "shortage",
        () => `share [${share.name}] refused: the server has no descriptors or memory left (${code})`,
      );
      return Status.INSUFFICIENT_RESOURCES;
    }
    const fault = describeFault(found);
    if (!("code" in found) && fault === undefined) {
      if (this.absent.delete(share.name)) this.log.info(`share [${share.name}]: ${share.path} exists again`);
      return found;
    }
    if (!this.absent.has(share.name)) {
      this.absent.add(share.name);
      this.log.warn(`share [${share.name}]: ${share.path} ${fault}, clients get STATUS_BAD_NETWORK_NAME`);
    }
    return Status.BAD_NETWORK_NAME;
  }
}
