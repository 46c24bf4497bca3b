// Re-authentication must not give a session to somebody else: whoever has the session's keys, or a session without keys,
// could relay another user's NTLM messages and act as that user. [MS-SMB2] 3.3.5.5.3; unsigned TREE_CONNECT: 3.3.5.7.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing, outcomeOf, startVictim } from "../client/attack-rig.ts";
import { treeConnectCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { createCall, mountShare } from "../client/raw-files.ts";

const ANONYMOUS = { user: "", password: "", isAnonymous: true };

async function connect(server: TestServer, dialect: number = Dialect.SMB_3_1_1): Promise<RawClient> {
  const client = await RawClient.connect(server);
  await client.negotiate({ dialects: [dialect] });
  return client;
}

describe.each([
  ["server signing = mandatory", { "server signing": "mandatory" }],
  ["smb3 encryption = mandatory", { "smb3 encryption": "mandatory", "server signing": "mandatory" }],
])("with `%s`", (_, parameters) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startVictim({ parameters });
  });
  afterAll(() => server.stop());

  test("a session of one user does not become another's", async () => {
    const mount = await mountShare(server, TESTER, "test", { protection: "sealed" });
    const { client, session } = mount;
    expectOutcome(await outcomeOf(client.logOn({ ...TESTER2, session })), Status.ACCESS_DENIED, "closed");
    expectOutcome(
      await outcomeOf(client.demand("CREATE", createCall(mount, ""))),
      Status.USER_SESSION_DELETED,
      "closed",
    );
    client.close();
  });

  test("the same user may authenticate again", async () => {
    const mount = await mountShare(server, TESTER, "test", { protection: "sealed" });
    const { client, session } = mount;
    await client.logOn({ ...TESTER, session });
    expectOutcome(await client.outcome(createCall(mount, "")), Status.SUCCESS);
    client.close();
  });
});

describe("without requirements", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startVictim();
  });
  afterAll(() => server.stop());
  afterEach(() => expectServing(server));

  test("an anonymous session, which has no keys, does not become a user's", async () => {
    for (const dialect of [Dialect.SMB_2_1, Dialect.SMB_3_0, Dialect.SMB_3_1_1]) {
      const client = await connect(server, dialect);
      const session = await client.logOn(ANONYMOUS);
      expectOutcome(await outcomeOf(client.logOn({ ...TESTER, session })), Status.ACCESS_DENIED, "closed");
      const outcome = await outcomeOf(client.connectTree(session, "test"));
      expectOutcome(outcome, Status.USER_SESSION_DELETED, Status.ACCESS_DENIED, "closed");
      client.close();
    }
  });

  test("an unsigned TREE_CONNECT of 3.1.1 closes the connection", async () => {
    const client = await connect(server);
    const session = await client.logOn(TESTER);
    session.signs = false;
    expectOutcome(await outcomeOf(client.demand("TREE_CONNECT", treeConnectCall(session, "test"))), "closed");
    expect(await client.isClosedSoon()).toBe(true);
  });

  test("an unsigned TREE_CONNECT of 3.0 is served", async () => {
    const client = await connect(server, Dialect.SMB_3_0);
    const session = await client.logOn(TESTER);
    session.signs = false;
    expect(await client.connectTree(session, "test")).toBeGreaterThan(0);
    client.close();
  });
});
