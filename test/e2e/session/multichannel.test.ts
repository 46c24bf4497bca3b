// Sessions over several connections, sessions that end others, and crowds of clients that reconnect.
// [MS-SMB2] 3.3.5.5.2 (binding), 3.3.5.5.3 (PreviousSessionId), 3.3.7.1 (loss of a connection).
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeCreateResponse } from "../../../src/wire/command/create.ts";
import { Command } from "../../../src/wire/header.ts";
import { Capability, Dialect } from "../../../src/wire/command/negotiate.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { Status } from "../../../src/wire/status.ts";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing, type Outcome, outcomeOf } from "../client/attack-rig.ts";
import { bindChannel, type BindingOptions } from "../client/channels.ts";
import {
  finishOpen,
  key,
  leaseAck,
  leaseV2,
  LEASING,
  nextLeaseBreak,
  openLeased,
  RH,
  RWH,
  startOpen,
} from "../client/lease-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import type { NegotiateOptions } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import {
  closeFile,
  createFile,
  type Mount,
  mountShare,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import type { RawSocket } from "../client/raw-socket.ts";
import { readTables } from "../client/server.ts";

let server: TestServer;
beforeAll(async () => {
  const parameters = { "server multi channel support": "yes", "oplock break timeout": "2" };
  server = await startSubject({ users: [TESTER, TESTER2], parameters });
});
afterAll(async () => {
  await server?.stop();
});

const CAPABILITIES: number = LEASING | Capability.MULTI_CHANNEL | Capability.ENCRYPTION;

/**
 * The same for all channels of a session, but for what a test changes. CMAC, which all 3.x dialects have:
 * with GMAC another dialect would be refused for its signing algorithm first.
 */
function termsOf(clientGuid: Uint8Array): NegotiateOptions {
  return { capabilities: CAPABILITIES, clientGuid, signing: [SigningAlgorithm.AES_CMAC] };
}

function bytes16(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

async function negotiated(options: NegotiateOptions): Promise<RawClient> {
  const client = await RawClient.connect(server);
  await client.negotiate(options);
  return client;
}

/** Binds a new connection to the session of a mount. */
async function addChannel(mount: Mount, options: NegotiateOptions): Promise<Mount<RawSocket>> {
  const client = await negotiated(options);
  const session = await bindChannel(client, mount.session, TESTER);
  return { client, session, treeId: mount.treeId };
}

describe.each([Dialect.SMB_3_0, Dialect.SMB_3_0_2, Dialect.SMB_3_1_1])("dialect %d", (dialect) => {
  const only = (guid: Uint8Array): NegotiateOptions => ({ ...termsOf(guid), dialects: [dialect] });

  test("two channels have one session, which survives the end of either", async () => {
    const guid = bytes16();
    const first = await mountShare(server, TESTER, "test", only(guid));
    const second = await addChannel(first, only(guid));
    const file = await createFile(first, `channels ${dialect}`);
    const data = new Uint8Array(randomBytes(100_000));
    expect(await writeFile(second, file, 0, data)).toBe(data.length);
    expect(await readFile(first, file, 0, data.length)).toEqual(data);
    expect(await writeFile(first, file, data.length, data)).toBe(data.length);
    expect(await readFile(second, file, data.length, data.length)).toEqual(data);
    first.client.close();
    expect(await readFile(second, file, 0, data.length)).toEqual(data);
    // The session key stays that of the first channel, which is closed by now.
    const third = await addChannel({ ...second, session: first.session }, only(guid));
    second.client.close();
    expect(await readFile(third, file, 0, data.length)).toEqual(data);
    await closeFile(third, file);
    third.client.close();
  });
});

test("a lease break is sent over another channel when that of the open is closed", async () => {
  const guid = bytes16();
  const first = await mountShare(server, TESTER, "test", termsOf(guid));
  const second = await addChannel(first, termsOf(guid));
  await openLeased(first, "failover", leaseV2(1, RWH));
  first.client.close();
  const other = await mountShare(server, TESTER, "test", termsOf(bytes16()));
  const pending = startOpen(other, "failover");
  expect(await nextLeaseBreak(second)).toMatchObject({ currentLeaseState: RWH, newLeaseState: RH });
  expect(await second.client.outcome(leaseAck(second, key(1), RH))).toBe(0);
  expect((await pending.reply).status).toBe(Status.SUCCESS);
  await finishOpen(pending);
  second.client.close();
  other.client.close();
});

describe("a binding is refused, and the session unharmed, with", () => {
  let guid: Uint8Array;
  let victim: Mount<RawSocket>;
  let file: Awaited<ReturnType<typeof createFile>>;
  beforeAll(async () => {
    guid = bytes16();
    victim = await mountShare(server, TESTER, "test", termsOf(guid));
    file = await createFile(victim, "victim");
  });
  afterAll(() => victim.client.close());

  async function tryBinding(
    user: typeof TESTER,
    change: NegotiateOptions = {},
    options: BindingOptions = {},
  ): Promise<Outcome> {
    const client = await negotiated({ ...termsOf(guid), ...change });
    const outcome = await outcomeOf(bindChannel(client, victim.session, user, options));
    // After a refusal the connection must not be a channel of the session.
    const mount = { client, session: victim.session, treeId: victim.treeId };
    if (outcome !== Status.SUCCESS && !client.socket.isClosed) {
      const write = await client.outcome(writeCall(mount, file, 0, new Uint8Array(8)));
      expectOutcome(write, Status.USER_SESSION_DELETED, Status.ACCESS_DENIED, "closed");
    }
    client.close();
    return outcome;
  }

  async function expectUnharmed(): Promise<void> {
    const data = new Uint8Array(randomBytes(1000));
    expect(await writeFile(victim, file, 0, data)).toBe(data.length);
    expect(await readFile(victim, file, 0, data.length)).toEqual(data);
  }

  test("another user", async () => {
    expectOutcome(await tryBinding(TESTER2), Status.ACCESS_DENIED);
    await expectUnharmed();
  });

  test("a wrong password", async () => {
    expectOutcome(await tryBinding({ ...TESTER, password: "wrong" }), Status.LOGON_FAILURE);
    await expectUnharmed();
  });

  test("another dialect", async () => {
    expectOutcome(await tryBinding(TESTER, { dialects: [Dialect.SMB_3_0_2] }), Status.INVALID_PARAMETER);
    await expectUnharmed();
  });

  test("a dialect without multichannel", async () => {
    const change = { dialects: [Dialect.SMB_2_1] };
    const signer = victim.session;
    expectOutcome(
      await tryBinding(TESTER, change, { signer }),
      Status.REQUEST_NOT_ACCEPTED,
      Status.ACCESS_DENIED,
    );
    await expectUnharmed();
  });

  test("no signature", async () => {
    expectOutcome(await tryBinding(TESTER, {}, { sign: false }), Status.INVALID_PARAMETER);
    await expectUnharmed();
  });

  test("a signature with another session's key", async () => {
    const thief = await mountShare(server, TESTER, "test", termsOf(guid));
    expectOutcome(await tryBinding(TESTER, {}, { signer: thief.session }), Status.ACCESS_DENIED);
    thief.client.close();
    await expectUnharmed();
  });

  test("the connection that has the session already", async () => {
    expectOutcome(
      await outcomeOf(bindChannel(victim.client, victim.session, TESTER)),
      Status.REQUEST_NOT_ACCEPTED,
    );
    await expectUnharmed();
  });
});

describe("PreviousSessionId", () => {
  const echo = (mount: Mount) =>
    mount.client.outcome({
      command: Command.QUERY_INFO,
      session: mount.session,
      treeId: mount.treeId,
      body: (writer) => writer.zero(40),
    });

  test("of another user's session is ignored", async () => {
    const victim = await mountShare(server, TESTER, "test", termsOf(bytes16()));
    const file = await createFile(victim, "not yours");
    const previousSessionId = victim.session.id;
    const other = await mountShare(server, { ...TESTER2, previousSessionId }, "test", termsOf(bytes16()));
    expect(await writeFile(victim, file, 0, new Uint8Array(10))).toBe(10);
    other.client.close();
    victim.client.close();
  });

  test("of the same user's session ends it, its locks and its waiting requests", async () => {
    const guid = bytes16();
    const before = await mountShare(server, TESTER, "test", termsOf(guid));
    const holder = await mountShare(server, TESTER, "test", termsOf(bytes16()));
    const held = await createFile(holder, "waited for");
    expect(await holder.client.outcome(lockOne(holder, held, 0, 10, EXCLUSIVE_NOW))).toBe(0);
    const file = decodeCreateResponse((await startOpen(before, "waited for").reply).message).fileId;
    expect(await before.client.outcome(lockOne(before, file, 20, 10, EXCLUSIVE_NOW))).toBe(0);
    const waiting = before.client.start(lockOne(before, file, 0, 10, EXCLUSIVE_NOW & 0x3));
    await waiting.interim;
    const previousSessionId = before.session.id;
    const after = await mountShare(server, { ...TESTER, previousSessionId }, "test", termsOf(guid));
    expectOutcome(await echo(before), Status.USER_SESSION_DELETED);
    // Neither the lock that the session held nor the one that it waited for blocks another client.
    expectOutcome(await holder.client.outcome(lockOne(holder, held, 20, 10, EXCLUSIVE_NOW)), Status.SUCCESS);
    await closeFile(holder, held);
    const again = await createFile(after, "waited for");
    expectOutcome(await after.client.outcome(lockOne(after, again, 0, 30, EXCLUSIVE_NOW)), Status.SUCCESS);
    for (const mount of [before, holder, after]) mount.client.close();
  });

  test("of the session itself is ignored", async () => {
    const mount = await mountShare(server, TESTER, "test", termsOf(bytes16()));
    const file = await createFile(mount, "itself");
    await mount.client.logOn({ ...TESTER, session: mount.session, previousSessionId: mount.session.id });
    expect(await writeFile(mount, file, 0, new Uint8Array(10))).toBe(10);
    mount.client.close();
  });
});

test.skipIf(againstSmbd)(
  "200 clients that disconnect and reconnect leave no state behind",
  async () => {
    const CLIENTS = 200;
    const own = await startSubject({ shares: [{ name: "test", parameters: { "max connections": "1000" } }] });
    try {
      const guids = Array.from({ length: CLIENTS }, bytes16);
      let sessions: number[] = Array.from({ length: CLIENTS }, () => 0);
      for (let round = 0; round < 2; round++) {
        const mounts = await Promise.all(
          guids.map(async (guid, index) => {
            const logOn = { ...TESTER, previousSessionId: sessions[index] ?? 0 };
            const mount = await mountShare(own, logOn, "test", termsOf(guid));
            const { contexts } = await openLeased(mount, `storm ${index}`, leaseV2(index & 0xff, RWH));
            expect(contexts.lease?.state).toBe(RWH);
            return mount;
          }),
        );
        sessions = mounts.map((mount) => mount.session.id);
        for (const mount of mounts) mount.client.close();
      }
      await expectServing(own);
      expect(await readTables(own, own.log)).toBe(
        "opens=0 files=0 sessions=0 locks=0 leases=0 watches=0 waiting=0 detached=0 buffers=0",
      );
    } finally {
      await own.stop();
    }
  },
  60_000,
);
