// Messages that take long to arrive: over a slow network, or because the server was stopped meanwhile. The server
// has little memory for messages, so that they stand in the way of others.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { createFile, type Mount, mountShare, readFile, writeCall } from "../client/raw-files.ts";
import type { RawSocket } from "../client/raw-socket.ts";
import { startServer } from "../client/server.ts";

const MIB = 1_048_576;
const HEAD = 4;
const SLICES = 40;
/** Longer than a message that gets on by nothing may take, and the next look at it. */
const SLOW_MS = 16_500;

let servers: TestServer[];
beforeAll(async () => {
  const parameters = { "buffer budget": "1M", "smb2 max write": "1M" };
  servers = await Promise.all([startServer({ parameters }), startServer({ parameters })]);
});
afterAll(async () => {
  for (const server of servers) await server.stop();
});

/** A WRITE of a MiB in slices as a slow network brings them. */
async function prepare(
  server: TestServer,
): Promise<{ mount: Mount<RawSocket>; slices: Uint8Array[]; outcome: () => Promise<number | "closed"> }> {
  const mount = await mountShare(server, TESTER, "test", { protection: "signed" });
  const file = await createFile(mount, "slow");
  await mount.client.awaitCredits(16);
  const data = new Uint8Array(MIB).map((_byte, i) => i * 7);
  const { bytes, messageId } = mount.client.build(writeCall(mount, file, 0, data));
  const { reply } = mount.client.expect(messageId);
  const frame = new Uint8Array(HEAD + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length);
  frame.set(bytes, HEAD);
  const sliceBytes = Math.ceil(frame.length / SLICES);
  const slices = Array.from({ length: SLICES }, (_, i) =>
    frame.subarray(i * sliceBytes, (i + 1) * sliceBytes),
  );
  const outcome = async (): Promise<number | "closed"> => {
    const { status } = await reply.catch(() => ({ status: "closed" as const }));
    if (status === Status.SUCCESS)
      expect(await readFile(mount, file, MIB - 4, 4)).toEqual(data.subarray(MIB - 4));
    mount.client.close();
    return status;
  };
  return { mount, slices, outcome };
}

test("a client with a slow network writes, and so does one whose server was stopped in between", async () => {
  const [slow, stopped] = await Promise.all(servers.map(prepare));
  for (const slice of stopped?.slices.slice(0, SLICES / 2) ?? []) stopped?.mount.client.socket.send(slice);
  await Bun.sleep(200);
  process.kill(servers[1]?.pid ?? 0, "SIGSTOP");
  for (const slice of slow?.slices ?? []) {
    slow?.mount.client.socket.send(slice);
    await Bun.sleep(SLOW_MS / SLICES);
  }
  process.kill(servers[1]?.pid ?? 0, "SIGCONT");
  await Bun.sleep(200);
  for (const slice of stopped?.slices.slice(SLICES / 2) ?? []) stopped?.mount.client.socket.send(slice);
  expect([await slow?.outcome(), await stopped?.outcome()]).toEqual([Status.SUCCESS, Status.SUCCESS]);
}, 40_000);
