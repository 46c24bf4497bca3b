// Large messages that threads encrypt, decrypt, sign and verify, because the provider is the slow one: what clients
// see is the same, and the event loop has time for others.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { encodeEchoRequest } from "../../../src/wire/command/echo.ts";
import { encodeLogoffRequest } from "../../../src/wire/command/logoff.ts";
import { Command } from "../../../src/wire/header.ts";
import { decodeReadResponse } from "../../../src/wire/command/read.ts";
import { Cipher, SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { Status } from "../../../src/wire/status.ts";
import {
  giveToTester,
  makeDirectory,
  removeDirectory,
  TESTER,
  TESTER2,
  type TestServer,
} from "../../peer/test-server.ts";
import type { Call } from "../client/raw-calls.ts";
import {
  callOn,
  chargeFor,
  closeFile,
  createFile,
  type Mount,
  mountShare,
  openFile,
  readCall,
  readFile,
  writeCall,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const MIB = 1_048_576;
const SIZE = 4 * MIB;
/** Milliseconds of the event loop's own processor time; 8 MiB take the pure provider 75 (CMAC) to 160 (GCM). */
const KEPT_LIMIT = "50";

let server: TestServer;
/** In memory: the reply to a READ that waits for a disk may come after those to later requests. */
let folder: string;
beforeAll(async () => {
  folder = makeDirectory("crypto-threads", existsSync("/dev/shm") ? "/dev/shm" : undefined);
  giveToTester(folder);
  server = await startServer({
    shares: [{ name: "test", path: folder }],
    parameters: {
      "crypto provider": "pure",
      "smb2 max read": "8M",
      "smb2 max write": "8M",
      "buffer budget": "48M",
    },
    environment: { MINISMBD_LOOP_LIMIT_MS: KEPT_LIMIT },
  });
});
afterAll(async () => {
  await server.stop();
  removeDirectory(folder);
});

function mountSealed(cipher: number): Promise<Mount> {
  return mountShare(server, TESTER, "test", { protection: "sealed", ciphers: [cipher] });
}

/** Different at every offset of a block, and in every block. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 2_654_435_761);
  return bytes;
}

function echoCall(mount: Mount): Call {
  return { ...callOn(mount, Command.ECHO, (writer) => encodeEchoRequest(writer)), credits: 256 };
}

/** Credits for a message of that size. */
async function gainCredits(mount: Mount, bytes: number): Promise<void> {
  while (mount.client.credits < chargeFor(mount, bytes)) await mount.client.request(echoCall(mount));
}

function mountSigned(algorithm: number): Promise<Mount> {
  return mountShare(server, TESTER, "test", { protection: "signed", signing: [algorithm] });
}

describe.each([
  ["AES-128-GCM", true, Cipher.AES_128_GCM],
  ["AES-256-GCM", true, Cipher.AES_256_GCM],
  ["AES-128-CCM", true, Cipher.AES_128_CCM],
  ["AES-128-GMAC", false, SigningAlgorithm.AES_GMAC],
  ["AES-128-CMAC", false, SigningAlgorithm.AES_CMAC],
  ["HMAC-SHA256", false, SigningAlgorithm.HMAC_SHA256],
])("%s", (name, isSealed, algorithm) => {
  test("large messages arrive unchanged, and replies in the order of the requests", async () => {
    const mount = await (isSealed ? mountSealed(algorithm) : mountSigned(algorithm));
    const file = await createFile(mount, name);
    const data = pattern(SIZE, 7);
    for (let at = 0; at < SIZE; at += MIB) {
      await gainCredits(mount, MIB);
      await writeFile(mount, file, at, data.subarray(at, at + MIB));
    }
    await gainCredits(mount, 5 * MIB);
    const order: string[] = [];
    const started = [0, 1, 2, 3].flatMap((index) => {
      const read = mount.client.start(readCall(mount, file, index * MIB, MIB - index));
      const echo = mount.client.start(echoCall(mount));
      void read.reply.then(() => order.push(`read ${index}`));
      void echo.reply.then(() => order.push(`echo ${index}`));
      return [read, echo];
    });
    const replies = await Promise.all(started.map(({ reply }) => reply));
    expect(order).toEqual([0, 1, 2, 3].flatMap((index) => [`read ${index}`, `echo ${index}`]));
    for (const index of [0, 1, 2, 3]) {
      const reply = replies[2 * index];
      if (reply === undefined) throw new Error("no reply");
      expect(reply.isSealed).toBe(isSealed);
      if (!isSealed) expect(reply.signature).toBe("right");
      const from = index * MIB;
      expect(
        Buffer.compare(decodeReadResponse(reply.message).data, data.subarray(from, from + MIB - index)),
      ).toBe(0);
    }
    await closeFile(mount, file);
    mount.client.close();
  });
});

test.each([
  ["encrypted", () => mountSealed(Cipher.AES_128_GCM)],
  ["signed", () => mountSigned(SigningAlgorithm.AES_CMAC)],
])(
  "%s messages that came together are carried out in their order, large and small ones",
  async (_, mountIt) => {
    const mount = await mountIt();
    const file = await createFile(mount, "ordered");
    await gainCredits(mount, 8 * MIB);
    const order: string[] = [];
    const note = (what: string, call: Call): Promise<unknown> =>
      mount.client.start(call).reply.then(() => order.push(what));
    // More than threads work on at once. All go to the same place: the last one is there in the end.
    const all = Array.from({ length: 6 }, (_, index) => [
      note(`write ${index}`, writeCall(mount, file, 0, pattern(MIB, index))),
      note(`echo ${index}`, echoCall(mount)),
    ]);
    await Promise.all(all.flat());
    expect(order).toEqual(all.flatMap((_, index) => [`write ${index}`, `echo ${index}`]));
    await gainCredits(mount, MIB);
    expect(Buffer.compare(await readFile(mount, file, 0, MIB), pattern(MIB, 5))).toBe(0);
    mount.client.close();
  },
);

test("a large encrypted message behind a LOGOFF is not carried out", async () => {
  const mount = await mountSealed(Cipher.AES_128_GCM);
  const other = await mountSealed(Cipher.AES_128_GCM);
  const file = await createFile(mount, "logged off");
  await gainCredits(mount, 3 * MIB);
  const first = mount.client.start(writeCall(mount, file, 0, pattern(MIB, 1)));
  const logoff = mount.client.start(callOn(mount, Command.LOGOFF, (writer) => encodeLogoffRequest(writer)));
  mount.client.start(writeCall(mount, file, 0, pattern(MIB, 2))).reply.catch(() => undefined);
  expect((await first.reply).status).toBe(Status.SUCCESS);
  expect((await logoff.reply).status).toBe(Status.SUCCESS);
  // Nothing decrypts what follows; [MS-SMB2] 3.3.5.2.1.1.
  expect(await mount.client.outcome(echoCall(mount))).toBe("closed");
  const again = await openFile(other, "logged off");
  await gainCredits(other, MIB);
  expect(Buffer.compare(await readFile(other, again.fileId, 0, MIB), pattern(MIB, 1))).toBe(0);
  other.client.close();
});

test("a large message with a wrong tag ends its connection, and no other", async () => {
  const mount = await mountSealed(Cipher.AES_128_GCM);
  const other = await mountSealed(Cipher.AES_128_GCM);
  const file = await createFile(mount, "forged");
  await gainCredits(mount, MIB);
  const { bytes } = mount.client.build(writeCall(mount, file, 0, pattern(MIB, 1)));
  const sealed = mount.session.seal(bytes);
  const at = sealed.length - 5;
  sealed[at] = (sealed[at] ?? 0) ^ 1;
  mount.client.socket.sendFrame(sealed);
  expect(await mount.client.outcome(echoCall(mount))).toBe("closed");
  const again = await createFile(other, "forged");
  expect(await readFile(other, again, 0, 16)).toHaveLength(0);
  other.client.close();
});

test("a large message with a wrong signature is refused and not carried out, and the connection goes on", async () => {
  const mount = await mountSigned(SigningAlgorithm.AES_CMAC);
  const file = await createFile(mount, "unsigned");
  await gainCredits(mount, 2 * MIB);
  const { bytes, messageId } = mount.client.build(writeCall(mount, file, 0, pattern(MIB, 1)));
  mount.session.sign(bytes);
  bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1;
  const { reply } = mount.client.expect(messageId);
  mount.client.socket.sendFrame(bytes);
  expect((await reply).status).toBe(Status.ACCESS_DENIED);
  expect(await readFile(mount, file, 0, 16)).toHaveLength(0);
  expect(await writeFile(mount, file, 0, pattern(MIB, 2))).toBe(MIB);
  mount.client.close();
});

test("buffers come back when clients leave while their messages are under way", async () => {
  // Four times the budget, if they did not.
  for (let count = 0; count < 24; count++) {
    const mount = await mountSealed(Cipher.AES_128_GCM);
    const file = await createFile(mount, "left");
    await writeFile(mount, file, 0, new Uint8Array(8));
    await gainCredits(mount, 2 * SIZE);
    mount.client.start(writeCall(mount, file, 0, pattern(SIZE, count))).reply.catch(() => undefined);
    mount.client.start(readCall(mount, file, 0, SIZE)).reply.catch(() => undefined);
    await Bun.sleep(count);
    mount.client.close();
  }
  const mount = await mountSealed(Cipher.AES_128_GCM);
  const file = await createFile(mount, "stays");
  const data = pattern(2 * SIZE, 3);
  await gainCredits(mount, data.length);
  expect(await writeFile(mount, file, 0, data)).toBe(data.length);
  mount.client.close();
});

test.skipIf(availableParallelism() < 2).each([
  ["encrypted", () => mountSealed(Cipher.AES_128_GCM)],
  ["signed", () => mountSigned(SigningAlgorithm.AES_CMAC)],
])("%s messages of 8 MiB do not keep the event loop", async (_, mountIt) => {
  const mount = await mountIt();
  const other = await mountShare(server, TESTER2, "test");
  const file = await createFile(mount, "eight");
  const data = pattern(8 * MIB, 5);
  await gainCredits(mount, data.length);
  const written = mount.client.start(writeCall(mount, file, 0, data));
  let isWritten = false;
  void written.reply.then(() => (isWritten = true));
  while (!isWritten) expect((await other.client.request(echoCall(other))).status).toBe(Status.SUCCESS);
  await gainCredits(mount, data.length);
  expect(Buffer.compare(await readFile(mount, file, 0, data.length), data)).toBe(0);
  expect(server.log().match(/the event loop was kept .*/g) ?? []).toEqual([]);
  for (const one of [mount, other]) one.client.close();
});
