// Limits of tree connects, channels, requests in progress, connections to a share and pipes: the status beyond them,
// and that others still get in. [MS-SMB2] 3.3.5.7 (tree connects), 3.3.5.9 (pipes); the numbers are the server's own.
import { describe, expect, test } from "bun:test";
import { Capability } from "../../../src/wire/command/negotiate.ts";
import { SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing, mountTest, outcomeOf, startVictim } from "../client/attack-rig.ts";
import type { LogOnOptions } from "../client/raw-calls.ts";
import { bindChannel } from "../client/channels.ts";
import { RawClient } from "../client/raw-client.ts";
import { createCall, type Mount, mountShare } from "../client/raw-files.ts";

const ANONYMOUS: LogOnOptions = { user: "", password: "", isAnonymous: true };
const STRANGER: LogOnOptions = { user: "stranger", password: "any", withoutMechListMic: true };

async function withServer(
  options: Parameters<typeof startVictim>[0],
  body: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await startVictim(options);
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

async function mountPipes(server: TestServer, options: LogOnOptions): Promise<Mount> {
  const client = await RawClient.connect(server);
  await client.negotiate();
  const session = await client.logOn(options);
  return { client, session, treeId: await client.connectTree(session, "IPC$") };
}

/** Opens pipes until one is refused; returns their number. */
async function fillPipes(mount: Mount): Promise<number> {
  for (let opened = 0; ; opened++) {
    const outcome = await mount.client.outcome(createCall(mount, "srvsvc"));
    if (outcome === Status.SUCCESS) continue;
    expectOutcome(outcome, Status.INSUFFICIENT_RESOURCES);
    return opened;
  }
}

test(
  "the 1,025th tree connect of a session fails with STATUS_INSUFFICIENT_RESOURCES, and others go on",
  () =>
    withServer({}, async (server) => {
      const { client, session } = await mountTest(server);
      for (let i = 1; i < 1024; i++) await client.connectTree(session, "test");
      expectOutcome(await outcomeOf(client.connectTree(session, "test")), Status.INSUFFICIENT_RESOURCES);
      await expectServing(server);
      client.close();
    }),
  30_000,
);

describe("connections to a share", () => {
  const parameters = { "map to guest": "bad user" };
  const shares = [{ name: "test", parameters: { "guest ok": "yes", "max connections": "8" } }];

  test.each([
    ["guests", STRANGER],
    ["one user", TESTER2],
  ])(
    "of %s leave an eighth to others: STATUS_REQUEST_NOT_ACCEPTED",
    (_who, options) =>
      withServer({ parameters, shares }, async (server) => {
        const mounts: Mount[] = [];
        for (let i = 0; i < 7; i++) mounts.push(await mountShare(server, options, "test"));
        expectOutcome(await outcomeOf(mountShare(server, options, "test")), Status.REQUEST_NOT_ACCEPTED);
        await expectServing(server);
        const other = await mountTest(server);
        expectOutcome(await outcomeOf(mountTest(server)), Status.REQUEST_NOT_ACCEPTED);
        for (const { client } of [...mounts, other]) client.close();
      }),
    20_000,
  );
});

test(
  "the 33rd channel of a session fails with STATUS_INSUFFICIENT_RESOURCES, and others go on",
  () =>
    withServer({ parameters: { "server multi channel support": "yes" } }, async (server) => {
      const terms = {
        clientGuid: new Uint8Array(16).fill(7),
        capabilities: Capability.MULTI_CHANNEL | Capability.ENCRYPTION,
        signing: [SigningAlgorithm.AES_CMAC],
      };
      const first = await mountShare(server, TESTER, "test", terms);
      const clients = [first.client];
      for (let i = 1; i <= 32; i++) {
        const client = await RawClient.connect(server);
        await client.negotiate(terms);
        const outcome = await outcomeOf(bindChannel(client, first.session, TESTER));
        expectOutcome(outcome, i < 32 ? Status.SUCCESS : Status.INSUFFICIENT_RESOURCES);
        clients.push(client);
      }
      await expectServing(server);
      for (const client of clients) client.close();
    }),
  30_000,
);

test(
  "a connection with `max outstanding requests` in progress is not read until one ends, and others are",
  () =>
    withServer(
      { parameters: { "max outstanding requests": "2", "logon failure delay": "6000" } },
      async (server) => {
        const { client, session } = await mountTest(server);
        const start = performance.now();
        // A failure is answered after 6 s.
        const failures = [1, 2].map(() => outcomeOf(client.logOn({ ...TESTER, password: "wrong" })));
        await Bun.sleep(500);
        const echo = client.demand("ECHO", {
          command: Command.ECHO,
          session,
          body: (writer) => writer.u32(4),
        });
        await expectServing(server);
        expect(performance.now() - start).toBeLessThan(6_000);
        await echo;
        expect(performance.now() - start).toBeGreaterThan(5_900);
        for (const outcome of await Promise.all(failures)) expectOutcome(outcome, Status.LOGON_FAILURE);
        client.close();
      },
    ),
  20_000,
);

test(
  "pipes of anonymous users and of one user leave some to others: STATUS_INSUFFICIENT_RESOURCES",
  () =>
    withServer({}, async (server) => {
      const mounts: Mount[] = [];
      for (const [options, count] of [
        [ANONYMOUS, 128],
        [TESTER, 256],
        [TESTER2, 128],
      ] as const) {
        const mount = await mountPipes(server, options);
        expect(await fillPipes(mount)).toBe(count);
        mounts.push(mount);
      }
      for (const { client } of mounts) client.close();
    }),
  30_000,
);
