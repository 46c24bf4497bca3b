// Replays the corpus of the long fuzzer: every kind of answer that it has found, and every message that was a fault.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TESTER, type TestServer } from "../peer/test-server.ts";
import { expectServing } from "../e2e/client/attack-rig.ts";
import { mountShare } from "../e2e/client/raw-files.ts";
import { startServer } from "../e2e/client/server.ts";
import { readCorpus } from "./corpus.ts";
import { openTargets, PLACEHOLDERS, repairHeader, retarget } from "./server-samples.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
// Throws when the log has a fault, or the server holds something without a client.
afterAll(() => server.stop());

test("the server survives every message of the corpus", async () => {
  const corpus = readCorpus();
  expect(corpus.length).toBeGreaterThan(50);
  for (const { bytes } of corpus) {
    const mount = await mountShare(server, TESTER, "test");
    const { client, session } = mount;
    const targets = await openTargets(mount);
    const message = bytes.slice();
    retarget(message, PLACEHOLDERS, targets);
    repairHeader(message, client.nextMessageId++, mount);
    session.sign(message);
    client.transmit(message, session);
    await client.outcome({ command: 0x0d, session, body: (writer) => writer.u32(4) });
    client.close();
  }
  await expectServing(server);
}, 60_000);
