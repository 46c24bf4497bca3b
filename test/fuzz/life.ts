// One connection of the long fuzzer: log-on, a sequence of requests on shared names, some mutated, and an end.
import { randomBytes } from "node:crypto";
import { CreateDisposition, OplockLevel } from "../../src/wire/command/create.ts";
import { HeaderFlag, HeaderOffset } from "../../src/wire/header.ts";
import { Status } from "../../src/wire/status.ts";
import { type Call, negotiateCall, type Reply, treeConnectCall } from "../e2e/client/raw-calls.ts";
import { RawClient, StatusError } from "../e2e/client/raw-client.ts";
import { createCall, type Mount, READ_WRITE } from "../e2e/client/raw-files.ts";
import { ConnectionClosed } from "../e2e/client/raw-socket.ts";
import { decodeCreateResponse } from "../../src/wire/command/create.ts";
import type { FileId } from "../../src/wire/file-id.ts";
import { TESTER, TESTER2, type TestServer } from "../peer/test-server.ts";
import { mutate } from "./bytes.ts";
import type { Kept } from "./corpus.ts";
import {
  controlSamples,
  createSamples,
  dataSamples,
  informationSamples,
  listingSamples,
} from "./file-samples.ts";
import { callsAfterLogOn, PLACEHOLDERS, repairHeader, retarget, type Targets } from "./server-samples.ts";

export interface Answer {
  readonly status: number;
  count: number;
  /** The first message that got this answer; undefined where it was part of a log-on. */
  readonly message: Uint8Array | undefined;
}

export interface Findings {
  messages: number;
  mutated: number;
  lives: number;
  /** By `command/status`. */
  readonly answers: Map<string, Answer>;
}

const USERS = [
  TESTER,
  TESTER2,
  { user: "", password: "", isAnonymous: true },
  { user: "nobody-known", password: "x" },
];
const DIALECTS = [0x0202, 0x0210, 0x0300, 0x0302, 0x0311];
const NAMES = ["a", "b", "dir", "dir\\c", "dir\\d", "A", "long name of a file.text", "a:stream"];
/** Requests under way at once. */
const DEPTH = 12;
const WAIT_MS = 3000;

type Random = () => number;
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** Lives once; only a fault of the server throws. */
export async function liveOnce(
  server: TestServer,
  random: Random,
  corpus: readonly Kept[],
  findings: Findings,
): Promise<void> {
  findings.lives++;
  let client: RawClient;
  try {
    client = await RawClient.connect(
      server,
      `127.0.${1 + Math.floor(random() * 4)}.${1 + Math.floor(random() * 200)}`,
    );
  } catch {
    return;
  }
  try {
    await live(client, random, corpus, findings);
  } catch (error) {
    if (!(error instanceof ConnectionClosed) && !(error instanceof StatusError)) throw error;
  } finally {
    if (random() < 0.3) client.socket.end();
    client.close();
  }
}

async function live(
  client: RawClient,
  random: Random,
  corpus: readonly Kept[],
  findings: Findings,
): Promise<void> {
  await client.negotiate({ dialects: [pick(random, DIALECTS)], clientGuid: new Uint8Array(randomBytes(16)) });
  if (random() < 0.05) return;
  const session = await client.logOn(pick(random, USERS));
  session.seals = session.signs && client.algorithms.dialect >= 0x0300 && random() < 0.3;
  const treeId = await client.connectTree(session, random() < 0.9 ? "test" : "IPC$");
  const mount: Mount = { client, session, treeId };
  const targets = await openTwo(mount, random);
  if (targets === undefined) return;
  const files = { ...targets, stream: targets.file, key: new Uint8Array(randomBytes(24)) };
  const samples = callsAfterLogOn(mount, targets, false).concat(
    createSamples(mount),
    informationSamples(mount, files),
    listingSamples(mount, files),
    controlSamples(mount, files),
    dataSamples(mount, files),
    NAMES.map((name) => someCreate(mount, name, random)),
    [negotiateCall({}), treeConnectCall(session, "open")],
  );
  const under: Promise<unknown>[] = [];
  for (let left = 5 + Math.floor(random() * 60); left > 0 && !client.socket.isClosed; left--) {
    if (client.credits < 8) break;
    under.push(send(mount, targets, pickMessage(mount, samples, corpus, random, findings), findings));
    if (under.length >= DEPTH)
      await Promise.race([Promise.all(under.splice(0)), Bun.sleep(random() < 0.2 ? 0 : 40)]);
  }
  await Promise.race([Promise.all(under), Bun.sleep(100)]);
}

async function openTwo(mount: Mount, random: Random): Promise<Targets | undefined> {
  const open = async (name: string, isFolder: boolean): Promise<FileId | undefined> => {
    const call = createCall(mount, name, {
      desiredAccess: isFolder ? 0x0012_0089 : READ_WRITE,
      createDisposition: CreateDisposition.OPEN_IF,
      createOptions: isFolder ? 1 : 0x40,
      oplockLevel: pick(random, [OplockLevel.NONE, OplockLevel.II, OplockLevel.BATCH]),
    });
    const reply = await inTime(mount.client.start(call).reply);
    return reply?.status === Status.SUCCESS ? decodeCreateResponse(reply.message).fileId : undefined;
  };
  const folder = await open("dir", true);
  const file = await open(pick(random, ["a", "b", "dir\\c"]), false);
  return folder && file ? { file, folder } : undefined;
}

function someCreate(mount: Mount, name: string, random: Random): Call {
  const key = new Uint8Array(16).fill(Math.floor(random() * 4));
  return createCall(mount, name, {
    desiredAccess: pick(random, [READ_WRITE, 0x0200_0000, 0x0001_0080, 0x0012_0089]),
    createDisposition: Math.floor(random() * 6),
    createOptions: pick(random, [0, 1, 0x40, 0x1000, 0x20_0000]),
    shareAccess: Math.floor(random() * 8),
    oplockLevel: pick(random, [OplockLevel.NONE, OplockLevel.BATCH, OplockLevel.LEASE]),
    contexts: {
      durableRequest: true,
      lease: { version: 2, key, state: 7, flags: 0, parentKey: new Uint8Array(16), epoch: 1 },
    },
  });
}

/** A valid request, a mutated one or a mutated one of the corpus; its header fits the connection. */
function pickMessage(
  mount: Mount,
  samples: readonly Call[],
  corpus: readonly Kept[],
  random: Random,
  findings: Findings,
): Uint8Array {
  const kept = corpus.length > 0 && random() < 0.3 ? pick(random, corpus).bytes : undefined;
  let bytes =
    kept ?? mount.client.build({ ...pick(random, samples), messageId: 0, sign: false }).bytes.slice();
  if (random() < 0.5) {
    findings.mutated++;
    bytes = mutate(bytes, random, random() < 0.9 ? 64 : 0);
  }
  return bytes.slice();
}

async function send(mount: Mount, targets: Targets, message: Uint8Array, findings: Findings): Promise<void> {
  const { client, session } = mount;
  if (message.length < 64) return;
  const kept = message.slice();
  retarget(kept, targets, PLACEHOLDERS);
  retarget(message, PLACEHOLDERS, targets);
  const messageId = client.nextMessageId++;
  client.credits--;
  repairHeader(message, messageId, mount);
  const view = new DataView(message.buffer);
  view.setUint32(
    HeaderOffset.FLAGS,
    view.getUint32(HeaderOffset.FLAGS, true) & ~HeaderFlag.RELATED_OPERATIONS,
    true,
  );
  view.setUint16(HeaderOffset.CREDITS, 16, true);
  const command = view.getUint16(HeaderOffset.COMMAND, true);
  if (session.signs && !session.seals) session.sign(message);
  const pending = client.expect(messageId);
  client.transmit(message, session);
  findings.messages++;
  const reply = await inTime(pending.reply);
  if (reply === undefined) return;
  if (reply.signature === "wrong") throw new Error(`a reply to command ${command} has a wrong signature`);
  const key = `${command}/${reply.status}`;
  const known = findings.answers.get(key);
  if (known) known.count++;
  else findings.answers.set(key, { status: reply.status, count: 1, message: kept });
}

/** The reply; undefined when the connection ends or it does not come: LOCK, CHANGE_NOTIFY and CANCEL may wait. */
async function inTime(reply: Promise<Reply>): Promise<Reply | undefined> {
  return Promise.race([reply.catch(() => undefined), Bun.sleep(WAIT_MS).then(() => undefined)]);
}
