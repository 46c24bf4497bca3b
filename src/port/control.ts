// The manager's view of a running engine: its tables row by row, and what it may be told to end. Types only;
// rows are plain cloneable data.
import type { NtStatus } from "../wire/status.ts";
import type { PasswordProof } from "./pipes.ts";
import type { MaybePromise } from "./port.ts";

/** Control of a running engine. */
export interface EngineControl {
  /** The port it listens on, which differs from the configured one if that is 0. */
  readonly port: number;
  readonly tables: EngineTables;
  /**
   * Takes a new snapshot of the settings and ends what users have and would no longer get; the rest stays.
   */
  reload(): void;
  /**
   * Listens on the addresses of the settings, which have changed with the machine's interfaces. False where
   * one of them is not to be had yet.
   */
  reviewAddresses(): boolean;
  /** The mount table or the disks have changed: what is open on a disk that is gone ends. */
  mountsChanged(): void;
  /** True where a share's directory is on a disk that should be mounted and is not; asks no disk. */
  isDiskMissing(path: string): boolean;
  /** Takes the log level of the settings, and nothing else. */
  reviewLog(): void;
  stop(): Promise<void>;
  status(): EngineStatus;
  /** Closes a connection; a session ends with its last one. False where there is none with that id. */
  endConnection(id: number): boolean;
  /**
   * Ends a session with its tree connects and opens, durable ones too. False where there is none with that
   * id.
   */
  endSession(id: number): MaybePromise<boolean>;
  /**
   * Ends a tree connect with its opens: the client gets STATUS_NETWORK_NAME_DELETED and may connect again.
   */
  endTree(sessionId: number, treeId: number): MaybePromise<boolean>;
  /**
   * Flushes and closes what is open on the disk that is mounted there, and ends the tree connects to it.
   * Resolves to the number of opens.
   */
  ejectVolume(mountPoint: string): Promise<number>;
  /**
   * Begins the check of a password by other means than SMB; guesses count with those of SMB's log-ons.
   * Undefined: too many failures are unanswered; refuse without looking at the password.
   */
  beginProof(address: string, user: string): MaybePromise<PasswordProof | undefined>;
  /** Closes an open as its client would; undefined where there is none with that id. */
  closeOpen(id: number): MaybePromise<NtStatus | undefined>;
}

/**
 * Who keeps the listening sockets while one server ends and the next one starts: clients that connect in
 * between wait in the kernel instead of being refused.
 */
export interface SocketKeeper {
  /** Descriptors of listening sockets. The engine takes those that it wants and closes the others. */
  readonly inherited: readonly number[];
  /** Keeps a copy; `name` is printable, has no colon, and is unique for the address. */
  keep(fd: number, name: string): void;
  drop(name: string): void;
}

/** Where a server that ends leaves its durable opens for the next one. The bytes are the engine's. */
export interface OpensKeeper {
  /** What the server before has left, and only once; undefined for nothing, and for more than `maxBytes`. */
  take(maxBytes: number): Uint8Array | undefined;
  leave(bytes: Uint8Array): void;
}

/** How one server goes on where the one before has ended. */
export interface HandOver {
  readonly sockets: SocketKeeper;
  /** Undefined where nothing outlives the server. */
  readonly opens: OpensKeeper | undefined;
}

/** The numbers of a running engine. */
export interface EngineStatus {
  readonly uptimeMs: number;
  readonly connections: number;
  readonly sessions: number;
  readonly opens: number;
  /** Files that are open. */
  readonly files: number;
  readonly leases: number;
  /** Opens that wait for their client to reconnect. */
  readonly detached: number;
  /** Of the buffer pool: in use, kept for reuse, and its limit. */
  readonly lentBytes: number;
  readonly idleBytes: number;
  readonly bufferBudgetBytes: number;
  /** What is given up while memory is short: 0 (nothing) to 4. */
  readonly memoryStep: number;
  /** Since the start, connections that have ended included. */
  readonly traffic: Traffic;
}

export interface Traffic {
  readonly requests: number;
  /** Requests that were answered with an error (severity 3 of [MS-ERREF] 2.3). */
  readonly failures: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/**
 * The tables of the engine. A row is made when it is taken, so a consumer of many takes a few milliseconds'
 * worth, gives way and goes on: rows that are added or end meanwhile may be there or not, and no iterator
 * becomes invalid.
 */
export interface EngineTables {
  connections(): IterableIterator<ConnectionRow>;
  /** Sessions that are logged on. */
  sessions(): IterableIterator<SessionRow>;
  /** Tree connects, those to IPC$ included. */
  trees(): IterableIterator<TreeRow>;
  /** Opens: files, directories, named streams and pipes; durable ones without a connection included. */
  opens(): IterableIterator<OpenRow>;
  /** Byte-range locks that are held. */
  locks(): IterableIterator<LockRow>;
  /** Leases and oplocks with any right. */
  leases(): IterableIterator<LeaseRow>;
  /** Directories that clients watch for changes (CHANGE_NOTIFY). */
  notifies(): IterableIterator<NotifyRow>;
  /** The disks that tree connects use. */
  volumes(): IterableIterator<VolumeRow>;
}

export interface ConnectionRow {
  readonly id: number;
  readonly remoteAddress: string;
  /** DialectRevision; 0 before NEGOTIATE. */
  readonly dialect: number;
  readonly isLoggedOn: boolean;
  readonly sessions: readonly number[];
  readonly ageMs: number;
  /** Since the last request. */
  readonly idleMs: number;
  readonly traffic: Traffic;
}

export interface SessionRow {
  readonly id: number;
  readonly user: string;
  readonly domain: string;
  readonly isGuest: boolean;
  readonly isAnonymous: boolean;
  /** Of the client at the log-on. */
  readonly remoteAddress: string;
  readonly dialect: number;
  /** Cipher of [MS-SMB2] 2.2.3.1.2 that the connection negotiated; 0: none. */
  readonly cipher: number;
  /** All of the session's messages must be encrypted; its shares may want that by themselves. */
  readonly isEncrypted: boolean;
  /** SigningAlgorithmId of [MS-SMB2] 2.2.3.1.7; undefined for guests and anonymous users, who cannot sign. */
  readonly signingAlgorithm: number | undefined;
  readonly mustSign: boolean;
  readonly connections: readonly number[];
  readonly trees: number;
  readonly opens: number;
  readonly ageMs: number;
  /** Since the last request over one of its connections. */
  readonly idleMs: number;
}

export interface TreeRow {
  readonly id: number;
  readonly session: number;
  readonly share: string;
  readonly type: "disk" | "pipe";
  readonly user: string;
  readonly remoteAddress: string;
  readonly isReadOnly: boolean;
  readonly isEncrypted: boolean;
  readonly opens: number;
  readonly ageMs: number;
}

export interface OpenRow {
  /** The FileId's both halves. */
  readonly id: number;
  readonly session: number;
  readonly tree: number;
  readonly user: string;
  readonly remoteAddress: string;
  readonly share: string;
  /** On disk, below the share; "" for the share's directory and for a pipe. */
  readonly path: string;
  /** The name of a named stream; "" for the file itself. */
  readonly stream: string;
  readonly isDirectory: boolean;
  readonly isPipe: boolean;
  /** Access mask, and bits of ShareAccess ([MS-SMB2] 2.2.13). */
  readonly access: number;
  readonly shareAccess: number;
  /** The share's directory on this machine; empty for a pipe. */
  readonly sharePath: string;
  /** Of the access to the file; undefined: the server's own. */
  readonly uid: number | undefined;
  /** Byte-range locks that the open holds and waits for. */
  readonly locks: number;
  /** What the client may cache, as a LeaseState ([MS-SMB2] 2.2.13.2.8). */
  readonly caching: number;
  readonly isLease: boolean;
  readonly isDurable: boolean;
  /** The connection is lost, and the open waits for its client. */
  readonly isDetached: boolean;
  readonly deletePending: boolean;
  readonly ageMs: number;
}

export interface LockRow {
  readonly open: number;
  readonly user: string;
  readonly share: string;
  readonly path: string;
  readonly stream: string;
  /** Decimal: offsets have 64 bits. */
  readonly offset: string;
  readonly length: string;
  readonly isExclusive: boolean;
}

export interface LeaseRow {
  readonly isLease: boolean;
  /** LeaseKey in hex; "" for an oplock. */
  readonly key: string;
  /** A LeaseState. */
  readonly state: number;
  readonly isBreaking: boolean;
  readonly user: string;
  readonly remoteAddress: string;
  readonly share: string;
  readonly path: string;
  readonly opens: readonly number[];
}

export interface NotifyRow {
  readonly open: number;
  readonly user: string;
  readonly remoteAddress: string;
  readonly share: string;
  /** The share's directory on this machine. */
  readonly sharePath: string;
  readonly path: string;
  /** CompletionFilter of [MS-SMB2] 2.2.35. */
  readonly filter: number;
  /** The directories below count, too. */
  readonly isRecursive: boolean;
  /** Requests that wait for a change. */
  readonly waiting: number;
}

export interface VolumeRow {
  /** The mount point; "" where the kernel does not tell it. */
  readonly mountPoint: string;
  readonly source: string;
  readonly fileSystem: string;
  readonly shares: readonly string[];
  readonly opens: number;
}
