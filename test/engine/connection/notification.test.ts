// Oplock and lease break notifications; [MS-SMB2] 2.2.23, 3.3.4.6 (oplocks), 3.3.4.7 (leases).
import { describe, expect, test } from "bun:test";
import type { Channel } from "../../../src/engine/connection/channels.ts";
import type { EngineContext } from "../../../src/engine/connection/context.ts";
import { holdersToldOver, repeatBreaks, sendBreak } from "../../../src/engine/connection/notification.ts";
import { Cache, CachingHolder, FileCaching, type Lease } from "../../../src/engine/state/caching-holder.ts";
import type { SealKeys, Session } from "../../../src/engine/state/session.ts";
import { HEAD_ROOM } from "../../../src/engine/transport/buffer-pool.ts";
import { OplockLevel } from "../../../src/wire/command/create.ts";
import { decodeOplockBreakNotification } from "../../../src/wire/command/oplock-break.ts";
import { Message } from "../../../src/wire/cursor.ts";
import { Command, HeaderFlag, HeaderOffset, readHeader } from "../../../src/wire/header.ts";
import { addOpen, addSession, addTree, FakeConnection, makeContext } from "./connection-rig.ts";

const { HANDLE, READ, WRITE } = Cache;
const KEY = new Uint8Array(16).fill(0xab);

interface Sent {
  readonly connection: number;
  readonly bytes: Uint8Array;
  readonly sealedBy: Session | undefined;
}

/** A context whose connections 1, 2 and so on, closed ones among them, record what they send. */
function record(count: number, closed: readonly number[] = []): [EngineContext, Sent[]] {
  const context = makeContext();
  const sent: Sent[] = [];
  const connections = context.connections as Map<number, Channel>;
  for (let id = 1; id <= count; id++) {
    connections.set(id, {
      id,
      isClosed: closed.includes(id),
      dropSession: () => undefined,
      cancelWaits: () => undefined,
      sendReply: (reply, end, sealedBy) => {
        sent.push({ connection: id, bytes: reply.bytes.slice(HEAD_ROOM, end), sealedBy });
        context.pool.release(reply);
      },
    });
  }
  return [context, sent];
}

/** A holder of one open, made over the connection `over`, whose session has the connections `ids`. */
function holderOn(
  context: EngineContext,
  ids: readonly number[],
  lease?: Lease,
  over: number = ids[0] ?? 0,
): CachingHolder {
  const holder = new CachingHolder(new FileCaching(), lease);
  addHolderOpen(context, holder, 1, ids, over);
  return holder;
}

/** Adds an open in the session `sessionId` with the connections `ids`, made over the connection `over`. */
function addHolderOpen(
  context: EngineContext,
  holder: CachingHolder,
  sessionId: number,
  ids: readonly number[],
  over: number,
): Session {
  const connection = new FakeConnection(context);
  const session = addSession(connection, sessionId);
  session.connectionIds.clear();
  for (const id of ids) session.connectionIds.add(id);
  const open = addOpen(connection, addTree(session));
  open.connectionId = over;
  open.caching = holder;
  holder.opens.add(open);
  return session;
}

function leaseOf(version: 1 | 2): Lease {
  return { id: "lease", key: KEY, keyText: "", version, parentKey: undefined };
}

test("3.3.4.6: the header of a notification answers no request and is not signed", () => {
  const [context, sent] = record(1);
  expect(sendBreak(context, holderOn(context, [1]), READ | WRITE, READ, true)).toBe(true);
  const bytes = sent[0]?.bytes ?? new Uint8Array(0);
  const header = readHeader(new DataView(bytes.buffer), 0);
  expect(header).toMatchObject({
    command: Command.OPLOCK_BREAK,
    flags: HeaderFlag.SERVER_TO_REDIR,
    credits: 0,
    sessionId: 0,
    treeId: 0,
    status: 0,
  });
  expect([...bytes.subarray(HeaderOffset.MESSAGE_ID, HeaderOffset.MESSAGE_ID + 8)]).toEqual(
    Array(8).fill(0xff),
  );
  expect(bytes.subarray(HeaderOffset.SIGNATURE, 64).every((byte) => byte === 0)).toBe(true);
});

describe("2.2.23.1: an oplock break names the FileId and the new level", () => {
  test.each([
    ["level II", READ, OplockLevel.II],
    ["none", 0, OplockLevel.NONE],
  ])("%s", (_, to, oplockLevel) => {
    const [context, sent] = record(1);
    const holder = holderOn(context, [1]);
    const [open] = holder.opens;
    sendBreak(context, holder, READ | WRITE | HANDLE, to, true);
    const id = open?.id ?? 0;
    expect(decodeOplockBreakNotification(new Message(sent[0]?.bytes ?? KEY))).toEqual({
      kind: "oplock",
      oplockLevel,
      fileId: { persistentLow: id, persistentHigh: 0, volatileLow: id, volatileHigh: 0 },
    });
  });
});

describe("2.2.23.2: a lease break names the lease key and both states", () => {
  test.each([
    ["version 2 with its epoch, to be acknowledged", 2, true, 7, 1],
    ["version 1 without an epoch, not to be acknowledged", 1, false, 0, 0],
  ] as const)("%s", (_, version, needsAnswer, newEpoch, flags) => {
    const [context, sent] = record(1);
    const holder = holderOn(context, [1], leaseOf(version));
    holder.epoch = 7;
    sendBreak(context, holder, READ | HANDLE, READ, needsAnswer);
    expect(decodeOplockBreakNotification(new Message(sent[0]?.bytes ?? KEY))).toEqual({
      kind: "leaseNotification",
      newEpoch,
      flags,
      leaseKey: KEY,
      currentLeaseState: READ | HANDLE,
      newLeaseState: READ,
    });
  });
});

describe("3.3.4.6, 3.3.4.7: the connection", () => {
  test.each([
    ["that of the open, the session's first", [1, 2, 3], 1, [], 1],
    ["that of the open, in between", [1, 2, 3], 2, [], 2],
    ["that of the open, the newest", [1, 2, 3], 3, [], 3],
    ["the newest of the session where that of the open is closed", [1, 2, 3], 1, [1], 3],
    ["the newest that is not closed", [1, 2, 3], 1, [1, 3], 2],
    ["another one where that of the open is no channel of the session any more", [2, 3], 1, [], 3],
    ["none where all are closed", [1, 2], 1, [1, 2], undefined],
    ["none where the session has none", [], 1, [], undefined],
  ] as const)("%s", (_, ids, over, closed, expected) => {
    for (const lease of [undefined, leaseOf(2)]) {
      const [context, sent] = record(3, closed);
      const holder = holderOn(context, ids, lease, over);
      expect(sendBreak(context, holder, READ, 0, false)).toBe(expected !== undefined);
      expect(sent.map(({ connection }) => connection)).toEqual(expected === undefined ? [] : [expected]);
      expect(context.pool.lentBytes).toBe(0);
    }
  });

  test("another open of the lease serves where the first has no connection", () => {
    const [context, sent] = record(2);
    const holder = holderOn(context, [], leaseOf(2));
    addHolderOpen(context, holder, 2, [2], 2);
    expect(sendBreak(context, holder, READ, 0, false)).toBe(true);
    expect(sent.map((message) => message.connection)).toEqual([2]);
  });

  test("that of a later open of the lease is preferred to another channel of the first one's session", () => {
    const [context, sent] = record(3, [1]);
    const holder = holderOn(context, [1, 2], leaseOf(2), 1);
    addHolderOpen(context, holder, 2, [3], 3);
    expect(sendBreak(context, holder, READ, 0, false)).toBe(true);
    expect(sent.map((message) => message.connection)).toEqual([3]);
  });
});

describe("a break whose connection is lost is repeated over another one", () => {
  test.each([
    ["while an acknowledgement is due", true, true, READ | HANDLE, true],
    ["not after the acknowledgement", true, false, READ, false],
    ["where none is due", false, false, 0, true],
    ["not where none was due and the lease was extended since", false, false, READ, false],
  ] as const)("%s", (_, needsAnswer, isBreaking, state, expected) => {
    const [context, sent] = record(2);
    const holder = holderOn(context, [1, 2], leaseOf(2), 1);
    const [open] = holder.opens;
    holder.state = state;
    holder.isBreaking = isBreaking;
    sendBreak(context, holder, READ | HANDLE, needsAnswer ? READ : 0, needsAnswer);
    const session = open?.session as Session;
    expect([...holdersToldOver(context, [session], 2)]).toEqual([]);
    const told = holdersToldOver(context, [session], 1);
    expect([...told]).toEqual([holder]);
    session.connectionIds.delete(1);
    repeatBreaks(context, told);
    expect(sent.map(({ connection }) => connection)).toEqual(expected ? [1, 2] : [1]);
    if (expected) expect(sent[1]?.bytes).toEqual(sent[0]?.bytes ?? KEY);
  });
});

describe("3.3.4.6, 3.3.4.7: encryption", () => {
  test.each([
    ["where the session requires it", true, false, true, true],
    ["where the tree connect requires it", false, true, true, true],
    ["not where neither requires it", false, false, true, false],
    ["not where the session has no keys", true, true, false, false],
  ])("%s", (_, session, tree, hasKeys, expected) => {
    const [context, sent] = record(1);
    const connection = new FakeConnection(context);
    const owner = addSession(connection, 1);
    owner.mustEncrypt = session;
    if (hasKeys) owner.sealing = {} as SealKeys;
    const holder = new CachingHolder(new FileCaching(), undefined);
    holder.opens.add(addOpen(connection, addTree(owner, { mustEncrypt: tree })));
    sendBreak(context, holder, READ, 0, false);
    expect(sent.map(({ sealedBy }) => sealedBy)).toEqual([expected ? owner : undefined]);
  });
});
