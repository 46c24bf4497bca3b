// TREE_CONNECTs that are under way at the same time. [MS-SMB2] 3.3.5.7.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import type { TestServer } from "../../peer/test-server.ts";
import { expectServing, mountTest, startVictim } from "../client/attack-rig.ts";
import { treeConnectCall } from "../client/raw-calls.ts";
import { callOn } from "../client/raw-files.ts";

const MAX_TREES = 1024;
const AT_ONCE = 100;

let server: TestServer;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());

test("bring a session no more tree connects than it may have", async () => {
  const mount = await mountTest(server);
  const { client, session } = mount;
  await client.request({ ...callOn(mount, Command.ECHO, (writer) => writer.u32(4)), credits: 512 });
  let connected = 1;
  while (connected < MAX_TREES + AT_ONCE) {
    const pending = Array.from({ length: AT_ONCE }, () => client.start(treeConnectCall(session, "test")));
    const replies = await Promise.all(pending.map(({ reply }) => reply));
    const granted = replies.filter(({ status }) => status === Status.SUCCESS).length;
    connected += granted;
    if (granted < AT_ONCE) break;
  }
  expect(connected).toBe(MAX_TREES);
  client.close();
  await expectServing(server);
}, 30_000);
