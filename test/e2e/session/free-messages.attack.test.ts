// Messages that cost a client neither a credit nor a log-on: NetBIOS keep-alives (RFC 1002 4.3.6) and CANCEL
// ([MS-SMB2] 3.3.5.16). A connection that sends too many is closed, and log-ons go on meanwhile.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Command } from "../../../src/wire/header.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import { RawClient } from "../client/raw-client.ts";

const KEEP_ALIVE = Uint8Array.of(0x85, 0, 0, 0);
const KEEP_ALIVES = new Uint8Array(256 * 1024);
for (let at = 0; at < KEEP_ALIVES.length; at += 4) KEEP_ALIVES[at] = 0x85;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());

/** A frame with one CANCEL of a request that does not wait. */
function cancelFrame(client: RawClient, count: number): Uint8Array {
  const { bytes } = client.build({
    command: Command.CANCEL,
    messageId: 0xffff,
    body: (writer) => writer.u32(4),
  });
  const frame = new Uint8Array(4 + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length, false);
  frame.set(bytes, 4);
  return new Uint8Array(Buffer.concat(new Array(count).fill(frame)));
}

/** Runs `body` while `count` clients send what `make` makes, and connect again whenever they are closed. */
async function whileFlooding(
  count: number,
  make: (client: RawClient) => Promise<Uint8Array>,
  body: () => Promise<void>,
): Promise<number> {
  let isStopped = false;
  let closed = 0;
  const floods = Array.from({ length: count }, async () => {
    while (!isStopped) {
      const client = await RawClient.connect(server);
      const bytes = await make(client).catch(() => undefined);
      while (!isStopped && bytes !== undefined && !client.socket.isClosed) {
        client.socket.send(bytes);
        await Bun.sleep(1);
      }
      if (client.socket.isClosed) closed++;
      client.close();
    }
  });
  try {
    await body();
  } finally {
    isStopped = true;
    await Promise.all(floods);
  }
  return closed;
}

async function serveTenTimes(): Promise<void> {
  for (let round = 0; round < 10; round++) await expectServing(server);
}

test("log-ons go on while eight clients send keep-alives at full speed, and these are closed", async () => {
  const closed = await whileFlooding(8, async () => KEEP_ALIVES, serveTenTimes);
  expect(closed).toBeGreaterThan(8);
}, 60_000);

test("log-ons go on while eight clients send CANCEL at full speed, and these are closed", async () => {
  const closed = await whileFlooding(
    8,
    async (client) => {
      await client.negotiate();
      return cancelFrame(client, 1000);
    },
    serveTenTimes,
  );
  expect(closed).toBeGreaterThan(8);
}, 60_000);

test("a client that sends few of them is served", async () => {
  const mount = await mountTest(server);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 5; i++) mount.client.socket.send(KEEP_ALIVE);
    mount.client.socket.send(cancelFrame(mount.client, 100));
    await Bun.sleep(100);
  }
  await mount.client.demand("ECHO", {
    command: Command.ECHO,
    session: mount.session,
    body: (writer) => writer.u32(4),
  });
  mount.client.close();
});
