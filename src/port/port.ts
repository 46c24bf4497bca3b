// The interface between engine and manager: every question the engine asks and every event it reports (the
// counterpart of ksmbd's netlink header). Types only; messages are plain cloneable data, answers frozen
// snapshots.
import type { AppleExtensions, AppleRules } from "./apple.ts";
import type { DirectoryIdentity, NamedUsers } from "./directory.ts";
import type { NtStatus } from "../wire/status.ts";
import type { DomainMembership, TicketAnswer } from "./ticket.ts";

/** A value or a promise of it. Callers do not await a value: the fast path creates no promise. */
export type MaybePromise<T> = T | Promise<T>;

/** The engine's part of the configuration. A reload brings a new snapshot. */
export interface EngineSettings {
  readonly serverName: string;
  /** 16 bytes in hex; does not change across restarts. */
  readonly serverGuid: string;
  readonly domain: string;
  /** Addresses to listen on, which may be none for a time; null: all, IPv6 and IPv4. */
  readonly addresses: readonly string[] | null;
  readonly ports: readonly number[];
  /** DialectRevision numbers, 0x0202 to 0x0311. */
  readonly minDialect: number;
  readonly maxDialect: number;
  /** Log-ons by NTLM are accepted; without it only those by Kerberos. */
  readonly ntlm: boolean;
  /** What an NTLM client must say about the server it means; the server's names, in lower case. */
  readonly spnValidation: "off" | "provided" | "required";
  readonly spnNames: readonly string[];
  readonly signing: "auto" | "required";
  /**
   * off: no cipher is offered; auto: offered; desired: used where the client supports it; required: others
   * are refused.
   */
  readonly encryption: "off" | "auto" | "desired" | "required";
  /** Algorithms of 3.1.1, most preferred first; 3.0 and 3.0.2 encrypt only if AES-128-CCM is one of them. */
  readonly ciphers: readonly number[];
  readonly signingAlgorithms: readonly number[];
  readonly cryptoProvider: "auto" | "native" | "pure";
  /** A log-on with an unknown user name: refused (`never`), or the guest (`bad-user`). */
  readonly mapToGuest: "never" | "bad-user";
  /** 0: guests and anonymous sessions may connect to IPC$ and to guest shares; 1, 2: to guest shares only. */
  readonly restrictAnonymous: number;
  /** Tickets are accepted, and offered before NTLM. */
  readonly kerberos: boolean;
  /** Opens with a batch oplock or a handle lease survive a lost connection for a limited time. */
  readonly durableHandles: boolean;
  /** A session may use several connections (SMB 3.x). */
  readonly multiChannel: boolean;
  /** The SMB3 POSIX extensions (dialect 3.1.1) are offered; each share enables them as well. */
  readonly posixExtensions: boolean;
  /** Null: the create context AAPL is ignored. */
  readonly apple: AppleExtensions | null;
  /**
   * Leases (2.1 and later), on directories from 3.0 on; each share enables them and oplocks with `oplocks`.
   */
  readonly leases: boolean;
  /** Some share is a DFS root or stands for shares of other servers. */
  readonly dfs: boolean;
  /** Time a client has to acknowledge the break of an oplock or a lease. */
  readonly oplockBreakTimeoutMs: number;
  /** Time one disk operation may take. */
  readonly volumeTimeoutMs: number;
  readonly maxReadBytes: number;
  readonly maxWriteBytes: number;
  readonly maxTransactBytes: number;
  readonly maxCredits: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Connections over which nobody has proved a password. */
  readonly maxUnauthenticatedConnections: number;
  /** Sessions of users and guests; one user and guests together have limits of their own. */
  readonly maxSessions: number;
  readonly maxSessionsPerUser: number;
  readonly maxGuestSessions: number;
  /** Session set-ups without a result. */
  readonly maxUnfinishedLogons: number;
  /** Opens of one session, of one user, and of all users. */
  readonly maxOpenFiles: number;
  readonly maxUserOpenFiles: number;
  readonly maxTotalOpenFiles: number;
  /** Byte-range locks, held and waiting. */
  readonly maxLocksPerOpen: number;
  readonly maxLocksPerFile: number;
  /** Of all files; one user has seven eighths at most. */
  readonly maxTotalLocks: number;
  readonly maxOutstandingRequests: number;
  /** Requests of one connection answered with STATUS_PENDING that wait. */
  readonly maxWaitingRequests: number;
  /** Clients may watch directories; `kernelChangeNotify` also reports changes made by other programs. */
  readonly changeNotify: boolean;
  readonly kernelChangeNotify: boolean;
  /** Directories that one session may watch. */
  readonly maxNotifyHandles: number;
  /** Directories that the kernel watches for all sessions together. */
  readonly maxNotifyWatches: number;
  /** Size limit of the buffer pool. */
  readonly bufferBudgetBytes: number;
  /** A connection without open files is closed after this time without a request; 0: never. */
  readonly deadtimeSeconds: number;
  /** A connection is closed after this time without a completed log-on. */
  readonly logonTimeoutSeconds: number;
  /** Time for which the answer to a failed log-on is held back. */
  readonly logonFailureDelayMs: number;
  readonly logLevel: "error" | "warn" | "info" | "debug";
  /** Those whose debug lines are written. */
  readonly debugComponents: readonly DebugComponent[];
}

/** ksmbd's components of debugging. */
export type DebugComponent = "smb" | "auth" | "vfs" | "oplock" | "ipc" | "conn" | "rdma";

/** A user that can log on. */
export interface Account {
  readonly name: string;
  /** MD4 of the UTF-16LE password, 16 bytes in hex. Never logged. */
  readonly ntHash: string;
  readonly isGuest: boolean;
  /** Another number after the password was changed, or the account deleted and added again. */
  readonly version: number;
}

export interface Identity {
  readonly user: string;
  readonly domain: string;
  readonly isGuest: boolean;
  readonly isAnonymous: boolean;
  /** `Account.version` at the log-on; 0 for a guest and an anonymous session. */
  readonly accountVersion: number;
  readonly remoteAddress: string;
  /** By the ticket of the log-on. */
  readonly membership?: DomainMembership | undefined;
  /** The address that the client connected to, and the interface it came in over; empty: not known. */
  readonly localAddress?: string;
  readonly arrivalInterface?: string;
  /** What the client called its user and its machine. Not authenticated. */
  readonly claimed?: { readonly user: string; readonly workstation: string };
}

/** uid and groups that file access runs with. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** How a share maps between names on disk and names that clients see. */
export interface NameRules {
  /** Pairs of UTF-16 units: on disk, and as clients see it. */
  readonly characterMap: readonly (readonly [disk: number, client: number])[];
  /**
   * Characters that Windows reserves and clients send in Unicode's private use area: stored as themselves
   * (`native`), as sent (`private`), or as the disk allows (`auto`).
   */
  readonly reserved: "native" | "private" | "auto";
  /**
   * Names that have a short name (8.3): only those that Windows cannot store (`illegal`), or all that need
   * one.
   */
  readonly shortNames: "no" | "illegal" | "yes";
  /** Number of characters of the name that a short name begins with, 1 to 6. */
  readonly shortNamePrefix: number;
  /** Case of new names that are not of the form 8.3. */
  readonly newCase: "keep" | "lower" | "upper";
  /** Case of new names of the form 8.3. */
  readonly newShortCase: "keep" | "lower" | "upper";
}

/** Files that are not listed, or are listed with the attribute HIDDEN. */
export interface HidingRules {
  /** Patterns of names that get the attribute HIDDEN. */
  readonly files: readonly string[];
  readonly unreadable: boolean;
  readonly unwriteable: boolean;
  /** Sockets, devices, FIFOs. */
  readonly special: boolean;
  /** Deleting a directory that contains only vetoed names deletes these as well. */
  readonly deleteVetoed: boolean;
}

/** Recycle bin of a share. Sizes in bytes; 0: no limit. */
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

/** Where the previous versions of a share are. */
export interface SnapshotRules {
  /** `folder`: directories with the time in their names; `snapper`: numbered btrfs snapshots. */
  readonly kind: "folder" | "snapper";
  /** Users who cannot list the folder see the snapshots as well. */
  readonly forAll: boolean;
  /** Absolute, or below the mount point. */
  readonly folder: string;
  /** The directory that the snapshots were taken of; empty: the mount point. */
  readonly base: string;
  /** Empty: the mount point of the share's directory. */
  readonly mountPoint: string;
  /** Format of the names, as in strptime(3). */
  readonly format: string;
  /** Regular expression for the part of a name before `delimiter`; empty: no such part. */
  readonly prefix: string;
  readonly delimiter: string;
  readonly isLocalTime: boolean;
  /** Listed from the oldest to the newest. */
  readonly isAscending: boolean;
}

/** Which access rights count, and what new objects inherit. */
export interface SecurityRules {
  /** `nt`: stored descriptors count together with the rights on disk; `posix`: the rights on disk only. */
  readonly acl: "posix" | "nt";
  /** Stored descriptors count whatever the rights on disk are, and are not mapped to them. */
  readonly ignoreSystemAcls: boolean;
  /** Clients may change owners and rights. */
  readonly canChange: boolean;
  /** With `posix`: users who may write a file may change its mode. */
  readonly writersMayChange: boolean;
  /** With `inheritOwner`: stored descriptors name the directory's owner as well. */
  readonly inheritOwnerName: boolean;
  /** New objects get the mode of their directory instead of the masks. */
  readonly inheritPermissions: boolean;
  /** Masks do not reduce what a directory's default POSIX ACL grants. */
  readonly inheritAcls: boolean;
}

/** What clients hear of the disk. Sizes in bytes, 0: as they are. */
export interface SpaceRules {
  /** Does not limit what is written. */
  readonly maxDiskBytes: number;
  /** Time for which an answer counts again. */
  readonly cacheSeconds: number;
  /** FileSystemAttributes ([MS-FSCC] 2.5.1) to announce besides those that hold; never READ_ONLY_VOLUME. */
  readonly fakeAbilities: number;
  /** Of all backups in the share's directory, and of each: bands beyond it are refused. */
  readonly timeMachineMaxBytes: number;
  readonly timeMachineMaxMachineBytes: number;
}

/** DOS attributes derived from a file's mode where none are stored. */
export interface ModeMapping {
  /** `auto`: every file has ARCHIVE. */
  readonly archive: "auto" | "yes" | "no";
  readonly hidden: boolean;
  readonly system: boolean;
  readonly readonly: boolean;
}

/** How a share leads DFS clients to shares of other servers. */
export interface DfsRules {
  /** Symlinks to `msdfs:SERVER\SHARE` are links to that share. */
  readonly isRoot: boolean;
  /** The shares that this one stands for: `\SERVER\SHARE`, separated by commas; empty: none. */
  readonly proxied: string;
  /** Targets are returned in random order, so that clients spread over them. */
  readonly shuffles: boolean;
}

/** A share as configured: what holds for all of its users. */
export interface ShareRules {
  /** As configured, not as the client typed it. */
  readonly name: string;
  /** The directory, absolute; empty for a pipe share. */
  readonly path: string;
  /** The mount that the directory must be on, by the kernel's number; 0: any. */
  readonly mountId: number;
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
  readonly apple: AppleRules;
  readonly space: SpaceRules;
  readonly followSymlinks: boolean;
  /** Symbolic links may lead out of the share; only with `followSymlinks`. */
  readonly wideLinks: boolean;
  /** The SMB3 POSIX extensions are available here to clients that negotiated them. */
  readonly posixExtensions: boolean;
  readonly dfs: DfsRules;
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
  /**
   * Byte-range locks are also taken as fcntl(2) locks, so programs on the server and clients see each
   * other's.
   */
  readonly posixLocking: boolean;
  readonly oplocks: boolean;
  /** Macs may back up to the share: clients get durable opens whatever `durableHandles` says. */
  readonly isTimeMachine: boolean;
  readonly maxConnections: number;
}

/** A share as one user may use it: the answer to a tree connect. `readOnly` is this user's. */
export interface ShareGrant extends ShareRules {
  readonly type: "disk" | "pipe";
  /** The directory that the path led to when the rights were decided; null: any. */
  readonly directory: DirectoryIdentity | null;
  /** Null: files are reached with the server's own ids. */
  readonly credentials: Credentials | null;
  /** Null: every user has an account on the machine, or all act as one. */
  readonly namedUsers: NamedUsers | null;
  /** The user's SID in a domain and those of his groups there, which stored descriptors may name. */
  readonly domainSids: readonly string[];
  /** The user has the guest's rights here, whatever name the session has. */
  readonly asGuest: boolean;
  /** The user acts as root (`admin users`): stored descriptors do not bind him. */
  readonly isAdmin: boolean;
}

/** The questions. `status` is an NTSTATUS. */
export interface Manager {
  settings(): EngineSettings;
  /** The account of that name (compared without case), or null. `""`: the guest account. */
  findAccount(query: { user: string; domain: string }): MaybePromise<Account | null>;
  /** Checks a client's AP-REQ. `forRpc`: in a bind, which may use DCE's exchange and the host's ticket. */
  acceptTicket(query: { token: Uint8Array; forRpc: boolean }): MaybePromise<TicketAnswer>;
  /**
   * STATUS_BAD_NETWORK_NAME for an unknown share or a missing directory, STATUS_ACCESS_DENIED for a refused
   * user.
   */
  connectShare(query: { share: string; identity: Identity }): MaybePromise<ShareGrant | { status: NtStatus }>;
  /**
   * What a tree connect to the share would get now, without looking at its directory: for the tree connects
   * that exist when the configuration changes. `readOnly` is this user's.
   */
  reviewShare(query: { share: string; identity: Identity }): ShareRules | { status: NtStatus };
  /**
   * False once the account of the identity is deleted or has another password, or guests are no longer
   * accepted: the session may not go on.
   */
  isCurrent(query: { identity: Identity }): boolean;
  /** Reports an event; returns at once. */
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
  /** A guest's client has ended the session at once, as Windows does that accepts no guests. */
  | { readonly event: "guestLeft"; readonly identity: Identity }
  /** A tree connect to a directory. */
  | {
      readonly event: "connected";
      readonly share: string;
      readonly identity: Identity;
      readonly readOnly: boolean;
    }
  /** The directory of a share that clients use is lost; they have to connect anew. */
  | { readonly event: "diskLost"; readonly share: string; readonly path: string }
  /** A client could not write to a share that allows it: the disk is read-only. */
  | { readonly event: "readOnlyDisk"; readonly share: string; readonly path: string }
  | { readonly event: "connectionLimit"; readonly remoteAddress: string; readonly limit: string }
  | { readonly event: "openLimit"; readonly user: string; readonly limit: string }
  | { readonly event: "disconnected"; readonly remoteAddress: string; readonly reason: string }
  /** A tree connect, or work in one, is refused for a reason that an administrator can change. */
  | {
      readonly event: "refused";
      readonly share: string;
      readonly identity: Identity;
      readonly reason: string;
    };
