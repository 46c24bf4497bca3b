// What the API's operations answer, as far as the page shows it.

export interface SessionAnswer {
  readonly user: string;
  readonly csrf: string;
  readonly serverName: string;
  readonly version: string;
}

/** The answer to a visitor who is not logged on. */
export interface VisitorAnswer {
  readonly serverName: string;
  readonly firstRun: boolean;
}

export interface Traffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface Status {
  readonly version: string;
  /** Of SMB. */
  readonly port: number;
  readonly serverName: string;
  readonly uptimeMs: number;
  readonly files: number;
  readonly residentBytes: number;
  readonly memoryStep: number;
  readonly traffic: Traffic;
}

export interface Connection {
  readonly id: number;
  readonly traffic: Traffic;
}

export interface Session {
  readonly id: number;
  readonly user: string;
  readonly isGuest: boolean;
  readonly isAnonymous: boolean;
  readonly remoteAddress: string;
  readonly dialect: number;
  readonly isEncrypted: boolean;
  readonly signingAlgorithm?: number | undefined;
  readonly mustSign: boolean;
  readonly connections: readonly number[];
  readonly opens: number;
  readonly ageMs: number;
  readonly idleMs: number;
}

export interface Open {
  readonly id: number;
  readonly session: number;
  readonly share: string;
  readonly path: string;
  readonly stream: string;
  readonly isDirectory: boolean;
  readonly isPipe: boolean;
}

export interface Disk {
  readonly mountPoint: string;
  readonly source: string;
  readonly fileSystem: string;
  readonly label?: string;
  readonly isReadOnly: boolean;
  readonly state?: string;
  readonly isEjected: boolean;
  readonly isRemovable: boolean;
  readonly shares: readonly string[];
  readonly opens: number;
  readonly totalBytes?: number;
  readonly freeBytes?: number;
  readonly fault?: string;
  readonly health: { readonly state: "good" | "failing" | "unknown"; readonly message: string };
}

export interface EjectAnswer {
  /** The disk can be taken out. */
  readonly isSafe: boolean;
  readonly outcome: string;
  /** What came of it and what is to be done now. */
  readonly text: string;
}

/** Where something stands in the configuration. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** What testparm says of a parameter. */
export interface ParameterFault {
  /** Empty: of no parameter. */
  readonly parameter: string;
  /** error: the share is left out. */
  readonly kind: "error" | "warning" | "info";
  readonly message: string;
  readonly file?: string;
  /** 0: of no line. */
  readonly line: number;
}

export interface Share {
  readonly name: string;
  /** volumes, homes: a rule for many shares; disk: a plugged-in disk, by the rule. */
  readonly kind: "share" | "homes" | "volumes" | "disk";
  readonly path: string;
  readonly comment: string;
  readonly readOnly: boolean;
  readonly guestOk: boolean;
  readonly browseable: boolean;
  /** Clients find it now. */
  readonly isServed: boolean;
  /** The configuration can be changed here. */
  readonly isEditable: boolean;
  readonly writtenIn?: Place | undefined;
  readonly faults: readonly ParameterFault[];
}

export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly default: string;
  /** The line that sets it, which for a share's may be one of [global]. */
  readonly file?: string;
  readonly line?: number;
  /** The section itself sets it. */
  readonly isSet: boolean;
  /** Nothing sets it. */
  readonly isDefault: boolean;
  readonly isEditable: boolean;
  readonly needsRestart: boolean;
  readonly description: string;
  readonly kind: string;
  readonly choices?: readonly string[];
}

export const ACCESS = ["none", "read", "write", "admin"] as const;
export type Access = (typeof ACCESS)[number];

export interface AccessRow {
  readonly user: string;
  readonly access: Access;
}

export interface ShareDetail extends Share {
  readonly parameters: readonly Parameter[];
  readonly access: readonly AccessRow[];
}

export interface PathCheck {
  readonly exists: boolean;
  readonly isDirectory: boolean;
  readonly fileSystem: string;
  readonly ownerName: string;
  readonly message: string;
}

export interface User {
  readonly name: string;
  readonly isAdmin: boolean;
  /** In the password file: the user can be changed here. */
  readonly isStored: boolean;
}

export const LEVELS = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: string;
  readonly text: string;
}

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly isReadOnly: boolean;
}

/** What a `changed` event names. */
export type ChangeKind = "configuration" | "users" | "disks";
