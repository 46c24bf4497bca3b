// The disks that are plugged in and mounted, each with the name of its share. Follows the mount table; asks
// the disks themselves in a worker.
import type { Mount } from "../../linux/mountinfo.ts";
import { foldShareName } from "../config/load.ts";
import { type Candidate, candidatesIn } from "./candidates.ts";
import { ChangeLog } from "./change-log.ts";
import { NO_FACTS } from "./facts-queue.ts";
import type { KnownVolumes } from "./known-volumes.ts";
import { describeState } from "./state-words.ts";
import type { VolumeFacts, VolumeQuestion } from "./volume-facts.ts";
import { freeName, isNameFor, wantedName } from "./volume-names.ts";

/** Disks that get a share; more are logged and left out. */
export const MAX_VOLUMES = 512;

/** A disk that is mounted and shared. */
export interface Volume {
  readonly name: string;
  readonly mount: Mount;
  readonly facts: VolumeFacts;
}

export interface VolumesHost {
  /** `volume directories`. */
  directories(): readonly string[];
  /** Names of shares that are in the configuration, folded. */
  isTaken(folded: string): boolean;
  /** The name of a share of the configuration that is on the disk by `disk`. */
  ownName(facts: VolumeFacts): string | undefined;
  /** Some share of the configuration is on a disk by `disk`. */
  namesDisks(): boolean;
  /** There is a section [volumes]: other disks are shared as well. */
  sharesAll(): boolean;
  /** Those that shares of the configuration are on: their rights are not to be got round. */
  sharedMounts(mounts: readonly Mount[]): ReadonlySet<Mount>;
  /** The device of a mount is gone: nobody has unmounted a disk that was pulled out. */
  isUnplugged(mount: Mount): boolean;
  ask(question: VolumeQuestion): Promise<VolumeFacts>;
  /** The disks have changed. */
  changed(volumes: readonly Volume[]): void;
  /** Monotonic, in milliseconds. */
  now(): number;
  info(text: string): void;
  warn(text: string): void;
}

/** A candidate: asked, known, and perhaps shared. */
interface Entry {
  readonly candidate: Candidate;
  facts: VolumeFacts | undefined;
  volume: Volume | undefined;
}

export class Volumes {
  private readonly host: VolumesHost;
  private readonly known: KnownVolumes;
  /** By the mount: see `keyOf`. */
  private readonly entries = new Map<string, Entry>();
  private readonly log: ChangeLog;
  private hasWarned = false;

  constructor(host: VolumesHost, known: KnownVolumes) {
    this.host = host;
    this.known = known;
    this.log = new ChangeLog(host.info, host.warn, host.now);
  }

  get all(): readonly Volume[] {
    return [...this.entries.values()].flatMap(({ volume }) => volume ?? []);
  }

  /** Takes a new mount table; resolves once the new disks have answered. */
  async follow(mounts: readonly Mount[]): Promise<void> {
    const candidates = new Map<string, Candidate>();
    const shared = this.host.sharedMounts(mounts);
    for (const candidate of candidatesIn(mounts, this.host.directories()))
      if (!this.host.isUnplugged(candidate.mount) && !shared.has(candidate.mount))
        candidates.set(keyOf(candidate), candidate);
    let hasChanged = false;
    for (const [key, { volume }] of [...this.entries]) {
      if (candidates.has(key)) continue;
      this.entries.delete(key);
      if (volume === undefined) continue;
      hasChanged = true;
      const text = `share [${volume.name}]: its disk ${describe(volume)} is gone`;
      this.log.changed(identityOf(volume), volume.name, text);
    }
    if (hasChanged) this.host.changed(this.all);
    const added = [...candidates].filter(([key]) => !this.entries.has(key));
    await Promise.all(added.map(([key, candidate]) => this.add(key, candidate)));
  }

  /** Gives the disks their names anew, after a change of the configuration. */
  rename(): void {
    const entries = [...this.entries];
    for (const [, entry] of entries) entry.volume = undefined;
    for (const [key, entry] of entries) {
      this.judge(entry);
      // The next look at the mount table asks the disk anew.
      if (entry.facts === NO_FACTS && entry.volume === undefined) this.entries.delete(key);
    }
    this.host.changed(this.all);
  }

  private async add(key: string, candidate: Candidate): Promise<void> {
    if (this.entries.size >= MAX_VOLUMES) {
      if (!this.hasWarned)
        this.host.warn(`more than ${MAX_VOLUMES} disks are mounted, the others get no share`);
      this.hasWarned = true;
      return;
    }
    const entry: Entry = { candidate, facts: undefined, volume: undefined };
    this.entries.set(key, entry);
    entry.facts = await this.host.ask(candidate.mount);
    // It may have been unmounted meanwhile.
    if (this.entries.get(key) !== entry) return;
    this.judge(entry);
    if (entry.facts === NO_FACTS && entry.volume === undefined) this.sayUnknown(entry);
    if (entry.volume === undefined) return;
    this.sayMounted(entry.volume);
    this.host.changed(this.all);
  }

  private judge(entry: Entry): void {
    const { candidate, facts } = entry;
    if (facts === undefined) return;
    const { mount, mustBeRemovable } = candidate;
    // It may be a disk that the configuration names: [volumes] must not get round the rights of that share.
    if (facts === NO_FACTS && this.host.namesDisks()) return;
    const own = this.host.ownName(facts);
    const isShared = this.host.sharesAll() && (!mustBeRemovable || facts.isRemovable);
    if (own === undefined && !isShared) return;
    entry.volume = { name: own ?? this.nameFor(mount, facts), mount, facts };
  }

  private sayUnknown({ candidate: { mount } }: Entry): void {
    const text = `the disk ${mount.source} at ${mount.mountPoint} does not say which one it is`;
    this.log.changed(mount.source, mount.source, `${text}: it gets no share; mount it again, or reload`);
  }

  private sayMounted(volume: Volume): void {
    const { name, mount, facts } = volume;
    const state = describeState(mount, facts);
    const text = `share [${name}]: disk ${describe(volume)} is mounted at ${mount.mountPoint}`;
    this.log.changed(identityOf(volume), name, state === undefined ? text : `${text}; ${state}`);
  }

  private nameFor({ source }: Mount, { label, uuid }: VolumeFacts): string {
    const present = this.all;
    // A copy of a disk that is there has its UUID, but is another disk.
    const identity = present.some(({ facts }) => facts.uuid === uuid) ? "" : uuid;
    const wanted = wantedName(label, uuid, source);
    const taken = new Set(present.map(({ name }) => foldShareName(name)));
    const isFree = (name: string): boolean =>
      !taken.has(foldShareName(name)) && !this.host.isTaken(foldShareName(name));
    const before = identity === "" ? undefined : this.known.nameOf(identity);
    if (before !== undefined && isNameFor(before, wanted) && isFree(before)) return before;
    for (const name of this.known.namesBut(identity)) taken.add(foldShareName(name));
    const name = freeName(wanted, (folded) => taken.has(folded) || this.host.isTaken(folded));
    if (identity !== "") this.known.remember(identity, name, new Set(present.map(({ facts }) => facts.uuid)));
    return name;
  }
}

/** Another mount, or another disk, has another key. */
function keyOf({ mount: { mountId, source, mountPoint } }: Candidate): string {
  return `${mountId} ${source} ${mountPoint}`;
}

/** Tells the disk from others, also when it is plugged in again. */
function identityOf({ mount: { source }, facts: { uuid } }: Volume): string {
  return uuid === "" ? source : uuid;
}

function describe({ mount: { source, fileSystem }, facts }: Volume): string {
  const label = facts.label === "" ? "" : ` '${facts.label}'`;
  return `${source}${label} (${facts.fileSystem || fileSystem})`;
}
