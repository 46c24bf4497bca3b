// A connection without a socket: requests as bytes in, responses as bytes out, through the pipeline of the
// server and with a dispatch table of the tests' own.
import { pureProvider as provider } from "../../../src/crypto/pure.ts";
import { ConnectionState, type Negotiated } from "../../../src/engine/connection/connection-state.ts";
import type { EngineContext } from "../../../src/engine/connection/context.ts";
import { chooseDialect } from "../../../src/engine/connection/dialect.ts";
import { Exchange, type ExchangeHost, NO_REPLY, type Row } from "../../../src/engine/connection/exchange.ts";
import { handleMember } from "../../../src/engine/connection/pipeline.ts";
import { ReplyRoom } from "../../../src/engine/connection/reply-room.ts";
import { signMessage } from "../../../src/engine/connection/signing.ts";
import { makeSigningKey } from "../../../src/engine/logon/session-keys.ts";
import { DurableOpens } from "../../../src/engine/state/durable-opens.ts";
import { Open } from "../../../src/engine/state/open.ts";
import { OpenTable } from "../../../src/engine/state/open-table.ts";
import { SessionTable } from "../../../src/engine/state/session-table.ts";
import { Session, SessionState, type SigningKey, type Tree } from "../../../src/engine/state/session.ts";
import { Step } from "../../../src/engine/pressure/pressure.ts";
import { BufferPool, HEAD_ROOM, type PooledBuffer } from "../../../src/engine/transport/buffer-pool.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import { Command, type Header, HeaderOffset, readHeader, writeHeader } from "../../../src/wire/header.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { Access } from "../../../src/wire/security/access.ts";

export const MAX_CREDITS = 256;
/** Bytes of the buffer pool's budget: one large buffer exhausts it. */
const POOL_BYTES = 8 * 1024 * 1024;
export const FILE_ID_OFFSET = 72;

/** The parts of the context that connections use. */
export function makeContext(): EngineContext {
  const context = {
    settings: { maxCredits: MAX_CREDITS, maxReadBytes: 1_048_576, maxWriteBytes: 1_048_576 },
    connectionTable: { loggedOnCount: 1 },
    provider,
    pool: new BufferPool(POOL_BYTES),
    clock: { now: () => 0 },
    pressure: { step: Step.NONE },
    log: { error: () => undefined, debug: {} },
    connections: new Map(),
    sessions: new SessionTable(),
    opens: new OpenTable(),
    durables: new DurableOpens(),
  };
  return context as unknown as EngineContext;
}

export function negotiated(revision: number): Negotiated {
  const dialect = chooseDialect([revision], revision, revision);
  if (dialect === undefined) throw new Error(`no dialect ${revision}`);
  return {
    dialect,
    clientGuid: new Uint8Array(16),
    clientCapabilities: 0,
    clientSecurityMode: 1,
    clientDialects: [revision],
    serverCapabilities: 0,
    serverSecurityMode: 1,
    cipher: 0,
    signingAlgorithm: 1,
    hasPosixExtensions: false,
  };
}

export class FakeConnection extends ConnectionState implements ExchangeHost {
  readonly replyRoom: ReplyRoom;
  readonly sent: Uint8Array[] = [];
  readonly cancelled: (readonly [asyncId: number, messageId: number])[] = [];
  closedFor: string | undefined;

  constructor(context = makeContext(), revision = 0x0311) {
    super(1, context, "192.0.2.1");
    this.replyRoom = new ReplyRoom(context.pool, { heldBytes: 0 });
    this.negotiated = negotiated(revision);
    this.window.grant(100, MAX_CREDITS);
  }

  sendInterim(): boolean {
    return false;
  }
  mayWait(): boolean {
    return true;
  }
  isTurnOver(): boolean {
    return false;
  }
  nextTurn(): Promise<void> {
    return Promise.resolve();
  }
  cancel(asyncId: number, messageId: number): void {
    this.cancelled.push([asyncId, messageId]);
  }
  sendReply(reply: PooledBuffer, to: number, _: Session | undefined, signWith?: SigningKey): void {
    if (signWith !== undefined) signMessage(signWith, reply.bytes, reply.view, HEAD_ROOM, to);
    this.sent.push(reply.bytes.slice(HEAD_ROOM, to));
    this.context.pool.release(reply);
  }
  close(reason: string): void {
    this.closedFor = reason;
    this.isClosed = true;
  }

  /** Handles one message and returns the headers of its responses. */
  handle(bytes: Uint8Array, rows: readonly (Row | undefined)[], sealedBy?: Session): Header[] {
    const exchange = new Exchange(this.context);
    const buffer = this.context.pool.acquire(bytes.length);
    buffer.bytes.set(bytes);
    exchange.begin(this, buffer, 0, bytes.length, sealedBy);
    do {
      exchange.readMember();
      const outcome = handleMember(exchange, rows);
      if (typeof outcome !== "number") throw new Error("the handlers of these tests answer at once");
      if (outcome !== NO_REPLY) exchange.completeMember(outcome);
    } while (exchange.advance() && !this.isClosed);
    if (!this.isClosed) exchange.sendFinished();
    exchange.dispose();
    return this.sent.splice(0).flatMap(headersOf);
  }
}

/** The headers of a compound. */
function headersOf(bytes: Uint8Array): Header[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headers: Header[] = [];
  for (let at = 0; ; at += view.getUint32(at + HeaderOffset.NEXT_COMMAND, true)) {
    headers.push(readHeader(view, at));
    if (view.getUint32(at + HeaderOffset.NEXT_COMMAND, true) === 0) return headers;
  }
}

export interface Request extends Partial<Header> {
  readonly command: number;
  /** StructureSize, and as many bytes of body; by default what the test's dispatch table expects. */
  readonly bodySize?: number;
  /** Low words of the FileId's persistent and volatile halves; written where the body has room. */
  readonly fileId?: readonly [persistent: number, volatile: number];
}

const BODY_SIZES: ReadonlyMap<number, number> = new Map([
  [Command.CLOSE, 24],
  [Command.READ, 24],
  [Command.WRITE, 24],
  [Command.LOCK, 24],
]);

/** One request, unsigned; `key` signs it as a client does. */
export function request(fields: Request, key?: SigningKey): Uint8Array {
  const { fileId } = fields;
  const bodySize = fields.bodySize ?? BODY_SIZES.get(fields.command) ?? 4;
  const bytes = new Uint8Array(64 + bodySize);
  writeHeader(new Writer(bytes, 0), { ...NO_HEADER, ...fields });
  const view = new DataView(bytes.buffer);
  if (bodySize >= 2) view.setUint16(64, bodySize, true);
  if (fileId !== undefined && bodySize >= 24) {
    for (const [i, low] of fileId.entries()) {
      view.setUint32(FILE_ID_OFFSET + 8 * i, low, true);
      view.setUint32(FILE_ID_OFFSET + 8 * i + 4, low === 0xffff_ffff ? low : 0, true);
    }
  }
  // CMAC takes no nonce, so that a request is signed just as a response is.
  if (key !== undefined) key.compute(bytes, 0, bytes.length, undefined, bytes, HeaderOffset.SIGNATURE);
  return bytes;
}

const NO_HEADER: Header = {
  creditCharge: 1,
  status: 0,
  command: 0,
  credits: 1,
  flags: 0,
  nextCommand: 0,
  messageId: 0,
  asyncId: 0,
  treeId: 0,
  sessionId: 0,
};

/** A compound of requests, each padded to eight bytes. */
export function compound(...members: readonly Uint8Array[]): Uint8Array {
  const sizes = members.map((member, i) =>
    i + 1 < members.length ? (member.length + 7) & ~7 : member.length,
  );
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [i, member] of members.entries()) {
    bytes.set(member, at);
    if (i + 1 < members.length) view.setUint32(at + HeaderOffset.NEXT_COMMAND, sizes[i] ?? 0, true);
    at += sizes[i] ?? 0;
  }
  return bytes;
}

/** A session in the state VALID that signs with AES-CMAC, entered on the connection. */
export function addSession(connection: FakeConnection, id: number): Session {
  const session = new Session(id, { revision: 0x0311, cipher: 0, signingAlgorithm: 1, clientGuid: "" });
  session.state = SessionState.VALID;
  session.signing = makeSigningKey(provider, SigningAlgorithm.AES_CMAC, new Uint8Array(16).fill(id));
  session.connectionIds.add(connection.id);
  connection.sessions.set(id, session);
  connection.context.sessions.set(id, session);
  return session;
}

export function addTree(session: Session, changes: Partial<Tree> = {}): Tree {
  const id = session.nextTreeId();
  const grant = { path: "/share" } as Tree["grant"];
  const tree = {
    id,
    session,
    grant,
    store: undefined,
    mustEncrypt: false,
    maximalAccess: 0,
    connectedMs: 0,
    isLost: false,
  };
  const added: Tree = { ...tree, ...changes };
  session.trees.set(id, added);
  return added;
}

/** An open of a file in `/share`, entered in the open table. */
export function addOpen({ context, id: connectionId }: FakeConnection, tree: Tree): Open {
  const { opens } = context;
  const open = new Open({
    id: opens.nextId(),
    session: tree.session,
    tree,
    connectionId,
    node: undefined,
    file: opens.takeFile("file", "/share/file"),
    handle: undefined,
    pipe: -1,
    grantedAccess: Access.READ_DATA,
    shareAccess: 7,
    createOptions: 0,
    isDirectory: false,
  });
  opens.add(open);
  return open;
}
