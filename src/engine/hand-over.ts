// What a server that ends leaves to the next one: its durable opens, so that their clients reconnect and go
// on after a restart or an upgrade. [MS-SMB2] lets durable opens end with the server (3.3.3).
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { timers } from "../loop/timers.ts";
import type { OpensKeeper } from "../port/control.ts";
import type { Identity, ShareGrant } from "../port/port.ts";
import { WireError } from "../wire/cursor.ts";
import { makeReadOnly } from "./command/open/access-check.ts";
import type { Connection } from "./connection/connection.ts";
import type { EngineContext } from "./connection/context.ts";
import { type FileFacts, factsOf } from "./state/file-facts.ts";
import type { Open } from "./state/open.ts";
import { Session, SessionState, type Tree } from "./state/session.ts";
import { isStorable, restoreOpen, type StoredOpen, storedOf } from "./state/stored-open.ts";
import {
  decodeStoredOpens,
  encodeStoredOpens,
  MAX_STORED_BYTES,
  type StoredBy,
} from "./state/stored-opens-codec.ts";

/** How long clients have to close their connections. */
const LEAVING_MS = 500;
/** Between two looks at requests that are still under way. */
const LOOK_MS = 10;

/**
 * Ends all connections so that their clients find the end between two messages, and waits until they have
 * closed them: Linux' client (6.1) does not repeat a WRITE while the sending of which the connection is
 * reset, and reports the loss at close(2).
 */
export async function leaveClients(connections: readonly Connection[]): Promise<void> {
  const left = connections.map((connection) => connection.close("server stops", "leave"));
  await Promise.race([Promise.all(left), timers.sleep(LEAVING_MS)]);
}

/**
 * Stores the durable opens, once all connections are closed: when the disk has carried out what was asked of
 * it, or after `graceMs` without those whose disk has not answered.
 */
export async function leaveOpens(
  context: EngineContext,
  keeper: OpensKeeper | undefined,
  graceMs: number,
): Promise<void> {
  if (keeper === undefined || context.durables.detachedCount === 0) return;
  const stored: StoredOpen[] = [];
  const untilMs = context.clock.now() + graceMs;
  const opens = [...context.durables.detached()];
  const all = opens.map(async (open) => {
    const described = await describe(context, open, untilMs);
    if (described !== undefined) stored.push(described);
  });
  await Promise.race([Promise.allSettled(all), timers.sleep(graceMs)]);
  if (stored.length === 0) return;
  const { bytes, count } = encodeStoredOpens(thisServer(context), stored);
  keeper.leave(bytes);
  context.log.info?.(`durable opens left to the next server: ${count} of ${opens.length}`);
}

async function describe(
  context: EngineContext,
  open: Open,
  untilMs: number,
): Promise<StoredOpen | undefined> {
  const { clock, durables, opens } = context;
  if (open.file === undefined || !isStorable(open, durables)) return undefined;
  while (open.busy > 0 && clock.now() < untilMs) await timers.sleep(LOOK_MS);
  await opens.late.of(open.file);
  const facts = await factsNow(open);
  if (facts === undefined || open.busy > 0 || !isStorable(open, durables)) return undefined;
  return storedOf(open, facts, durables.remainingMs(open, clock.now()));
}

/** A client that has not reconnected since the last start has left the file as it was then. */
async function factsNow({ file, node }: Open): Promise<FileFacts | undefined> {
  if (file === undefined) return undefined;
  const seen = node ?? [...file.opens].find((other) => other.node !== undefined)?.node;
  if (seen === undefined || file.leftFacts !== undefined) return file.leftFacts;
  const stat = await seen.refresh();
  return typeof stat === "number" ? undefined : factsOf(seen.identity, stat);
}

/**
 * Takes up the durable opens that the server before has left, and returns their number. Call it in the turn
 * of the event loop in which the server begins to listen: later, clients would find their opens missing;
 * earlier, the opens would be lost where the server cannot listen.
 */
export function takeOpens(context: EngineContext, keeper: OpensKeeper | undefined): number {
  const bytes = keeper?.take(MAX_STORED_BYTES);
  const left = bytes && decode(context, bytes);
  if (left === undefined) return 0;
  const now = thisServer(context);
  const awayMs = now.uptimeMs - left.by.uptimeMs;
  const isOurs = left.by.serverGuid === now.serverGuid && left.by.bootId === now.bootId && awayMs >= 0;
  const places = new Places(context);
  let taken = 0;
  for (const stored of isOurs ? left.opens : []) if (takeOpen(context, places, stored, awayMs)) taken++;
  context.log.info?.(
    `durable opens of the server before: ${taken} of ${left.opens.length} wait for their clients`,
  );
  return taken;
}

function decode({ log }: EngineContext, bytes: Uint8Array): ReturnType<typeof decodeStoredOpens> | undefined {
  try {
    return decodeStoredOpens(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    log.warn?.(`the durable opens that the server before has left cannot be read (${error.message})`);
    return undefined;
  }
}

function takeOpen(context: EngineContext, places: Places, stored: StoredOpen, awayMs: number): boolean {
  const { clock, settings } = context;
  if (awayMs >= stored.remainingMs) return false;
  const tree = places.treeFor(stored);
  if (tree === undefined) return false;
  const limits = {
    perOpen: settings.maxLocksPerOpen,
    perFile: settings.maxLocksPerFile,
    inAll: settings.maxTotalLocks,
  };
  const open = restoreOpen(context, stored, tree, limits, clock.now());
  if (open !== undefined && tree.grant.readOnly) makeReadOnly(open);
  return open !== undefined;
}

function thisServer({ serverGuid }: EngineContext): StoredBy {
  return { serverGuid: serverGuid.toHex(), bootId: bootId(), uptimeMs: Math.floor(uptime() * 1000) };
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** Stands for the sessions and tree connects of the server before: those have ended. */
class Places {
  private readonly context: EngineContext;
  private readonly trees = new Map<string, Tree | undefined>();

  constructor(context: EngineContext) {
    this.context = context;
  }

  /** Undefined where the share is gone or elsewhere, or refuses the user by now. */
  treeFor(stored: StoredOpen): Tree | undefined {
    const { clientGuid, dialect, domain, localAddress, remoteAddress, share, sharePath, user } = stored;
    const key = [clientGuid, dialect, domain, localAddress, remoteAddress, share, sharePath, user].join("\0");
    if (!this.trees.has(key)) this.trees.set(key, this.makeTree(stored));
    return this.trees.get(key);
  }

  private makeTree({ share, sharePath, ...stored }: StoredOpen): Tree | undefined {
    const { clock, manager, settings } = this.context;
    const identity = identityOf(stored);
    const rules = manager.reviewShare({ share, identity });
    if ("status" in rules || rules.path !== sharePath || rules.name !== share) return undefined;
    if (!settings.durableHandles && !rules.isTimeMachine) return undefined;
    const { clientGuid, dialect } = stored;
    const session = new Session(0, { revision: dialect, cipher: 0, signingAlgorithm: 0, clientGuid });
    session.identity = identity;
    session.state = SessionState.EXPIRED;
    // Nothing is sent in it: what the share demands of sessions is asked of the client's next one.
    session.mustSign = true;
    session.mustEncrypt = true;
    const grant: ShareGrant = {
      ...rules,
      ...{ type: "disk", directory: null, credentials: null, namedUsers: null, domainSids: [] },
      ...{ asGuest: false, isAdmin: false },
    };
    return {
      id: session.nextTreeId(),
      session,
      grant,
      store: undefined,
      mustEncrypt: true,
      maximalAccess: 0,
      connectedMs: clock.now(),
      isLost: true,
    };
  }
}

function identityOf({
  user,
  domain,
  remoteAddress,
  localAddress,
}: Pick<StoredOpen, "user" | "domain" | "remoteAddress" | "localAddress">): Identity {
  return {
    ...{ user, domain, remoteAddress, isGuest: false, isAnonymous: false, accountVersion: 0 },
    ...(localAddress !== "" && { localAddress }),
  };
}
