// The bridge between engine and manager: every question the engine may ask, every event it may get, on one page
// (ksmbd's netlink header in its place). Messages are plain cloneable data; answers are frozen snapshots.
// Types only: neither side can reach the other through this file.

/** An answer that may be at hand already. Never awaited when it is: the hot case makes no promise. */
export type MaybePromise<T> = T | Promise<T>;

/** What the engine needs to know of the configuration; a reload hands it a new snapshot. */
export interface EngineSettings {
  readonly serverName: string;
  /** 16 bytes in hex; the same across restarts. */
  readonly serverGuid: string;
  readonly domain: string;
  /** Addresses to listen on; empty: all, IPv6 and IPv4. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** DialectRevision numbers, 0x0202 to 0x0311. */
  readonly minDialect: number;
  readonly maxDialect: number;
  readonly signing: "auto" | "required";
  /** `off`: no cipher is offered; `auto`: offered; `desired`: sessions that can are sealed; `required`: others are refused. */
  readonly encryption: "off" | "auto" | "desired" | "required";
  readonly cryptoProvider: "auto" | "native" | "pure";
  /** What a failed log-on becomes: `never` refused; `bad-user`: an unknown name becomes the guest. */
  readonly mapToGuest: "never" | "bad-user";
  /** 0: anonymous may connect to IPC$ and to guest shares; 1, 2: to guest shares alone. */
  readonly restrictAnonymous: number;
  /** Opens with a batch oplock or a handle lease survive a lost connection for a while. */
  readonly durableHandles: boolean;
  /** Several connections may carry one session (SMB 3.x). */
  readonly multiChannel: boolean;
  /** Linux clients may have the POSIX extensions of 3.1.1; each share says so as well. */
  readonly posixExtensions: boolean;
  /** Clients may have leases (2.1 and later), on directories too (3.x); oplocks are the share's to decide. */
  readonly leases: boolean;
  /** How long a client may take to give up an oplock or a lease that others wait for. */
  readonly oplockBreakTimeoutMs: number;
  /** How long a disk may take for one operation. */
  readonly volumeTimeoutMs: number;
  readonly maxReadBytes: number;
  readonly maxWriteBytes: number;
  readonly maxTransactBytes: number;
  readonly maxCredits: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxSessions: number;
  readonly maxOpenFiles: number;
  /** Byte-range locks held and awaited. */
  readonly maxLocksPerOpen: number;
  readonly maxLocksPerFile: number;
  readonly maxOutstandingRequests: number;
  /** Requests of one connection that were told to wait (STATUS_PENDING). */
  readonly maxWaitingRequests: number;
  /** Clients may watch directories for changes; with `kernelChangeNotify` those of other programs are told, too. */
  readonly changeNotify: boolean;
  readonly kernelChangeNotify: boolean;
  /** Directories that one session may watch, and that the kernel watches for all. */
  readonly maxNotifyHandles: number;
  readonly maxNotifyWatches: number;
  /** Bytes that the buffer pool may hold. */
  readonly bufferBudgetBytes: number;
  /** Seconds without a request and without open files until a connection is closed; 0: never. */
  readonly deadtimeSeconds: number;
  /** Seconds that a connection may live without a finished log-on. */
  readonly logonTimeoutSeconds: number;
  readonly logLevel: "error" | "warn" | "info" | "debug";
}

/** A user of the data base, found by name. */
export interface Account {
  readonly name: string;
  /** MD4 of the UTF-16LE password, 16 bytes in hex. Never logged. */
  readonly ntHash: string;
  readonly isGuest: boolean;
}

/** Who stands behind a session, as the manager is told of it. */
export interface Identity {
  readonly user: string;
  readonly domain: string;
  readonly isGuest: boolean;
  readonly isAnonymous: boolean;
  readonly remoteAddress: string;
}

/** uid and groups that file access runs with; absent: the server's own. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** How names on disk and names of clients belong together, beyond what holds for every share. */
export interface NameRules {
  /** UTF-16 units: as on disk, as clients see them. */
  readonly characterMap: readonly (readonly [disk: number, client: number])[];
  /**
   * Characters that Windows reserves, which clients spell in the private use area: as themselves on disk, as clients
   * spell them, or the one or the other by what the disk can hold.
   */
  readonly reserved: "native" | "private" | "auto";
  /** Which names have a short one (8.3): those that Windows cannot hold, or all that need it. */
  readonly shortNames: "no" | "illegal" | "yes";
  /** Characters of the name that a short name begins with, 1 to 6. */
  readonly shortNamePrefix: number;
  /** The case of new names; the second for those of the form 8.3. */
  readonly newCase: "keep" | "lower" | "upper";
  readonly newShortCase: "keep" | "lower" | "upper";
}

/** What is there and does not show, or shows as hidden. */
export interface HidingRules {
  /** Patterns of names that have the attribute HIDDEN. */
  readonly files: readonly string[];
  readonly unreadable: boolean;
  readonly unwriteable: boolean;
  /** Sockets, devices, FIFOs. */
  readonly special: boolean;
  /** Vetoed names go with the directory that holds nothing else. */
  readonly deleteVetoed: boolean;
}

/** Where deleted files go. Sizes in bytes; 0 for no limit. */
export interface RecycleRules {
  /** Below the share, `/` between components. */
  readonly repository: string;
  readonly keepTree: boolean;
  readonly versions: boolean;
  readonly touchAccess: boolean;
  readonly touchModify: boolean;
  readonly directoryMode: number;
  readonly subdirectoryMode: number;
  readonly exclude: readonly string[];
  readonly excludeDirectories: readonly string[];
  readonly noVersions: readonly string[];
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxAgeDays: number;
  readonly limitBytes: number;
}

/** Where the earlier states of a share are. */
export interface SnapshotRules {
  /** `folder`: directories whose names tell their time; `snapper`: numbered ones of btrfs. */
  readonly kind: "folder" | "snapper";
  /** Also those may see them who cannot list the folder. */
  readonly forAll: boolean;
  /** Absolute, or below the mount point. */
  readonly folder: string;
  /** What the snapshots are of; empty: the mount point. */
  readonly base: string;
  /** Empty: that of the share's directory. */
  readonly mountPoint: string;
  /** Of names, as strptime(3) has it. */
  readonly format: string;
  /** What a name begins with, before `delimiter`, as a regular expression; empty: nothing. */
  readonly prefix: string;
  readonly delimiter: string;
  readonly isLocalTime: boolean;
  /** Clients are told of the oldest first. */
  readonly isAscending: boolean;
}

/** Whose access rights count, and what new objects get. */
export interface SecurityRules {
  /** `nt`: descriptors are kept and decide, beside the rights on disk; `posix`: those alone, shown as descriptors. */
  readonly acl: "posix" | "nt";
  /** Kept descriptors count whatever the rights on disk are, and are not mapped to these. */
  readonly ignoreSystemAcls: boolean;
  /** Clients may change owners and rights. */
  readonly canChange: boolean;
  /** Who may write a file may change its mode, with `posix`. */
  readonly writersMayChange: boolean;
  /** With `inheritOwner`: kept descriptors name the directory's owner as well. */
  readonly inheritOwnerName: boolean;
  /** New objects get the mode of their directory, whatever the masks say. */
  readonly inheritPermissions: boolean;
  /** Masks do not take away what a directory's default POSIX list gives. */
  readonly inheritAcls: boolean;
}

/** Users for whom the machine has no account: their files belong to one uid, and descriptors name them by SIDs. */
export interface NamedUsers {
  /** All of them have SIDs below this one. */
  readonly domain: string;
  readonly uid: number;
  /** That of the user of this grant; "" for one who has an account. */
  readonly sid: string;
}

/** Limits of what a share's disk is said to have, in bytes; 0 for none. What is written is limited by neither. */
export interface SpaceRules {
  readonly maxDiskBytes: number;
  /** The backups that are there count as used. */
  readonly timeMachineMaxBytes: number;
}

/** What a file's mode tells of its DOS attributes where none are stored. */
export interface ModeMapping {
  /** `auto`: every file has ARCHIVE. */
  readonly archive: "auto" | "yes" | "no";
  readonly hidden: boolean;
  readonly system: boolean;
  readonly readonly: boolean;
}

/** A share as configured: what holds for all of its users. */
export interface ShareRules {
  /** As configured, not as the client typed it. */
  readonly name: string;
  /** The directory, absolute; empty for a pipe share. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly encryption: "off" | "desired" | "required";
  readonly signing: "auto" | "required";
  readonly createMask: number;
  readonly directoryMask: number;
  readonly forceCreateMode: number;
  readonly forceDirectoryMode: number;
  readonly inheritOwner: boolean;
  readonly security: SecurityRules;
  readonly hideDotFiles: boolean;
  /** Clients may read and set the extended attributes of the namespace `user.`. */
  readonly eaSupport: boolean;
  readonly storeDosAttributes: boolean;
  readonly modeMapping: ModeMapping;
  /** Named streams are offered where the disk can store them. */
  readonly streams: boolean;
  /** samba: a zero byte follows the data of a stream in its attribute; ksmbd: none. */
  readonly streamForm: "samba" | "ksmbd";
  readonly space: SpaceRules;
  readonly followSymlinks: boolean;
  /** Symbolic links may lead out of the share; only with `followSymlinks`. */
  readonly wideLinks: boolean;
  /** The SMB3 POSIX extensions are available here to clients that negotiated them. */
  readonly posixExtensions: boolean;
  readonly crossMounts: boolean;
  readonly caseSensitive: boolean;
  /** Patterns of names that do not exist for clients. */
  readonly vetoFiles: readonly string[];
  readonly names: NameRules;
  readonly hiding: HidingRules;
  /** Null: deleted files are removed at once. */
  readonly recycle: RecycleRules | null;
  /** Null: no previous versions. */
  readonly snapshots: SnapshotRules | null;
  /** Byte-range locks are also taken as fcntl(2) locks, so programs on the server and clients see each other's. */
  readonly posixLocking: boolean;
  readonly oplocks: boolean;
  readonly maxConnections: number;
}

/** A share as one user may use it: the answer to a tree connect. `readOnly` is this user's. */
export interface ShareGrant extends ShareRules {
  readonly type: "disk" | "pipe";
  readonly credentials: Credentials | null;
  /** Null: every user has an account on the machine, or all act as one. */
  readonly namedUsers: NamedUsers | null;
  /** The user has the guest's rights here, whatever name the session has. */
  readonly asGuest: boolean;
}

/** The questions. A status is an NTSTATUS number. */
export interface Manager {
  settings(): EngineSettings;
  /** The account of that name (compared without case), or null. `""` asks for the guest account. */
  findAccount(query: { user: string; domain: string }): MaybePromise<Account | null>;
  connectShare(query: { share: string; identity: Identity }): MaybePromise<ShareGrant | { status: number }>;
  /** Opens a named pipe such as `srvsvc`; the answer's `pipe` names it in the calls below. */
  openPipe(query: { name: string; identity: Identity }): MaybePromise<{ pipe: number } | { status: number }>;
  /** A client's bytes for the pipe; what the pipe answers is fetched by `readPipe`. */
  writePipe(query: { pipe: number; data: Uint8Array }): MaybePromise<{ status: number }>;
  /** Up to `length` bytes of the pending answer; `more` when the same fragment has more than that. */
  readPipe(query: {
    pipe: number;
    length: number;
  }): MaybePromise<{ status: number; data: Uint8Array; more: boolean }>;
  closePipe(query: { pipe: number }): void;
  /** An event; returns at once. */
  notify(event: EngineEvent): void;
}

export type EngineEvent =
  | { readonly event: "logon"; readonly identity: Identity; readonly dialect: number }
  | {
      readonly event: "logonFailed";
      readonly user: string;
      readonly remoteAddress: string;
      readonly reason: string;
    }
  | { readonly event: "logoff"; readonly identity: Identity }
  | { readonly event: "connectionLimit"; readonly remoteAddress: string; readonly limit: string };

/** What the manager may ask of the engine. */
export interface EngineControl {
  /** The port that is listened on (useful when 0 was asked for). */
  readonly port: number;
  /** Takes a new snapshot of settings; nobody is disconnected. */
  reload(): void;
  stop(): Promise<void>;
  status(): EngineStatus;
}

export interface EngineStatus {
  readonly connections: readonly {
    readonly id: number;
    readonly remoteAddress: string;
    readonly dialect: number;
    readonly sessions: readonly {
      readonly user: string;
      readonly encrypted: boolean;
      readonly signed: boolean;
    }[];
  }[];
  readonly opens: number;
  readonly bufferBytes: number;
}
