// The tables of `minismbd status`, in smbstatus' words.
import type {
  LeaseRow,
  LockRow,
  NotifyRow,
  OpenRow,
  SessionRow,
  TreeRow,
  VolumeRow,
} from "../port/control.ts";
import type { DiskItem } from "../manager/control/disks.ts";
import { printable } from "../wire/printable.ts";

export const SECTIONS = [
  "sessions",
  "trees",
  "opens",
  "locks",
  "leases",
  "notifies",
  "volumes",
  "disks",
] as const;
export type SectionName = (typeof SECTIONS)[number];

interface Section {
  readonly title: string;
  readonly heads: readonly string[];
  readonly cells: (row: never) => readonly (string | number)[];
}

const TABLES: Readonly<Record<SectionName, Section>> = {
  sessions: {
    title: "Sessions",
    heads: ["ID", "User", "Client", "Dialect", "Encryption", "Signing", "Files", "Since", "Idle"],
    cells: (row: SessionRow) => [
      row.id,
      userText(row),
      row.remoteAddress,
      dialectText(row.dialect),
      encryptionText(row),
      signingText(row),
      row.opens,
      timeText(row.ageMs),
      timeText(row.idleMs),
    ],
  },
  trees: {
    title: "Shares in use",
    heads: ["Share", "User", "Client", "Access", "Encrypted", "Files", "Since"],
    cells: (row: TreeRow) => [
      row.share,
      row.user,
      row.remoteAddress,
      row.isReadOnly ? "read" : "read, write",
      row.isEncrypted ? "yes" : "no",
      row.opens,
      timeText(row.ageMs),
    ],
  },
  opens: {
    title: "Open files",
    heads: ["ID", "User", "Client", "Access", "Shared", "Caching", "Locks", "Share", "Name"],
    cells: (row: OpenRow) => [
      row.id,
      row.user,
      row.remoteAddress,
      accessText(row.access),
      sharedText(row.shareAccess),
      cachingText(row.caching, row.isLease) + (row.isDetached ? " (waits for its client)" : ""),
      row.locks,
      row.share,
      nameText(row),
    ],
  },
  locks: {
    title: "Byte-range locks",
    heads: ["Open", "User", "Kind", "Start", "Length", "Share", "Name"],
    cells: (row: LockRow) => [
      row.open,
      row.user,
      row.isExclusive ? "exclusive" : "shared",
      row.offset,
      row.length,
      row.share,
      nameText(row),
    ],
  },
  leases: {
    title: "Leases and oplocks",
    heads: ["User", "Client", "Caching", "Break", "Key", "Share", "Name"],
    cells: (row: LeaseRow) => [
      row.user,
      row.remoteAddress,
      cachingText(row.state, row.isLease),
      row.isBreaking ? "in progress" : "",
      row.key,
      row.share,
      row.path,
    ],
  },
  notifies: {
    title: "Watched directories",
    heads: ["Open", "User", "Client", "Filter", "Below", "Waiting", "Share", "Name"],
    cells: (row: NotifyRow) => [
      row.open,
      row.user,
      row.remoteAddress,
      `0x${row.filter.toString(16)}`,
      row.isRecursive ? "yes" : "no",
      row.waiting,
      row.share,
      row.path === "" ? "." : row.path,
    ],
  },
  volumes: {
    title: "Disks in use",
    heads: ["Mount point", "Source", "Type", "Files", "Shares"],
    cells: (row: VolumeRow) => [row.mountPoint, row.source, row.fileSystem, row.opens, row.shares.join(", ")],
  },
  disks: {
    title: "Disks",
    heads: ["Mount point", "Source", "Type", "Free", "Files", "Shares", "State"],
    cells: (row: DiskItem) => [
      row.mountPoint,
      row.source,
      row.fileSystem,
      row.freeBytes === undefined ? (row.fault ?? "") : sizeText(row.freeBytes),
      row.opens,
      row.shares.join(", "),
      stateText(row),
    ],
  },
};

function stateText({ isEjected, isReadOnly, state }: DiskItem): string {
  if (isEjected) return "ejected, not unmounted yet";
  return isReadOnly ? (state ?? "read-only") : "";
}

/** The rows of that section as a table with its title. */
export function formatSection(name: SectionName, rows: readonly unknown[]): string {
  const { title, heads, cells } = TABLES[name];
  if (rows.length === 0) return `${title}: none\n`;
  return `${title}:\n${formatTable(
    heads,
    rows.map((row) => cells(row as never)),
  )}`;
}

/** Columns as wide as their widest cell; what clients have chosen is made printable. */
export function formatTable(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const table = [heads, ...rows].map((row) => row.map((cell) => printable(String(cell))));
  const widths = heads.map((_, column) =>
    table.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  return table
    .map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

function userText({ isAnonymous, isGuest, user }: SessionRow): string {
  if (isAnonymous) return "(anonymous)";
  return isGuest ? `${user} (guest)` : user;
}

const CIPHERS: Readonly<Record<number, string>> = {
  1: "AES-128-CCM",
  2: "AES-128-GCM",
  3: "AES-256-CCM",
  4: "AES-256-GCM",
};
const SIGNINGS: Readonly<Record<number, string>> = { 0: "HMAC-SHA256", 1: "AES-128-CMAC", 2: "AES-128-GMAC" };

function encryptionText({ cipher, isEncrypted }: SessionRow): string {
  if (cipher === 0) return "-";
  return isEncrypted ? (CIPHERS[cipher] ?? String(cipher)) : "partial";
}

function signingText({ isEncrypted, mustSign, signingAlgorithm }: SessionRow): string {
  if (signingAlgorithm === undefined) return "-";
  return mustSign && !isEncrypted ? (SIGNINGS[signingAlgorithm] ?? String(signingAlgorithm)) : "partial";
}

/** 0x0311 -> `SMB3_11`, as smbstatus has it. */
export function dialectText(dialect: number): string {
  const major = dialect >> 8;
  return dialect === 0 ? "-" : `SMB${major}_${(dialect & 0xff).toString(16).padStart(2, "0")}`;
}

/** FILE_READ_DATA; FILE_WRITE_DATA or FILE_APPEND_DATA; DELETE. */
function accessText(access: number): string {
  const letters = [
    (access & 0x1) !== 0 ? "R" : "",
    (access & 0x6) !== 0 ? "W" : "",
    (access & 0x1_0000) !== 0 ? "D" : "",
  ].join("");
  return letters === "" ? "attributes" : letters;
}

function sharedText(shareAccess: number): string {
  const letters = ["R", "W", "D"].filter((_, bit) => (shareAccess & (1 << bit)) !== 0).join("");
  return letters === "" ? "nothing" : letters;
}

/** READ, HANDLE, WRITE are the bits 1, 2, 4 of a LeaseState. */
function cachingText(state: number, isLease: boolean): string {
  if (state === 0) return "-";
  const letters = ["R", "H", "W"].filter((_, bit) => (state & (1 << bit)) !== 0).join("");
  return `${isLease ? "lease" : "oplock"} ${letters}`;
}

function nameText({ path, stream }: { readonly path: string; readonly stream: string }): string {
  return `${path === "" ? "." : path}${stream === "" ? "" : `:${stream}`}`;
}

/** `45 s`, `12 min`, `3 h 5 min`, `2 d 3 h`. */
export function timeText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `812 B`, `1.2 MiB`. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
