// The text of the service _adisk._tcp, by which Macs find the shares that they may back up to: its keys and
// values are those of Time Capsules, as Netatalk and Samba have them.

/** A share that Macs may back up to. */
export interface BackupDisk {
  readonly share: string;
  /** The UUID by which Macs know the disk. */
  readonly id: string;
}

const SERVER = "sys=waMa=0,adVF=0x100";
/** A disk that is reached by SMB and takes backups. */
const DISK_FLAGS = "0x82";
/** The record fits into a message of 9,000 bytes (RFC 6762 section 17) with all the others. */
const MAX_TEXT_BYTES = 4096;

/** Returns the strings of the TXT record; disks that have no room in it are left out. */
export function describeBackupDisks(disks: readonly BackupDisk[]): string[] {
  const strings = [SERVER];
  let bytes = Buffer.byteLength(SERVER) + 1;
  for (const [i, { share, id }] of disks.entries()) {
    const text = `dk${i}=adVN=${share},adVF=${DISK_FLAGS},adVU=${id}`;
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > MAX_TEXT_BYTES) break;
    strings.push(text);
  }
  return strings;
}
