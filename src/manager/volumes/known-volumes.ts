// The names that disks have had, by UUID: a disk gets its name again, whichever disks are there when it
// comes. Kept in a file on flash, which is written when a name is new, and not at once: a disk that comes
// and goes, or a device that shows another UUID each time, does not wear it out.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Timer } from "../../loop/timers.ts";
import { shareNameFault } from "../config/share-name.ts";

const FILE = "ksmbd.volumes";
const HEADING = "# UUID and share of each disk that was shared by [volumes]; minismbd writes this file.\n";
/** Disks that are remembered; beyond that the oldest that is not there is forgotten. */
const MAX_DISKS = 512;
const MAX_BYTES = 65_536;
/** From the first new name to the writing. */
const SETTLE_MS = 5_000;
/** Between two writings. */
const GAP_MS = 60_000;

export interface KnownVolumesHost {
  now(): number;
  setTimer(delayMs: number, run: () => void): Timer;
  clearTimer(timer: Timer | undefined): void;
  /** Undefined: there is none. Throws an errno. */
  read(file: string): string | undefined;
  /** Returns why the file could not be written. */
  write(file: string, text: string): Promise<string | undefined>;
  warn(text: string): void;
}

/** Beside the password file, as ksmbd.subauth. */
export function volumesFileOf(passwordFile: string): string {
  return join(dirname(passwordFile), FILE);
}

export class KnownVolumes {
  private readonly file: string | null;
  private readonly host: KnownVolumesHost;
  private names: Map<string, string> | undefined;
  private timer: Timer | undefined;
  private writtenMs = Number.NEGATIVE_INFINITY;
  private hasWarned = false;
  private isUnread = false;

  /** Null: the names last as long as the server. */
  constructor(file: string | null, host: KnownVolumesHost) {
    this.file = file;
    this.host = host;
  }

  nameOf(uuid: string): string | undefined {
    return this.read().get(uuid);
  }

  /** The names of other disks than this one. */
  namesBut(uuid: string): string[] {
    return [...this.read()].flatMap(([other, name]) => (other === uuid ? [] : [name]));
  }

  /** `present`: the UUIDs of the disks that are there. */
  remember(uuid: string, name: string, present: ReadonlySet<string>): void {
    const names = this.read();
    if (names.get(uuid) === name) return;
    names.delete(uuid);
    names.set(uuid, name);
    for (const other of names.keys()) {
      if (names.size <= MAX_DISKS) break;
      if (other !== uuid && !present.has(other)) names.delete(other);
    }
    this.writeLater();
  }

  /** Writes what is not written yet. */
  close(): void {
    if (this.timer !== undefined) this.write();
  }

  private read(): Map<string, string> {
    if (this.names !== undefined) return this.names;
    try {
      const text = this.file === null ? undefined : this.host.read(this.file);
      return (this.names = parseKnown(text ?? ""));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.isUnread = true;
      this.warnOnce(`${this.file} cannot be read (${code})`);
      return (this.names = new Map());
    }
  }

  private writeLater(): void {
    // A file that could not be read has names that a new one would not have.
    if (this.file === null || this.isUnread || this.timer !== undefined) return;
    const delayMs = Math.max(SETTLE_MS, this.writtenMs + GAP_MS - this.host.now());
    this.timer = this.host.setTimer(delayMs, () => this.write());
  }

  private write(): void {
    this.host.clearTimer(this.timer);
    this.timer = undefined;
    this.writtenMs = this.host.now();
    if (this.file === null || this.names === undefined) return;
    void this.host.write(this.file, formatKnown(this.names)).then((fault) => {
      if (fault !== undefined) this.warnOnce(fault);
    });
  }

  private warnOnce(fault: string): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.host.warn(`${fault}; the names of disks last until the server stops`);
  }
}

/** One disk a line: UUID, blank, name. Other lines are skipped. */
export function parseKnown(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, uuid, name] = /^([\dA-Za-z-]{1,64}) (\S.*)$/.exec(line) ?? [];
    if (uuid === undefined || name === undefined || names.size >= MAX_DISKS) continue;
    if (shareNameFault(name) === undefined) names.set(uuid, name);
  }
  return names;
}

export function formatKnown(names: ReadonlyMap<string, string>): string {
  return HEADING + [...names].map(([uuid, name]) => `${uuid} ${name}\n`).join("");
}

/** Undefined where there is none, or one that no version has written. Throws an errno. */
export function readKnownFile(file: string): string | undefined {
  try {
    const text = readFileSync(file, "utf8");
    return text.length > MAX_BYTES ? undefined : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
