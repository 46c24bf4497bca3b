// SMB2 TREE_CONNECT and TREE_DISCONNECT; [MS-SMB2] 3.3.5.7, 3.3.5.8.
import { Errno } from "../../../linux/errno.ts";
import type { Identity, MaybePromise, ShareGrant } from "../../../port/port.ts";
import { FileGeneric } from "../../../wire/security/access.ts";
import { type NtStatus, Status, statusName } from "../../../wire/status.ts";
import {
  decodeTreeConnectRequest,
  encodeTreeConnectResponse,
  ShareFlag,
  ShareType,
} from "../../../wire/command/tree-connect.ts";
import { encodeTreeDisconnectResponse } from "../../../wire/command/tree-disconnect.ts";
import { DFS_SHARE } from "../../../wire/features.ts";
import type { EngineContext } from "../../connection/context.ts";
import { type Exchange, NO_REPLY, type Outcome } from "../../connection/exchange.ts";
import { type Session, SessionState, type Tree } from "../../state/session.ts";
import { andThen } from "../../and-then.ts";
import type { Failure, FileStore } from "../../vfs/store.ts";
import { openStore } from "../../vfs/local/local-store.ts";
import { READ_ONLY_ACCESS } from "../open/access-check.ts";
import { closeTree } from "../close/teardown.ts";
import { statusOf } from "../errno-status.ts";

/** Tree connects that one session may have. */
const MAX_TREES_PER_SESSION = 1024;
const RESPONSE_BYTES = 16;

export function handleTreeConnect(exchange: Exchange, session: Session): MaybePromise<Outcome> {
  const { identity } = session;
  if (!isProtected(exchange, session)) {
    exchange.connection.close("TREE_CONNECT of 3.1.1 without signature and encryption");
    return NO_REPLY;
  }
  session.hasAskedForShares = true;
  const name = shareNameOf(decodeTreeConnectRequest(exchange.message).path);
  if (name === undefined || identity === undefined) return Status.BAD_NETWORK_NAME;
  if (session.trees.size >= MAX_TREES_PER_SESSION) return Status.INSUFFICIENT_RESOURCES;
  return ask(exchange, session, name, identity);
}

function ask(
  exchange: Exchange,
  session: Session,
  share: string,
  identity: Identity,
  times = 1,
): MaybePromise<NtStatus> {
  const { context } = exchange;
  const { settings } = context;
  const answer = context.manager.connectShare({ share, identity });
  return andThen(answer, (grant) => {
    context.log.debug.ipc?.(`share '${share}' for '${identity.user}': ${describeAnswer(grant)}`);
    if ("status" in grant) return grant.status;
    // Clients ask for a referral instead; smbd's status.
    if (grant.dfs.proxied !== "") return Status.BAD_NETWORK_NAME;
    return connect(exchange, session, grant, {
      isValid: () => context.settings === settings,
      askAgain: () => ask(exchange, session, share, identity, times + 1),
      times,
    });
  });
}

function describeAnswer(answer: ShareGrant | { readonly status: NtStatus }): string {
  if ("status" in answer) return statusName(answer.status);
  const { credentials, path, readOnly } = answer;
  const as = credentials === null ? "the server's own ids" : `uid ${credentials.uid}`;
  return `${path || "pipes"} as ${as}${readOnly ? ", read-only" : ""}`;
}

/** Of one tree connect; somebody may rename directories on the way to the share without end. */
const MAX_TIMES_ASKED = 4;

/** A reload replaces the settings: a grant from before it does not count any more. */
interface Asked {
  isValid(): boolean;
  askAgain(): MaybePromise<NtStatus>;
  /** How often the manager was asked. */
  readonly times: number;
}

/**
 * 3.3.5.7: with 3.1.1 TREE_CONNECT must be signed or encrypted, except on sessions without keys. Its
 * signature proves the negotiation: the keys depend on the hash of it.
 */
function isProtected({ connection, sealedBy, signWith }: Exchange, session: Session): boolean {
  if (!connection.terms.dialect.hasNegotiateContexts || session.isGuest || session.isAnonymous) return true;
  return sealedBy !== undefined || signWith !== undefined;
}

/** The share name in `\\server\share`, undefined for any other form. The server name is not checked. */
export function shareNameOf(path: string): string | undefined {
  const match = /^\\\\[^\\]+\\([^\\]+)$/.exec(path);
  return match?.[1];
}

function connect(
  exchange: Exchange,
  session: Session,
  grant: ShareGrant,
  asked: Asked,
): MaybePromise<NtStatus> {
  if (!asked.isValid()) return asked.askAgain();
  const refusal = checkGrant(exchange, session, grant);
  if (refusal !== Status.SUCCESS || grant.type !== "disk") {
    return refusal === Status.SUCCESS ? addTree(exchange, session, grant, undefined) : refusal;
  }
  return andThen(openStore(grant), (store) => {
    // The path leads to another directory than the rights were decided for.
    if (store === -Errno.ESTALE && asked.times < MAX_TIMES_ASKED) return asked.askAgain();
    if (typeof store === "number") return refuseUnopened(exchange.context, grant, store);
    if (!asked.isValid()) {
      store.close();
      return asked.askAgain();
    }
    // The session or the share's limit may have changed while the disk was opening.
    const refusalNow = checkGrant(exchange, session, grant);
    if (refusalNow === Status.SUCCESS) return addTree(exchange, session, grant, store);
    store.close();
    return refusalNow;
  });
}

function refuseUnopened(
  { log }: EngineContext,
  { name, path, mountId }: ShareGrant,
  failure: Failure,
): NtStatus {
  if (failure === -Errno.ENOMEDIUM && mountId !== 0) {
    log.warn?.(`share ${name}: its disk is no longer mounted at ${path}`);
    return Status.BAD_NETWORK_NAME;
  }
  if (failure === -Errno.ENOMEDIUM) {
    log.warn?.(
      `share ${name}: its disk is not mounted at ${path}, and what clients write there would be lost to sight: mount ` +
        `the disk; to share the folder below it instead, take it out of /etc/fstab and restart the server`,
    );
    return Status.BAD_NETWORK_NAME;
  }
  if (failure === -Errno.ESTALE) {
    log.warn?.(
      `share ${name}: ${path} leads to another directory each time, somebody renames what is on the way`,
    );
    return Status.BAD_NETWORK_NAME;
  }
  log.warn?.(`share ${name}: cannot open ${path}: errno ${-failure}`);
  return failure === -Errno.ENOENT || failure === -Errno.ENOTDIR
    ? Status.BAD_NETWORK_NAME
    : statusOf(failure);
}

function checkGrant(exchange: Exchange, session: Session, grant: ShareGrant): NtStatus {
  if (session.state !== SessionState.VALID) return Status.USER_SESSION_DELETED;
  // Others may have been connected since the manager was asked.
  if (session.trees.size >= MAX_TREES_PER_SESSION) return Status.INSUFFICIENT_RESOURCES;
  const reason = whyRefused(exchange, session, grant);
  if (reason === undefined) return Status.SUCCESS;
  const { identity } = session;
  if (identity !== undefined)
    exchange.context.manager.notify({ event: "refused", share: grant.name, identity, reason });
  return reason === TOO_MANY ? Status.REQUEST_NOT_ACCEPTED : Status.ACCESS_DENIED;
}

const TOO_MANY = "'max connections' of the share is reached";

function whyRefused(exchange: Exchange, session: Session, grant: ShareGrant): string | undefined {
  if (grant.encryption === "required" && session.sealing === undefined)
    return session.signing === undefined
      ? "the share requires encryption, which guests and anonymous users have no key for"
      : "the share requires encryption, which the client does not support";
  if (grant.signing === "required" && session.signing === undefined)
    return "the share requires signing, which guests and anonymous users have no key for";
  return isFull(exchange, session, grant) ? TOO_MANY : undefined;
}

function addTree(
  exchange: Exchange,
  session: Session,
  grant: ShareGrant,
  store: FileStore | undefined,
): NtStatus {
  const canSeal = session.sealing !== undefined;
  if (store !== undefined) store.isForMac = session.isApple;
  const tree: Tree = {
    id: session.nextTreeId(),
    session,
    grant,
    store,
    mustEncrypt: canSeal && (grant.encryption === "required" || grant.encryption === "desired"),
    maximalAccess: grant.readOnly ? READ_ONLY_ACCESS : FileGeneric.ALL,
    connectedMs: exchange.context.clock.now(),
    isLost: false,
  };
  // 3.3.5.7 has no signing per share: a share that requires it makes its whole session sign.
  if (grant.signing === "required") session.mustSign = true;
  session.trees.set(tree.id, tree);
  const { identity } = session;
  if (grant.type === "disk" && identity !== undefined) {
    const { name: share, readOnly } = grant;
    exchange.context.manager.notify({ event: "connected", share, identity, readOnly });
  }
  endWithDisk(exchange.context, tree);
  exchange.tree = tree;
  exchange.treeId = tree.id;
  encodeTreeConnectResponse(exchange.reserve(RESPONSE_BYTES), {
    shareType: grant.type === "disk" ? ShareType.DISK : ShareType.PIPE,
    shareFlags:
      (grant.type === "pipe" ? ShareFlag.NO_CACHING : 0) |
      (tree.mustEncrypt ? ShareFlag.ENCRYPT_DATA : 0) |
      (grant.dfs.isRoot ? DFS_SHARE.flags : 0),
    capabilities: grant.dfs.isRoot ? DFS_SHARE.capabilities : 0,
    maximalAccess: tree.maximalAccess,
  });
  return Status.SUCCESS;
}

/** Apart from `addTree`, whose exchange the listener would keep alive with its scope. */
function endWithDisk(context: EngineContext, tree: Tree): void {
  tree.store?.onLoss(() => endLostTree(context, tree));
}

/** Ends a tree whose disk is gone: its clients get NETWORK_NAME_DELETED and connect again. */
function endLostTree(context: EngineContext, tree: Tree): void {
  const done = closeTree(context, tree);
  if (done instanceof Promise) {
    done.catch((error: unknown) => context.log.error(`share ${tree.grant.name}: closing: ${String(error)}`));
  }
}

/**
 * True if the share has reached its limit of connections. It counts connections, not tree connects, so that
 * one client cannot lock out all others. Guests together, and any one user, leave an eighth of a large limit
 * to others.
 */
function isFull(exchange: Exchange, session: Session, grant: ShareGrant): boolean {
  const all = new Set<number>();
  const ofKind = new Set<number>();
  const kind = kindOf(session);
  for (const other of exchange.context.sessions.values()) {
    if (!other.trees.hasShare(grant.name)) continue;
    const isSameKind = kindOf(other) === kind;
    for (const id of other.connectionIds) {
      all.add(id);
      if (isSameKind) ofKind.add(id);
    }
  }
  if (all.has(exchange.connection.id)) return false;
  const { maxConnections } = grant;
  return all.size >= maxConnections || ofKind.size >= maxConnections - (maxConnections >> 3);
}

/** Empty for all guests and anonymous users. */
function kindOf({ identity }: Session): string {
  return identity === undefined || identity.isGuest || identity.isAnonymous ? "" : identity.user;
}

export function handleTreeDisconnect(exchange: Exchange, tree: Tree): MaybePromise<NtStatus> {
  return andThen(closeTree(exchange.context, tree), () => {
    encodeTreeDisconnectResponse(exchange.reserve(4));
    return Status.SUCCESS;
  });
}
