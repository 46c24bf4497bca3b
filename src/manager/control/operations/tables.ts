// Operations that list what the engine has: status, connections, sessions, tree connects, opens, locks,
// leases, watches and volumes.
import type {
  ConnectionRow,
  EngineStatus,
  LeaseRow,
  LockRow,
  NotifyRow,
  OpenRow,
  SessionRow,
  Traffic,
  TreeRow,
  VolumeRow,
} from "../../../port/control.ts";
import type { Operation } from "../operation.ts";
import { flag, integer, listOf, objectOf, type ObjectSchema, words } from "../schema.ts";

/** The item of `status`. */
export interface ServerStatus extends EngineStatus {
  readonly version: string;
  readonly pid: number;
  readonly port: number;
  readonly serverName: string;
  readonly workgroup: string;
  readonly residentBytes: number;
  /** Absent without a web page. */
  readonly webPort?: number;
  /** SHA-256 of the page's certificate, as browsers show it. */
  readonly webFingerprint?: string;
}

const ADDRESS = words("The client's address.");
const USER = words("The user's name; empty for anonymous users.");
const SHARE = words("The share's name.");
const PATH = words("Path below the share's directory; empty for that directory itself.");
const AGE = integer("Milliseconds since it began.");
const IDLE = integer("Milliseconds since the last request.");
const STREAM = words("Name of the named stream; empty for the file itself.");
const DIALECT = integer("DialectRevision of [MS-SMB2]; 0 before NEGOTIATE.");
const SHARE_PATH = words("The share's directory on this machine.");

const TRAFFIC = objectOf<Traffic>({
  requests: integer("Requests that were answered."),
  failures: integer("Requests that were answered with an error."),
  receivedBytes: integer("Bytes of requests."),
  sentBytes: integer("Bytes of answers."),
});

const STATUS = objectOf<ServerStatus>(
  {
    version: words("The server's version."),
    pid: integer("Process id."),
    port: integer("TCP port of SMB."),
    serverName: words("'netbios name'."),
    workgroup: words("'workgroup'."),
    residentBytes: integer("Resident memory of the process."),
    uptimeMs: integer("Milliseconds since the start."),
    connections: integer("Connections of clients."),
    sessions: integer("Sessions, unfinished log-ons included."),
    opens: integer("Open files, folders, streams and pipes."),
    files: integer("Files and folders that are open."),
    leases: integer("Leases of clients."),
    detached: integer("Opens that wait for their client to reconnect."),
    lentBytes: integer("Buffers in use."),
    idleBytes: integer("Buffers kept for reuse."),
    bufferBudgetBytes: integer("Limit of the buffers."),
    memoryStep: integer("What is given up while memory is short: 0 (nothing) to 4."),
    traffic: TRAFFIC,
    webPort: integer("TCP port of the web page; absent without one."),
    webFingerprint: words("SHA-256 of the page's certificate, as browsers show it."),
  },
  "webPort",
  "webFingerprint",
);

const CONNECTION = objectOf<ConnectionRow>({
  id: integer("For 'kick'."),
  remoteAddress: ADDRESS,
  dialect: DIALECT,
  isLoggedOn: flag("A session of it is logged on."),
  sessions: listOf(integer("Id of a session."), "Its sessions."),
  ageMs: AGE,
  idleMs: IDLE,
  traffic: TRAFFIC,
});

const SESSION = objectOf<SessionRow>(
  {
    id: integer("For 'kick'."),
    user: USER,
    domain: words("The domain that the client named."),
    isGuest: flag("Logged on as the guest."),
    isAnonymous: flag("Logged on without a name."),
    remoteAddress: ADDRESS,
    dialect: DIALECT,
    cipher: integer("Cipher of [MS-SMB2] 2.2.3.1.2; 0: none."),
    isEncrypted: flag("All messages must be encrypted."),
    signingAlgorithm: integer("SigningAlgorithmId of [MS-SMB2] 2.2.3.1.7; absent: messages are not signed."),
    mustSign: flag("All messages must be signed."),
    connections: listOf(integer("Id of a connection."), "Its connections."),
    trees: integer("Its tree connects."),
    opens: integer("Its open files."),
    ageMs: AGE,
    idleMs: IDLE,
  },
  "signingAlgorithm",
);

const TREE = objectOf<TreeRow>({
  id: integer("TreeId."),
  session: integer("Id of its session."),
  share: SHARE,
  type: words("'disk' or 'pipe'."),
  user: USER,
  remoteAddress: ADDRESS,
  isReadOnly: flag("The user may change nothing."),
  isEncrypted: flag("Its messages must be encrypted."),
  opens: integer("Its open files."),
  ageMs: AGE,
});

const OPEN = objectOf<OpenRow>(
  {
    id: integer("For 'close'."),
    session: integer("Id of its session."),
    tree: integer("Id of its tree connect."),
    user: USER,
    remoteAddress: ADDRESS,
    share: SHARE,
    path: PATH,
    stream: STREAM,
    isDirectory: flag("A folder."),
    isPipe: flag("A pipe of IPC$."),
    access: integer("Access mask of [MS-SMB2] 2.2.13.1."),
    shareAccess: integer("ShareAccess of [MS-SMB2] 2.2.13."),
    sharePath: SHARE_PATH,
    uid: integer("User id of the access to the file; absent: the server's own."),
    locks: integer("Byte-range locks that it holds and waits for."),
    caching: integer("What the client may cache: a LeaseState of [MS-SMB2] 2.2.13.2.8."),
    isLease: flag("Caching by a lease, not by an oplock."),
    isDurable: flag("It outlives its connection."),
    isDetached: flag("Its connection is lost, and it waits for its client."),
    deletePending: flag("The file is removed when it is closed."),
    ageMs: AGE,
  },
  "uid",
);

const LOCK = objectOf<LockRow>({
  open: integer("Id of its open."),
  user: USER,
  share: SHARE,
  path: PATH,
  stream: STREAM,
  offset: words("Decimal; offsets have 64 bits."),
  length: words("Decimal."),
  isExclusive: flag("Exclusive, not shared."),
});

const LEASE = objectOf<LeaseRow>({
  isLease: flag("A lease, not an oplock."),
  key: words("LeaseKey in hex; empty for an oplock."),
  state: integer("LeaseState of [MS-SMB2] 2.2.13.2.8."),
  isBreaking: flag("The client was told to give it up, and has not answered yet."),
  user: USER,
  remoteAddress: ADDRESS,
  share: SHARE,
  path: PATH,
  opens: listOf(integer("Id of an open."), "The opens that it belongs to."),
});

const NOTIFY = objectOf<NotifyRow>({
  open: integer("Id of its open."),
  user: USER,
  remoteAddress: ADDRESS,
  share: SHARE,
  sharePath: SHARE_PATH,
  path: PATH,
  filter: integer("CompletionFilter of [MS-SMB2] 2.2.35."),
  isRecursive: flag("The folders below count, too."),
  waiting: integer("Requests that wait for a change."),
});

const VOLUME = objectOf<VolumeRow>({
  mountPoint: words("Empty where the kernel does not tell it."),
  source: words("The device."),
  fileSystem: words("Type of the file system."),
  shares: listOf(SHARE, "The shares that clients use."),
  opens: integer("Open files on it."),
});

const listing = <const Path extends string>(path: Path, summary: string, item: ObjectSchema) =>
  ({
    summary,
    args: {},
    required: [],
    item,
    answer: "list",
    changes: false,
    http: { method: "GET", path },
  }) as const satisfies Operation;

export const TABLE_OPERATIONS = {
  status: { ...listing("/status", "The server's numbers.", STATUS), answer: "one" },
  connections: listing("/connections", "Connections of clients.", CONNECTION),
  sessions: listing("/sessions", "Sessions that are logged on.", SESSION),
  trees: listing("/trees", "Tree connects: the shares that sessions use.", TREE),
  opens: listing("/opens", "Open files, folders, streams and pipes.", OPEN),
  locks: listing("/locks", "Byte-range locks that are held.", LOCK),
  leases: listing("/leases", "Leases and oplocks.", LEASE),
  notifies: listing("/notifies", "Folders that clients watch for changes.", NOTIFY),
  volumes: listing("/volumes", "Mounted disks that tree connects use.", VOLUME),
} as const satisfies Readonly<Record<string, Operation>>;
