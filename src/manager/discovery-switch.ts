// Announces the server in the network as the configuration says; the code for it is loaded when it is first
// on.
import { hostname } from "node:os";
import type { EngineControl } from "../port/control.ts";
import { formatGuid } from "../wire/guid.ts";
import { BackupTargets } from "./backup-targets.ts";
import type { Configuration, OnOff } from "./config/load.ts";
import type { Discovery, DiscoveryPlan } from "./discovery/discovery.ts";
import { InterfaceWatch } from "./interface-watch.ts";

/** Where clients look for a server whose port they are not told. */
const SMB_PORT = 445;

export interface DiscoveryHost {
  readonly engine: Pick<EngineControl, "isDiskMissing" | "port">;
  configuration(): Pick<Configuration, "discovery" | "settings" | "shares">;
  /** True where an administrator has ejected the disk of a path. */
  isHeldBack(path: string): boolean;
}

export class DiscoverySwitch {
  private readonly host: DiscoveryHost;
  private readonly log: { note(text: string): void };
  private readonly interfaces = new InterfaceWatch(() => this.review());
  private readonly backups: BackupTargets;
  private discovery: Discovery | undefined;
  private isEnded = false;

  constructor(host: DiscoveryHost, log: { note(text: string): void }) {
    this.host = host;
    this.log = log;
    this.backups = new BackupTargets(host, () => {
      if (this.isWanted()) this.interfaces.look();
    });
  }

  /** At the start and after each reload. */
  follow(): void {
    if (this.isWanted()) {
      this.interfaces.start();
      this.interfaces.look();
      this.followDisks();
      return;
    }
    this.interfaces.stop();
    this.discovery?.stop();
  }

  /** Disks were mounted, unmounted or ejected. */
  followDisks(): void {
    if (this.isWanted() && this.isOn()["multicast DNS"]) void this.backups.look();
  }

  /** Clients hear that the server is gone. */
  end(): void {
    this.isEnded = true;
    this.interfaces.stop();
    this.discovery?.stop();
  }

  private isOn(): DiscoveryPlan["isOn"] {
    const { llmnr, multicastDns, netbios, wsDiscovery } = this.host.configuration().discovery;
    const isStandardPort = this.host.engine.port === SMB_PORT;
    const decide = (value: OnOff): boolean => value === "yes" || (value === "auto" && isStandardPort);
    return {
      "multicast DNS": decide(multicastDns),
      "WS-Discovery": decide(wsDiscovery),
      LLMNR: decide(llmnr),
      "the NetBIOS name service": netbios,
    };
  }

  private isWanted(): boolean {
    return !this.isEnded && Object.values(this.isOn()).includes(true);
  }

  /** False: to be repeated soon. */
  private review(): boolean {
    if (this.discovery !== undefined) return !this.isWanted() || this.announce(this.discovery);
    void this.load();
    return true;
  }

  private async load(): Promise<void> {
    const { Discovery } = await import("./discovery/discovery.ts");
    this.discovery ??= new Discovery((text) => this.log.note(text));
    if (this.isWanted()) this.interfaces.look();
  }

  private announce(discovery: Discovery): boolean {
    const { discovery: wanted, settings } = this.host.configuration();
    const [hostName = ""] = hostname().split(".");
    return discovery.announce({
      isOn: this.isOn(),
      id: formatGuid(Buffer.from(settings.serverGuid, "hex")),
      hostName,
      serverName: settings.serverName,
      workgroup: settings.domain,
      model: wanted.model,
      port: this.host.engine.port,
      addresses: settings.addresses ?? null,
      backupDisks: this.backups.disks,
    });
  }
}
