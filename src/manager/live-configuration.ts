// The configuration in effect: what was read from its files, and the shares of the disks that are plugged
// in.
import { normalize } from "node:path";
import { doAtOnce, doInTurns } from "../loop/steps.ts";
import { type ClientConfigurations, type ReadConfiguration, readingSteps } from "./client-configurations.ts";
import type { ClientFacts } from "./config/client-paths.ts";
import { type Configuration, type ConfigSource, foldShareName } from "./config/load.ts";
import type { Share } from "./config/share.ts";
import type { VolumeFacts } from "./volumes/volume-facts.ts";
import type { Volume } from "./volumes/volumes.ts";

export class LiveConfiguration {
  private readonly source: ConfigSource;
  /** As it was read. */
  loaded: Configuration;
  private clients: ClientConfigurations;
  private volumes: readonly Volume[] = [];
  private merged: Configuration;

  /** Throws ConfigError. */
  constructor(source: ConfigSource) {
    this.source = source;
    const { loaded, clients } = doAtOnce(readingSteps(this.source));
    this.loaded = loaded;
    this.clients = clients;
    this.merged = loaded;
  }

  get current(): Configuration {
    return this.merged;
  }

  /**
   * The configuration as a client has it. Throws ConfigError where a file of the client cannot be used: he
   * must not connect.
   */
  forClient(facts: () => ClientFacts): Configuration {
    const own = this.clients.forClient(facts)?.configuration;
    return own === undefined ? this.merged : this.withVolumes(own);
  }

  /** Reads the files anew, in turns of the event loop. Throws ConfigError. */
  read(): Promise<ReadConfiguration> {
    return doInTurns(readingSteps(this.source));
  }

  use({ loaded, clients }: ReadConfiguration): void {
    this.loaded = loaded;
    this.clients = clients;
    this.merged = this.withVolumes(loaded);
  }

  setAddresses(addresses: Configuration["settings"]["addresses"]): void {
    const settings = Object.freeze({ ...this.loaded.settings, addresses });
    this.loaded = Object.freeze({ ...this.loaded, settings });
    this.merged = this.withVolumes(this.loaded);
  }

  setVolumes(volumes: readonly Volume[]): void {
    this.volumes = volumes;
    this.merged = this.withVolumes(this.loaded);
  }

  private withVolumes(loaded: Configuration): Configuration {
    const { volumes } = this;
    const { diskShares, volumes: template } = loaded;
    if ((template === null && diskShares.length === 0) || volumes.length === 0) return loaded;
    const shares = new Map(loaded.shares);
    for (const volume of volumes) {
      const own = diskShares.filter(({ disk }) => isOnDisk(disk, volume.facts));
      for (const share of own) addShare(shares, share.name, share, volume);
      if (own.length === 0 && template !== null) addShare(shares, volume.name, template, volume);
    }
    return Object.freeze({ ...loaded, shares });
  }
}

/** The first of two disks with one label counts. */
function addShare(shares: Map<string, Share>, name: string, rules: Share, { mount }: Volume): void {
  const folded = foldShareName(name);
  if (shares.has(folded)) return;
  // Where variables are replaced, a percent sign is doubled.
  const root = rules.isPersonal ? mount.mountPoint.replaceAll("%", "%%") : mount.mountPoint;
  const path = rules.path === "" ? root : normalize(`${root}/${rules.path}`).replace(/(.)\/+$/, "$1");
  shares.set(folded, Object.freeze({ ...rules, name, path, mountId: mount.mountId }));
}

/** `disk`: `UUID=…` or `LABEL=…`. */
export function isOnDisk(disk: string, { uuid, label }: Pick<VolumeFacts, "label" | "uuid">): boolean {
  const value = disk.slice(disk.indexOf("=") + 1);
  if (disk.startsWith("LABEL=")) return label === value;
  return uuid !== "" && uuid.toLowerCase() === value.toLowerCase();
}
