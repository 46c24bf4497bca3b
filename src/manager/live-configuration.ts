// The configuration in effect: what was read from its files, and the shares of the disks that are plugged
// in.
import { type Configuration, foldShareName } from "./config/load.ts";
import type { Share } from "./config/share.ts";
import type { Volume } from "./volumes/volumes.ts";

export class LiveConfiguration {
  /** As it was read. */
  loaded: Configuration;
  private volumes: readonly Volume[] = [];
  private merged: Configuration;

  constructor(loaded: Configuration) {
    this.loaded = loaded;
    this.merged = loaded;
  }

  get current(): Configuration {
    return this.merged;
  }

  load(loaded: Configuration): void {
    this.loaded = loaded;
    this.merge();
  }

  setVolumes(volumes: readonly Volume[]): void {
    this.volumes = volumes;
    this.merge();
  }

  private merge(): void {
    const { loaded, volumes } = this;
    const template = loaded.volumes;
    if (template === null || volumes.length === 0) {
      this.merged = loaded;
      return;
    }
    const shares = new Map(loaded.shares);
    for (const volume of volumes) {
      const folded = foldShareName(volume.name);
      if (!shares.has(folded)) shares.set(folded, shareOf(template, volume));
    }
    this.merged = Object.freeze({ ...loaded, shares });
  }
}

function shareOf(template: Share, { name, mount: { mountId, mountPoint } }: Volume): Share {
  // Where variables are replaced, a percent sign is doubled.
  const path = template.isPersonal ? mountPoint.replaceAll("%", "%%") : mountPoint;
  return Object.freeze({ ...template, name, path, mountId });
}
