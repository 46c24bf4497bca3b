// The DNS records under which the server is found; RFC 6763 (DNS-SD), RFC 6762 section 10 (times to live).
import { type BackupDisk, describeBackupDisks } from "./backup-disks.ts";
import type { DnsRecord } from "./dns-message.ts";

export interface ServerIdentity {
  /** The machine's name: one label. */
  readonly host: string;
  /** The name that people see. */
  readonly instance: string;
  readonly port: number;
  /** Chooses the icon in Finder. */
  readonly model: string;
  /** The shares that Macs may back up to. */
  readonly backupDisks: readonly BackupDisk[];
}

/** Seconds: of records with the machine's name or addresses, and of others. */
const HOST_TTL = 120;
const OTHER_TTL = 4500;
const MAX_LABEL_BYTES = 63;
/** Nobody connects to _adisk._tcp: Time Capsules name the port of the discard service. */
const DISCARD_PORT = 9;

export interface LinkRecords {
  /** Nobody else on the link may have these names. */
  readonly unique: readonly DnsRecord[];
  /** Several machines may have records of these names. */
  readonly shared: readonly DnsRecord[];
}

export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** The records for a link on which the machine has `addresses`. */
export function recordsOf(identity: ServerIdentity, addresses: readonly string[]): LinkRecords {
  const host = `${identity.host}.local`;
  const smb = `${identity.instance}._smb._tcp.local`;
  const unique: DnsRecord[] = addresses.map((data) => ({
    name: host,
    type: data.includes(":") ? "AAAA" : "A",
    ttl: HOST_TTL,
    flush: true,
    data,
  }));
  const srv: SrvData = { priority: 0, weight: 0, port: identity.port, target: host };
  unique.push({ name: smb, type: "SRV", ttl: HOST_TTL, flush: true, data: srv });
  // macOS does not show a service without a TXT record; this one has a string without characters.
  unique.push({ name: smb, type: "TXT", ttl: OTHER_TTL, flush: true, data: [""] });
  const device = `${identity.instance}._device-info._tcp.local`;
  unique.push({ name: device, type: "TXT", ttl: OTHER_TTL, flush: true, data: [`model=${identity.model}`] });
  const shared = pointersTo("_smb._tcp.local", smb);
  if (identity.backupDisks.length > 0) {
    const disks = `${identity.instance}._adisk._tcp.local`;
    const text = describeBackupDisks(identity.backupDisks);
    unique.push({
      name: disks,
      type: "SRV",
      ttl: HOST_TTL,
      flush: true,
      data: { ...srv, port: DISCARD_PORT },
    });
    unique.push({ name: disks, type: "TXT", ttl: OTHER_TTL, flush: true, data: text });
    shared.push(...pointersTo("_adisk._tcp.local", disks));
  }
  return { unique, shared };
}

/** RFC 6763 sections 4.1 and 9: the service's instance, and the service among all. */
function pointersTo(service: string, instance: string): DnsRecord[] {
  return [
    { name: service, type: "PTR", ttl: OTHER_TTL, data: instance },
    { name: "_services._dns-sd._udp.local", type: "PTR", ttl: OTHER_TTL, data: service },
  ];
}

/** The identity after `attempts` names were found to be somebody else's; RFC 6763 appendix D. */
export function renamed(identity: ServerIdentity, attempts: number): ServerIdentity {
  if (attempts === 0) return identity;
  const number = attempts + 1;
  return {
    ...identity,
    host: withSuffix(identity.host, `-${number}`),
    instance: withSuffix(identity.instance, ` (${number})`),
  };
}

/** A label from any text: dots would end it, and control characters have no place in a list. */
export function asLabel(text: string): string {
  const clean = text.replace(/[\u0000-\u001f\u007f.]+/g, " ").trim();
  return withSuffix(clean === "" ? "minismbd" : clean, "");
}

function withSuffix(label: string, suffix: string): string {
  let rest = label;
  while (Buffer.byteLength(rest + suffix) > MAX_LABEL_BYTES) rest = [...rest].slice(0, -1).join("");
  return rest + suffix;
}
