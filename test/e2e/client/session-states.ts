// The states and events of the table in src/engine/connection/README.md: how a raw client brings a session into a state,
// and what it sends there.
import { nativeProvider as provider } from "../../../src/crypto/native.ts";
import { encodeCancelRequest } from "../../../src/wire/command/cancel.ts";
import { encodeEchoRequest } from "../../../src/wire/command/echo.ts";
import { encodeLogoffRequest } from "../../../src/wire/command/logoff.ts";
import { Dialect, SecurityMode } from "../../../src/wire/command/negotiate.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../../src/wire/file-id.ts";
import { Command, HeaderFlag } from "../../../src/wire/header.ts";
import { Status, statusName } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer, type User } from "../../peer/test-server.ts";
import { bindChannel, bindingCall } from "./channels.ts";
import { key } from "./lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "./lock-calls.ts";
import { type Call, sessionSetupCall, treeConnectCall } from "./raw-calls.ts";
import { RawClient, StatusError } from "./raw-client.ts";
import { closeCall, createFile, type Mount, readCall } from "./raw-files.ts";
import { NtlmExchange } from "./raw-ntlm.ts";
import { RawSession } from "./raw-session.ts";
import { startServer } from "./server.ts";
import { ConnectionClosed } from "./raw-socket.ts";

/** A session in a state, on the connection that the event uses. `fileId` is an open of the share `test`. */
export interface Stage {
  readonly client: RawClient;
  readonly session: RawSession;
  readonly treeId: number;
  readonly fileId: FileId;
  readonly others: readonly RawClient[];
  /** The session object with the keys of encryption, which all channels share; absent: `session`. */
  readonly sealer?: RawSession;
}

const REQUIRED = SecurityMode.SIGNING_ENABLED | SecurityMode.SIGNING_REQUIRED;
/** One client for each dialect: it may not log on over two dialects at once. */
const CLIENTS: ReadonlyMap<number, Uint8Array> = new Map(
  [Dialect.SMB_3_0, Dialect.SMB_3_1_1].map((dialect) => [dialect, key(dialect & 0xff)]),
);
const CAPABILITIES = 0x8 | 0x40 | 0x4;

async function connect(server: TestServer, dialect: number, securityMode?: number): Promise<RawClient> {
  const client = await RawClient.connect(server);
  await client.negotiate({
    dialects: [dialect],
    capabilities: CAPABILITIES,
    clientGuid: CLIENTS.get(dialect) ?? new Uint8Array(16),
    ...(securityMode !== undefined && { securityMode }),
  });
  return client;
}

/** A session object with keys that the server does not know. */
function inventKeys(client: RawClient, id: number): RawSession {
  const session = new RawSession(provider, id, client.algorithms, new Uint8Array(16), client.preauthHash, 0);
  client.sessions.set(id, session);
  return session;
}

async function mounted(server: TestServer, dialect: number, securityMode?: number): Promise<Stage> {
  const client = await connect(server, dialect, securityMode);
  const session = await client.logOn({ ...TESTER, ...(securityMode !== undefined && { securityMode }) });
  const treeId = await client.connectTree(session, "test");
  const fileId = await createFile({ client, session, treeId }, `file ${session.id}`);
  return { client, session, treeId, fileId, others: [] };
}

async function firstLeg(client: RawClient, sessionId: number, call: Partial<Call>): Promise<number> {
  const token = new NtlmExchange(provider, TESTER).first();
  const reply = await client.request({ ...sessionSetupCall({}, token, sessionId), ...call });
  if (reply.status !== Status.MORE_PROCESSING_REQUIRED) throw new StatusError("first leg", reply.status);
  return reply.header.sessionId;
}

const NOTHING = { treeId: 1, fileId: FILE_ID_ALL_ONES, others: [] };
const { SMB_3_1_1, SMB_3_0 } = Dialect;

export const STATES: Readonly<Record<string, (server: TestServer) => Promise<Stage>>> = {
  async none(server) {
    const client = await connect(server, SMB_3_1_1);
    return { client, session: inventKeys(client, 0x1234_5678), ...NOTHING };
  },
  async "first log-on"(server) {
    const client = await connect(server, SMB_3_1_1);
    return { client, session: inventKeys(client, await firstLeg(client, 0, {})), ...NOTHING };
  },
  valid: (server) => mounted(server, SMB_3_1_1),
  "valid, 3.0": (server) => mounted(server, SMB_3_0),
  "must sign": (server) => mounted(server, SMB_3_1_1, REQUIRED),
  async "must seal"(server) {
    const client = await connect(server, SMB_3_1_1);
    const session = await client.logOn(TESTER);
    // The server requires it, in [global]: see `startServers`.
    session.seals = true;
    const treeId = await client.connectTree(session, "test");
    const fileId = await createFile({ client, session, treeId }, `file ${session.id}`);
    session.seals = false;
    return { client, session, treeId, fileId, others: [] };
  },
  async "re-authentication"(server) {
    const stage = await mounted(server, SMB_3_1_1);
    await firstLeg(stage.client, stage.session.id, { session: stage.session });
    return stage;
  },
  async channel(server) {
    const first = await mounted(server, SMB_3_1_1);
    const client = await connect(server, SMB_3_1_1);
    const session = await bindChannel(client, first.session, TESTER);
    return { ...first, client, session, others: [first.client], sealer: first.session };
  },
  async "other connection"(server) {
    const first = await mounted(server, SMB_3_1_1);
    const client = await connect(server, SMB_3_1_1);
    client.sessions.set(first.session.id, first.session);
    return { ...first, client, others: [first.client] };
  },
  async anonymous(server) {
    const client = await connect(server, SMB_3_1_1);
    const { id } = await client.logOn({ user: "", password: "", isAnonymous: true });
    return { client, session: inventKeys(client, id), ...NOTHING };
  },
  async ended(server) {
    const stage = await mounted(server, SMB_3_1_1);
    await stage.client.demand("LOGOFF", logoff(stage));
    return stage;
  },
};

const logoff = ({ session }: Stage): Call => ({
  command: Command.LOGOFF,
  session,
  body: (writer) => encodeLogoffRequest(writer),
});
const echo = ({ session }: Stage): Call => ({
  command: Command.ECHO,
  session,
  body: (writer) => encodeEchoRequest(writer),
});
const setUp = ({ session }: Stage): Call => ({
  ...sessionSetupCall({}, new NtlmExchange(provider, TESTER).first(), session.id),
  session,
});
const mountOf = ({ client, session, treeId }: Stage): Mount => ({ client, session, treeId });
const unsigned = (make: (stage: Stage) => Call) => (stage: Stage) =>
  send(stage, { ...make(stage), sign: false });
const signed = (make: (stage: Stage) => Call) => (stage: Stage) =>
  send(stage, { ...make(stage), sign: true });
const forged = (make: (stage: Stage) => Call) => (stage: Stage) =>
  send(stage, {
    ...make(stage),
    sign: true,
    editSigned: (bytes) => {
      bytes[63] = (bytes[63] ?? 0) ^ 1;
      return undefined;
    },
  });
const sealed = (make: (stage: Stage) => Call) => async (stage: Stage) => {
  const session = stage.sealer ?? stage.session;
  stage.client.sessions.set(session.id, session);
  session.seals = true;
  const outcome = await send(stage, make({ ...stage, session }));
  session.seals = false;
  return outcome;
};

/** The status without its prefix, and how the response is protected; `closed` for an ended connection. */
async function send({ client }: Stage, call: Call): Promise<string> {
  try {
    const reply = await client.request(call);
    const name = statusName(reply.status).replace("STATUS_", "");
    if (reply.isSealed) return `${name}, sealed`;
    return (reply.header.flags & HeaderFlag.SIGNED) === 0 ? name : `${name}, signed`;
  } catch (error) {
    if (error instanceof ConnectionClosed) return "closed";
    throw error;
  }
}

async function logOnAs(stage: Stage, user: User): Promise<string> {
  try {
    await stage.client.logOn({ ...user, session: stage.session });
    return "SUCCESS";
  } catch (error) {
    if (error instanceof ConnectionClosed) return "closed";
    if (error instanceof StatusError) return statusName(error.status).replace("STATUS_", "");
    throw error;
  }
}

const tree = ({ session }: Stage): Call => treeConnectCall(session, "test");
const read = (stage: Stage): Call => readCall(mountOf(stage), stage.fileId, 0, 1);
const lock = (stage: Stage): Call => lockOne(mountOf(stage), stage.fileId, 0, 1, EXCLUSIVE_NOW);
const close = (stage: Stage): Call => closeCall(mountOf(stage), stage.fileId);
const binding = ({ session }: Stage): Call =>
  bindingCall(session.id, new NtlmExchange(provider, TESTER).first(), session);

/** CANCEL has no answer: an ECHO behind it tells whether the connection goes on. */
async function cancel(stage: Stage, sign: boolean): Promise<string> {
  const { client, session } = stage;
  const call = { command: Command.CANCEL, session, sign, messageId: 0, body: encodeCancelRequest };
  client.transmit(client.build(call).bytes, undefined);
  const after = await send(stage, { command: Command.ECHO, body: (writer) => encodeEchoRequest(writer) });
  return after === "SUCCESS" ? "no answer" : after;
}

export const EVENTS: Readonly<Record<string, (stage: Stage) => Promise<string>>> = {
  "TREE_CONNECT, unsigned": unsigned(tree),
  "TREE_CONNECT, signed": signed(tree),
  "TREE_CONNECT, wrongly signed": forged(tree),
  "TREE_CONNECT, sealed": sealed(tree),
  "READ, unsigned": unsigned(read),
  "READ, signed": signed(read),
  "READ, sealed": sealed(read),
  "LOCK, unsigned": unsigned(lock),
  "LOCK, signed": signed(lock),
  "CLOSE, unsigned": unsigned(close),
  "CLOSE, signed": signed(close),
  "ECHO, unsigned": unsigned(echo),
  "ECHO, signed": signed(echo),
  "LOGOFF, unsigned": unsigned(logoff),
  "LOGOFF, signed": signed(logoff),
  "CANCEL, unsigned": (stage) => cancel(stage, false),
  "CANCEL, signed": (stage) => cancel(stage, true),
  "SESSION_SETUP, unsigned": unsigned(setUp),
  "SESSION_SETUP, signed": signed(setUp),
  "SESSION_SETUP, wrongly signed": forged(setUp),
  "SESSION_SETUP with BINDING, unsigned": unsigned(binding),
  "SESSION_SETUP with BINDING, signed": signed(binding),
  "log-on as the same user": (stage) => logOnAs(stage, TESTER),
  "log-on as another user": (stage) => logOnAs(stage, TESTER2),
};

const COMMON = { "server multi channel support": "yes" };

/** Starts the servers of the table. `serverFor` is the one for a state. */
export async function startServers() {
  const plain = await startServer({ parameters: COMMON });
  const sealing = await startServer({ parameters: { ...COMMON, "smb3 encryption": "desired" } });
  return {
    serverFor: (state: string): TestServer => (state === "must seal" ? sealing : plain),
    stop: () => Promise.all([plain.stop(), sealing.stop()]),
  };
}
