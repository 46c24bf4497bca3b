// The configuration in effect: what was read from its files, and the shares of the disks that are plugged
// in.
import {
  type ClientConfigurations,
  type ReadConfiguration,
  readConfiguration,
} from "./client-configurations.ts";
import type { ClientFacts } from "./config/client-paths.ts";
import { type Configuration, type ConfigSource, foldShareName } from "./config/load.ts";
import type { Share } from "./config/share.ts";
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
    const { loaded, clients } = this.read();
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

  /** Reads the files anew. Throws ConfigError. */
  read(): ReadConfiguration {
    return readConfiguration(this.source);
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
    const template = loaded.volumes;
    if (template === null || volumes.length === 0) return loaded;
    const shares = new Map(loaded.shares);
    for (const volume of volumes) {
      const folded = foldShareName(volume.name);
      if (!shares.has(folded)) shares.set(folded, shareOf(template, volume));
    }
    return Object.freeze({ ...loaded, shares });
  }
}

function shareOf(template: Share, { name, mount: { mountId, mountPoint } }: Volume): Share {
  // Where variables are replaced, a percent sign is doubled.
  const path = template.isPersonal ? mountPoint.replaceAll("%", "%%") : mountPoint;
  return Object.freeze({ ...template, name, path, mountId });
}
