// The connection over which oplock and lease breaks are sent when a client has several; [MS-SMB2] 3.3.4.6,
// 3.3.4.7, 3.3.4.1.6.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CreateDisposition, OplockLevel } from "../../../src/wire/command/create.ts";
import { Capability } from "../../../src/wire/command/negotiate.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { Status } from "../../../src/wire/status.ts";
import { startSubject } from "../../peer/start.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { bindChannel } from "../client/channels.ts";
import {
  isQuiet,
  key,
  leaseAck,
  leaseV2,
  LEASING,
  nextLeaseBreak,
  nextOplockBreak,
  oplockAck,
  openLeased,
  R,
  READ_WRITE_DATA,
  RH,
  RWH,
  startOpen,
} from "../client/lease-rig.ts";
import type { NegotiateOptions, Pending } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { closeFile, type Mount, mountShare, openFile, writeFile } from "../client/raw-files.ts";

let server: TestServer;
beforeAll(async () => {
  const parameters = { "server multi channel support": "yes", "oplock break timeout": "10" };
  server = await startSubject({ parameters });
});
afterAll(async () => {
  await server?.stop();
});

function termsOf(clientGuid: Uint8Array): NegotiateOptions {
  const capabilities = LEASING | Capability.MULTI_CHANNEL | Capability.ENCRYPTION;
  return { capabilities, clientGuid, signing: [SigningAlgorithm.AES_CMAC] };
}

/** Three channels of one session, and another client. */
async function withChannels(
  run: (channels: readonly [Mount, Mount, Mount], other: Mount) => Promise<void>,
): Promise<void> {
  const terms = termsOf(new Uint8Array(randomBytes(16)));
  const first = await mountShare(server, TESTER, "test", terms);
  const other = await mountShare(server, TESTER, "test", termsOf(new Uint8Array(randomBytes(16))));
  const mounts: Mount[] = [first, other];
  const bind = async (): Promise<Mount> => {
    const client = await RawClient.connect(server);
    await client.negotiate(terms);
    const mount = { client, session: await bindChannel(client, first.session, TESTER), treeId: first.treeId };
    mounts.push(mount);
    return mount;
  };
  try {
    await run([first, await bind(), await bind()], other);
  } finally {
    for (const { client } of mounts) client.close();
  }
}

const BATCH = {
  createDisposition: CreateDisposition.OPEN_IF,
  desiredAccess: READ_WRITE_DATA,
  oplockLevel: OplockLevel.BATCH,
};

/** The numbers of the connections that have received something unasked for, once the opener waits. */
async function toldBy(pending: Pending, mounts: readonly Mount[]): Promise<number[]> {
  expect((await pending.interim).status).toBe(Status.PENDING);
  const told: number[] = [];
  for (const [index, mount] of mounts.entries()) {
    if (!mount.client.socket.isClosed && !(await isQuiet(mount))) told.push(index);
  }
  return told;
}

describe.each([0, 1, 2])("opened over channel %d of three", (index) => {
  test("a lease is broken over that channel", async () => {
    await withChannels(async (channels, other) => {
      const name = `lease ${index}`;
      await openLeased(channels[index] as Mount, name, leaseV2(1, RWH));
      expect(await toldBy(startOpen(other, name), channels)).toEqual([index]);
    });
  });

  test("an oplock is broken over that channel", async () => {
    await withChannels(async (channels, other) => {
      const name = `oplock ${index}`;
      await openFile(channels[index] as Mount, name, BATCH);
      expect(await toldBy(startOpen(other, name), channels)).toEqual([index]);
    });
  });

  test("a break that was sent over that channel is repeated over another when the channel is lost", async () => {
    await withChannels(async (channels, other) => {
      const holder = channels[index] as Mount;
      const rest = channels.filter((mount) => mount !== holder);
      const held = await openFile(holder, `lost oplock ${index}`, BATCH);
      const pending = startOpen(other, `lost oplock ${index}`);
      expect(await nextOplockBreak(holder)).toEqual({ level: OplockLevel.II, fileId: held.fileId });
      holder.client.close();
      const told = await Promise.any(rest.map(tellsWhen));
      expect(await nextOplockBreak(told)).toEqual({ level: OplockLevel.II, fileId: held.fileId });
      const ack = oplockAck(rest[0] as Mount, held.fileId, OplockLevel.II);
      expect(await (rest[0] as Mount).client.outcome(ack)).toBe(Status.SUCCESS);
      expect((await pending.reply).status).toBe(Status.SUCCESS);
    });
  });
});

/** Resolves once the mount has received a break, and leaves it unread. */
async function tellsWhen(mount: Mount): Promise<Mount> {
  const reply = await mount.client.nextUnclaimed(5000);
  if (reply === undefined) throw new Error("no break arrived");
  mount.client.unclaimed.unshift(reply);
  return mount;
}

test("a break of READ caching alone is repeated over another channel, too", async () => {
  await withChannels(async ([first, second, third], other) => {
    await openLeased(first, "read lease", leaseV2(1, R));
    const writer = await openFile(other, "read lease", { desiredAccess: READ_WRITE_DATA });
    await writeFile(other, writer.fileId, 0, new Uint8Array(1));
    expect(await nextLeaseBreak(first)).toMatchObject({ newLeaseState: 0, flags: 0 });
    first.client.close();
    const told = await Promise.any([second, third].map(tellsWhen));
    expect(await nextLeaseBreak(told)).toMatchObject({ currentLeaseState: R, newLeaseState: 0, flags: 0 });
  });
});

test("a break that was acknowledged is not repeated when its channel is lost", async () => {
  await withChannels(async ([first, second, third], other) => {
    await openLeased(first, "acknowledged", leaseV2(1, RWH));
    const pending = startOpen(other, "acknowledged");
    expect(await nextLeaseBreak(first)).toMatchObject({ newLeaseState: RH });
    expect(await second.client.outcome(leaseAck(second, key(1), RH))).toBe(Status.SUCCESS);
    await pending.reply;
    first.client.close();
    expect(await second.client.isClosedSoon(200)).toBe(false);
    expect(await isQuiet(second)).toBe(true);
    expect(await isQuiet(third)).toBe(true);
    // The lease itself stays: the next break goes over another channel.
    const overwriting = startOpen(other, "acknowledged", { createDisposition: CreateDisposition.OVERWRITE });
    expect(await nextLeaseBreak(await Promise.any([second, third].map(tellsWhen)))).toMatchObject({
      currentLeaseState: RH,
      newLeaseState: 0,
    });
    await second.client.outcome(leaseAck(second, key(1), 0));
    await overwriting.reply;
  });
});

describe("a lease that two sessions of a client share", () => {
  test.each([
    ["the first open, while it is open", false],
    ["the second open, once the first is closed", true],
  ])("is broken over the connection of %s", async (_, closesFirst) => {
    const terms = termsOf(new Uint8Array(randomBytes(16)));
    const first = await mountShare(server, TESTER, "test", terms);
    const second = await mountShare(server, TESTER, "test", terms);
    const other = await mountShare(server, TESTER, "test", termsOf(new Uint8Array(randomBytes(16))));
    const name = `two sessions ${closesFirst}`;
    const held = await openLeased(first, name, leaseV2(1, RWH));
    await openLeased(second, name, leaseV2(1, RWH));
    if (closesFirst) await closeFile(first, held.fileId);
    expect(await toldBy(startOpen(other, name), [first, second])).toEqual([closesFirst ? 1 : 0]);
    for (const { client } of [first, second, other]) client.close();
  });

  test("is broken again over the second connection when the first session ends unanswered", async () => {
    const terms = termsOf(new Uint8Array(randomBytes(16)));
    const first = await mountShare(server, TESTER, "test", terms);
    const second = await mountShare(server, TESTER, "test", terms);
    const other = await mountShare(server, TESTER, "test", termsOf(new Uint8Array(randomBytes(16))));
    await openLeased(first, "half lost", leaseV2(1, RWH));
    await openLeased(second, "half lost", leaseV2(1, RWH));
    const pending = startOpen(other, "half lost");
    expect(await nextLeaseBreak(first)).toMatchObject({ currentLeaseState: RWH, newLeaseState: RH });
    first.client.close();
    expect(await nextLeaseBreak(second)).toMatchObject({ currentLeaseState: RWH, newLeaseState: RH });
    expect(await second.client.outcome(leaseAck(second, key(1), RH))).toBe(Status.SUCCESS);
    expect((await pending.reply).status).toBe(Status.SUCCESS);
    for (const { client } of [second, other]) client.close();
  });
});
