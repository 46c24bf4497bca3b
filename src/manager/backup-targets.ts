// The shares that Macs may back up to and whose directories are there: what multicast DNS announces as
// _adisk._tcp. A Mac offers what is announced, and reports a failed backup where the disk is not there.
import type { EngineControl } from "../port/control.ts";
import { formatGuid } from "../wire/guid.ts";
import { type Configuration, foldShareName } from "./config/load.ts";
import type { Share } from "./config/share.ts";
import { describeFault } from "./directory-walk.ts";
import type { BackupDisk } from "./discovery/backup-disks.ts";
import { statDirectory } from "./share-directory.ts";

export interface BackupTargetsHost {
  readonly engine: Pick<EngineControl, "isDiskMissing">;
  configuration(): Pick<Configuration, "shares" | "settings">;
  isHeldBack(path: string): boolean;
}

export class BackupTargets {
  private readonly host: BackupTargetsHost;
  private readonly changed: () => void;
  private looks = 0;
  disks: readonly BackupDisk[] = [];

  /** `changed`: `disks` are others. */
  constructor(host: BackupTargetsHost, changed: () => void) {
    this.host = host;
    this.changed = changed;
  }

  /** Shares or disks may have changed. */
  async look(): Promise<void> {
    const look = ++this.looks;
    const { shares, settings } = this.host.configuration();
    const targets = [...shares.values()].filter(
      ({ isTimeMachine, dfs }) => isTimeMachine && dfs.proxied === "",
    );
    const areThere = await Promise.all(targets.map((share) => this.isThere(share, settings.volumeTimeoutMs)));
    if (look !== this.looks) return;
    const namespace = formatGuid(Buffer.from(settings.serverGuid, "hex"));
    const disks = targets
      .filter((_, i) => areThere[i])
      .map(({ name }) => ({ share: name, id: idOf(name, namespace) }));
    if (Bun.deepEquals(disks, this.disks)) return;
    this.disks = disks;
    this.changed();
  }

  private async isThere({ path, isPersonal }: Share, timeoutMs: number): Promise<boolean> {
    const folder = isPersonal ? aboveVariables(path) : path;
    if (this.host.isHeldBack(folder) || this.host.engine.isDiskMissing(folder)) return false;
    return describeFault(await statDirectory(folder, timeoutMs)) === undefined;
  }
}

/** The same after each start, as long as the machine and the share have their names. */
function idOf(share: string, namespace: string): string {
  return Bun.randomUUIDv5(foldShareName(share), namespace).toUpperCase();
}

/** The directory that the users' own ones are in: `/backups` for `/backups/%U`. */
function aboveVariables(path: string): string {
  const [fixed = ""] = path.replaceAll("%%", "\0").split("%");
  return fixed.slice(0, fixed.lastIndexOf("/") + 1).replaceAll("\0", "%") || "/";
}
