// Clients that ask for data and never read the replies: the server's memory follows the budget, and others are served.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FileId } from "../../../src/wire/file-id.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { anonymousKib, expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import {
  closeFile,
  createFile,
  type Mount,
  openFile,
  readCall,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import type { RawSocket } from "../client/raw-socket.ts";
import { gather } from "../client/worst-frames.ts";

const MIB = 1024 * 1024;
const BUDGET_MIB = 16;
/** What the runtime's heap may take beside the budget. */
const BESIDE_MIB = 12;
const CLIENTS = 100;
/** What a read of 1 MiB costs. */
const CREDITS_PER_READ = 16;
/** Clients together get twice the budget in credits; the first ones get more than the later ones. */
const SHARED_READS = 2 * BUDGET_MIB;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({
    parameters: { "buffer budget": `${BUDGET_MIB}M`, "smb2 max read": "1M", "smb2 max write": "1M" },
  });
});
afterAll(() => server.stop());

/** A client with credits for its reads. */
async function prepare(reads: number): Promise<{ mount: Mount<RawSocket>; fileId: FileId }> {
  const mount = await mountTest(server);
  const { fileId } = await openFile(mount, "large");
  await gather(mount, reads * CREDITS_PER_READ);
  return { mount, fileId };
}

function askWithoutReading(
  { mount, fileId }: { mount: Mount<RawSocket>; fileId: FileId },
  reads: number,
): void {
  mount.client.socket.pause();
  for (let round = 0; round < reads; round++)
    mount.client.transmit(mount.client.build(readCall(mount, fileId, 0, MIB)).bytes, mount.session);
}

async function mountReader(): Promise<{ reader: Mount; file: FileId }> {
  const reader = await mountTest(server);
  const file = await createFile(reader, "large");
  await writeFile(reader, file, 0, new Uint8Array(MIB).fill(1));
  expect((await readFile(reader, file, 0, MIB)).length).toBe(MIB);
  return { reader, file };
}

test("one client that reads none of its 16 replies delays nobody", async () => {
  const { reader, file } = await mountReader();
  const client = await prepare(SHARED_READS / 2);
  askWithoutReading(client, SHARED_READS / 2);
  await Bun.sleep(500);
  const start = performance.now();
  for (let round = 0; round < 20; round++) expect((await readFile(reader, file, 0, MIB)).length).toBe(MIB);
  expect(performance.now() - start).toBeLessThan(4000);
  client.mount.client.close();
  reader.client.close();
}, 30_000);

test("a hundred clients that read no replies hold no more than the budget, and others read meanwhile", async () => {
  const { reader, file } = await mountReader();
  const clients: { client: Awaited<ReturnType<typeof prepare>>; reads: number }[] = [];
  for (let others = 1; others <= CLIENTS; others++) {
    const reads = Math.max(1, Math.floor(SHARED_READS / (others + 1)));
    clients.push({ client: await prepare(reads), reads });
  }
  const before = anonymousKib(server);
  for (const { client, reads } of clients) askWithoutReading(client, reads);
  await Bun.sleep(2000);
  const after = anonymousKib(server);
  expect((after - before) / 1024).toBeLessThan(BUDGET_MIB + BESIDE_MIB);
  await expectServing(server);
  expect((await readFile(reader, file, 0, MIB)).length).toBe(MIB);
  for (const { client } of clients) client.mount.client.close();
  await closeFile(reader, file);
  reader.client.close();
}, 60_000);
