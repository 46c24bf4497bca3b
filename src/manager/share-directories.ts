// The directories of shares at tree connect: whether each can be served, with a log line when that changes.
import { type NtStatus, Status } from "../wire/status.ts";
import type { Share } from "./config/share.ts";
import { EjectedDisks } from "./ejected-disks.ts";
import type { EventLog } from "./log/event-log.ts";
import type { Log } from "./log/log.ts";
import { type DirectoryStat, statDirectory } from "./share-directory.ts";

/** What says nothing about a share's directory: the server has no descriptors or memory left. */
const OWN_SHORTAGES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

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

  /** The owner of the share's directory; a status, with a log line, if the directory cannot be served. */
  async find(share: Share, timeoutMs: number): Promise<DirectoryStat | NtStatus> {
    if (this.ejected.has(share.path)) {
      this.events.warn("ejected", () => `share [${share.name}] refused: its disk is ejected`, share.name);
      return Status.BAD_NETWORK_NAME;
    }
    const link = await statDirectory(share.path, false, timeoutMs);
    const isLink = "uid" in link && link.isSymbolicLink;
    const found = isLink ? await statDirectory(share.path, true, timeoutMs) : link;
    // Otherwise a user who may write to the parent directory could choose what is shared.
    const isForeignLink = isLink && link.uid !== 0 && link.uid !== process.geteuid?.();
    let fault: string;
    if ("code" in found) {
      if (OWN_SHORTAGES.has(found.code)) {
        const { code } = found;
        this.events.warn(
          "shortage",
          () => `share [${share.name}] refused: the server has no descriptors or memory left (${code})`,
        );
        return Status.INSUFFICIENT_RESOURCES;
      }
      fault = found.code === "ENOENT" ? "does not exist" : `cannot be reached (${found.code})`;
    } else {
      if (found.isDirectory && !isForeignLink) {
        if (this.absent.delete(share.name))
          this.log.info(`share [${share.name}]: ${share.path} exists again`);
        return found;
      }
      fault = isForeignLink ? "is a symbolic link of another user" : "is not a directory";
    }
    if (!this.absent.has(share.name)) {
      this.absent.add(share.name);
      this.log.warn(`share [${share.name}]: ${share.path} ${fault}, clients get STATUS_BAD_NETWORK_NAME`);
    }
    return Status.BAD_NETWORK_NAME;
  }
}
