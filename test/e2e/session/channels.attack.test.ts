// What a further channel may differ in from the session that it binds to, who may start a re-authentication there, and a
// second connection of a client over another dialect. [MS-SMB2] 3.3.5.2.4, 3.3.5.5.2, 3.3.5.5.3.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Dialect, SecurityMode } from "../../../src/wire/command/negotiate.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing, outcomeOf, startVictim } from "../client/attack-rig.ts";
import { bindChannel } from "../client/channels.ts";
import { key } from "../client/lease-rig.ts";
import { type NegotiateOptions, sessionSetupCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { createCall, type Mount } from "../client/raw-files.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startVictim({ parameters: { "server multi channel support": "yes" } });
});
afterAll(async () => {
  await expectServing(server);
  await server.stop();
});

const MULTI = 0x8 | 0x40 | 0x4;

async function connect(options: NegotiateOptions): Promise<RawClient> {
  const client = await RawClient.connect(server);
  await client.negotiate({ dialects: [Dialect.SMB_3_1_1], capabilities: MULTI, ...options });
  return client;
}

const { AES_CMAC, HMAC_SHA256, AES_GMAC } = SigningAlgorithm;

test.each([
  ["CMAC", "HMAC", AES_CMAC, HMAC_SHA256, 1],
  ["CMAC", "HMAC", AES_CMAC, HMAC_SHA256, 2],
  ["HMAC", "CMAC", HMAC_SHA256, AES_CMAC, 1],
  ["HMAC", "CMAC", HMAC_SHA256, AES_CMAC, 2],
])(
  "a session of %s takes a channel of %s (%#), and nobody without its key re-authenticates there",
  async (...[, , first, second, guid]) => {
    const securityMode = SecurityMode.SIGNING_ENABLED | SecurityMode.SIGNING_REQUIRED;
    const one = await connect({ signing: [first], clientGuid: key(1), securityMode });
    const session = await one.logOn({ ...TESTER, securityMode });
    const treeId = await one.connectTree(session, "test");
    const two = await connect({ signing: [second], clientGuid: key(guid), securityMode });
    const channel = await bindChannel(two, session, TESTER);
    const mount: Mount = { client: two, session: channel, treeId };
    expectOutcome(await two.outcome(createCall(mount, "")), Status.SUCCESS);
    // Signed with the session's key, which is not the channel's, and not signed at all.
    for (const sign of [true, false]) {
      const call = { ...sessionSetupCall({ session }, new Uint8Array(10), session.id), sign };
      const reply = await two.request(call);
      expectOutcome(reply.status, Status.ACCESS_DENIED);
      expect(reply.signature).toBe("right");
    }
    expectOutcome(await two.outcome(createCall(mount, "")), Status.SUCCESS);
    for (const client of [one, two]) client.close();
  },
);

test.each([
  ["CMAC", "GMAC", AES_CMAC, AES_GMAC, Status.NOT_SUPPORTED],
  ["GMAC", "CMAC", AES_GMAC, AES_CMAC, Status.REQUEST_OUT_OF_SEQUENCE],
])("a session of %s takes no channel of %s", async (...[, , first, second, expected]) => {
  const one = await connect({ signing: [first] });
  const session = await one.logOn(TESTER);
  const two = await connect({ signing: [second] });
  expectOutcome(await outcomeOf(bindChannel(two, session, TESTER)), expected);
  for (const client of [one, two]) client.close();
});

test("bindings that are under way at the same time bring a session no more than 32 channels", async () => {
  const one = await connect({});
  const session = await one.logOn(TESTER);
  const clients = await Promise.all(Array.from({ length: 40 }, () => connect({})));
  const outcomes = await Promise.all(
    clients.map((client) => outcomeOf(bindChannel(client, session, TESTER))),
  );
  expect(outcomes.filter((outcome) => outcome === Status.SUCCESS)).toHaveLength(31);
  expect(outcomes.filter((outcome) => outcome === Status.INSUFFICIENT_RESOURCES)).toHaveLength(9);
  for (const client of [one, ...clients]) client.close();
});

test("a client's second connection over another 3.x dialect does not log on as the same user", async () => {
  const one = await connect({ clientGuid: key(7) });
  await one.logOn(TESTER);
  const older = await connect({ clientGuid: key(7), dialects: [Dialect.SMB_3_0] });
  expectOutcome(await outcomeOf(older.logOn(TESTER)), Status.USER_SESSION_DELETED);
  // The client GUID is no secret: with it, nobody keeps other users out.
  const other = await connect({ clientGuid: key(7), dialects: [Dialect.SMB_3_0_2] });
  expectOutcome(await outcomeOf(other.logOn(TESTER2)), Status.SUCCESS);
  const same = await connect({ clientGuid: key(7) });
  expectOutcome(await outcomeOf(same.logOn(TESTER)), Status.SUCCESS);
  for (const client of [one, older, other, same]) client.close();
});

test("a client that names its former session comes back over another dialect", async () => {
  const one = await connect({ clientGuid: key(9) });
  const { id } = await one.logOn(TESTER);
  const two = await connect({ clientGuid: key(9), dialects: [Dialect.SMB_3_0] });
  expectOutcome(await outcomeOf(two.logOn({ ...TESTER, previousSessionId: id })), Status.SUCCESS);
  for (const client of [one, two]) client.close();
});
