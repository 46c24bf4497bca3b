// The limits of Time Machine's backups in a share: what clients see as size and free space, and the bands
// that no longer fit, whose creation fails as on a full disk. backupd sizes its disk image by the size that
// it sees and removes old backups when the image is full.
import { Errno } from "../../../linux/errno.ts";
import type { MaybePromise, SpaceRules } from "../../../port/port.ts";
import { andThen } from "../../and-then.ts";
import type { Failure, VolumeInfo } from "../store.ts";
import type { OperationResult } from "../disk/operations.ts";
import { bundleOfBand, isBundleName } from "../name/backup-names.ts";

/**
 * How long a count is reused: it keeps the volume's worker for half a second where a bundle has 250,000
 * bands. The server adds what its clients create; other programs seldom change a backup.
 */
const KEPT_MS = 300_000;
/** A band is refused by a count that is no older: an administrator may have removed a backup. */
const REFUSAL_MS = 5_000;

type Ask = () => MaybePromise<OperationResult<"countBackups">>;

interface Bundle {
  bands: number;
  readonly bandBytes: number;
}

/** The bundles in a share's directory, for all stores of it. */
export class BackupCount {
  private readonly nowMs: () => number;
  readonly bundles = new Map<string, Bundle>();
  private countedMs = Number.NEGATIVE_INFINITY;
  private running: Promise<0 | Failure> | undefined;

  /** `nowMs` is a monotonic clock. */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** Counts anew, by `ask`, unless there is a count that is younger than `maxAgeMs`. */
  refresh(maxAgeMs: number, ask: Ask): MaybePromise<0 | Failure> {
    if (this.nowMs() - this.countedMs < maxAgeMs) return 0;
    this.running ??= Promise.resolve(ask())
      .then((found) => this.take(found))
      .finally(() => (this.running = undefined));
    return this.running;
  }

  /** The next question counts anew. */
  forget(): void {
    this.countedMs = Number.NEGATIVE_INFINITY;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { bands, bandBytes } of this.bundles.values()) bytes += bands * bandBytes;
    return bytes;
  }

  private take(found: OperationResult<"countBackups">): 0 | Failure {
    if (typeof found === "number") return found;
    this.bundles.clear();
    for (const { name, bands, bandBytes } of found) this.bundles.set(name, { bands, bandBytes });
    this.countedMs = this.nowMs();
    return 0;
  }
}

/** The limits as one client of the share meets them. */
export class BackupLimits {
  private readonly rules: SpaceRules;
  private readonly count: BackupCount;
  private readonly ask: Ask;
  /** The bundle that the client has used last: the backup of its machine. */
  private own = "";

  constructor(rules: SpaceRules, count: BackupCount, ask: Ask) {
    this.rules = rules;
    this.count = count;
    this.ask = ask;
  }

  /** Undefined where the share has no such limits. */
  static of(...args: ConstructorParameters<typeof BackupLimits>): BackupLimits | undefined {
    const [{ timeMachineMaxBytes, timeMachineMaxMachineBytes }] = args;
    return timeMachineMaxBytes > 0 || timeMachineMaxMachineBytes > 0 ? new BackupLimits(...args) : undefined;
  }

  /** The client has looked up that path. */
  noteUse(path: string): void {
    const end = path.indexOf("/");
    const name = end < 0 ? path : path.slice(0, end);
    if (isBundleName(name)) this.own = name;
  }

  /** The space that the client sees. */
  limit(info: VolumeInfo): MaybePromise<VolumeInfo | Failure> {
    return andThen(this.count.refresh(KEPT_MS, this.ask), (failure) => {
      if (failure < 0) return failure;
      const max = Math.min(this.maxBytes, this.maxMachineBytes);
      const left = Math.max(0, this.leftBytes(this.own));
      return {
        ...info,
        totalBytes: Math.min(info.totalBytes, max),
        availableBytes: Math.min(info.availableBytes, left),
        freeBytes: Math.min(info.freeBytes, left),
      };
    });
  }

  /**
   * Takes the space of a file that is to be created: 0, or -ENOSPC where it is a band that does not fit. The
   * caller reports `removed` where the file is not created.
   */
  admit(path: string): MaybePromise<0 | Failure> {
    const name = bundleOfBand(path);
    return name === undefined || this.take(name) ? 0 : this.admitByCount(name);
  }

  private async admitByCount(name: string): Promise<0 | Failure> {
    const { bundles } = this.count;
    // A count that is under way may have begun before the bundle was made.
    for (let tries = 0; tries < 2; tries++) {
      if (!bundles.has(name)) this.count.forget();
      const failure = await this.count.refresh(REFUSAL_MS, this.ask);
      if (failure < 0) return failure;
      if (this.take(name)) return 0;
      if (bundles.has(name)) break;
    }
    return -Errno.ENOSPC;
  }

  /** A name is gone, or was not created. */
  removed(path: string): void {
    if (isBundleName(path)) this.count.forget();
    const bundle = this.count.bundles.get(bundleOfBand(path) ?? "");
    if (bundle !== undefined && bundle.bands > 0) bundle.bands--;
  }

  /** Counts one band more of the bundle if it fits. */
  private take(name: string): boolean {
    const bundle = this.count.bundles.get(name);
    if (bundle === undefined || this.leftBytes(name) < bundle.bandBytes) return false;
    bundle.bands++;
    return true;
  }

  private leftBytes(own: string): number {
    const { bands, bandBytes } = this.count.bundles.get(own) ?? { bands: 0, bandBytes: 0 };
    return Math.min(this.maxBytes - this.count.bytes, this.maxMachineBytes - bands * bandBytes);
  }

  private get maxBytes(): number {
    return this.rules.timeMachineMaxBytes || Number.POSITIVE_INFINITY;
  }

  private get maxMachineBytes(): number {
    return this.rules.timeMachineMaxMachineBytes || Number.POSITIVE_INFINITY;
  }
}
