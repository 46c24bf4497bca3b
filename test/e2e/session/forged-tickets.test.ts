// Tickets that the test makes with the service's key: as large as a SESSION_SETUP can carry (SecurityBufferLength has 16
// bits; [MS-SMB2] 2.2.5), and with other groups at a re-authentication.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Status, statusName } from "../../../src/wire/status.ts";
import { makeDirectory, removeDirectory, TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  DOMAIN_SID,
  forgedKey,
  encodeKeytab,
  forgeLogonInfo,
  forgePac,
  forgeRequest,
} from "../../manager/kerberos/ticket-forge.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { createCall, mountShare } from "../client/raw-files.ts";
import { sessionSetupCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import { startServer } from "../client/server.ts";

const directory = makeDirectory("minismbd-tickets");
const key = forgedKey();
const LARGEST = 65_535;

let server: TestServer;
beforeAll(async () => {
  const keytab = join(directory, "keytab");
  writeFileSync(keytab, encodeKeytab([key]));
  server = await startServer({
    parameters: { "kerberos support": "yes", "kerberos keytab file": keytab, "kerberos pac groups": "yes" },
    shares: [{ name: "test" }, { name: "denied", parameters: { "invalid users": `${DOMAIN_SID}-1500` } }],
  });
});
afterAll(async () => {
  await server.stop();
  removeDirectory(directory);
});

/** A request of this length, or up to 64 bytes less. */
function requestOf(length: number): Uint8Array {
  const nowMs = Date.now();
  const authMs = nowMs - (nowMs % 1000);
  const make = (filler: number) => {
    const groups = Array.from({ length: 900 }, (_, i) => 2000 + i);
    const more = [[99, new Uint8Array(filler)] as const];
    const pac = forgePac(key, { name: TESTER.user, authMs, logonInfo: forgeLogonInfo({ groups }), more });
    return forgeRequest(key, { client: [TESTER.user], authMs, nowMs, pac });
  };
  // Below the limit of the encoder, then as near as the PAC's alignment allows.
  const filler = 1000 + Math.floor((length - 64 - make(1000).length) / 8) * 8;
  const token = make(filler + 48);
  if (token.length > length) throw new Error(`a token of ${token.length} bytes`);
  return token;
}

async function send(token: Uint8Array): Promise<string> {
  const client = await RawClient.connect(server);
  await client.negotiate();
  const outcome = await client.outcome({ ...sessionSetupCall({}, token, 0), room: 70_000 });
  client.close();
  return outcome === "closed" ? outcome : statusName(outcome);
}

test.each([16_000, 49_000, LARGEST])(
  "a ticket in a token of %i bytes logs its user on, once",
  async (length) => {
    const token = requestOf(length);
    expect(token.length).toBeLessThanOrEqual(length);
    expect(token.length).toBeGreaterThan(length - 64);
    expect(await send(token)).toBe("STATUS_SUCCESS");
    expect(await send(token)).toBe("STATUS_LOGON_FAILURE");
  },
);

test("a large token with any part changed logs nobody on", async () => {
  for (const at of [0, 20, 200, 30_000, 65_000, 65_400]) {
    const token = requestOf(LARGEST).slice();
    token[at] = (token[at] ?? 0) ^ 0x55;
    expect(["STATUS_LOGON_FAILURE", statusName(Status.INVALID_PARAMETER)]).toContain(await send(token));
  }
});

function ticketWith(groups: readonly number[]): Uint8Array {
  const nowMs = Date.now();
  const authMs = nowMs - (nowMs % 1000);
  const pac = forgePac(key, { name: TESTER.user, authMs, logonInfo: forgeLogonInfo({ groups }) });
  return forgeRequest(key, { client: [TESTER.user], authMs, nowMs, pac });
}

test("a re-authentication by a ticket with other groups changes what the session's tree connects may do", async () => {
  const mount = await mountShare(server, TESTER, "denied", { dialects: [Dialect.SMB_3_0] });
  const { client, session } = mount;
  const renew = (groups: readonly number[]) =>
    client.outcome({ ...sessionSetupCall({ session }, ticketWith(groups), session.id), sign: true });
  const create = async (name: string) => {
    const outcome = await client.outcome(
      createCall(mount, name, { createDisposition: CreateDisposition.CREATE }),
    );
    return outcome === "closed" ? outcome : statusName(outcome);
  };
  expect(await create("before")).toBe("STATUS_SUCCESS");
  expect(await renew([513])).toBe(Status.SUCCESS);
  expect(await create("as-member-of-others")).toBe("STATUS_SUCCESS");
  expect(await renew([513, 1500])).toBe(Status.SUCCESS);
  expect(await create("as-member-of-those-denied")).toBe("STATUS_ACCESS_DENIED");
  expect(await renew([513])).toBe(Status.SUCCESS);
  expect(await create("after")).toBe("STATUS_SUCCESS");
  client.close();
});
