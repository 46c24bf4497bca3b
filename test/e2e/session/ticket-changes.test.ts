// Tickets of MIT's key distribution centre that are refused, and keys and clocks that change while the server runs; the
// log says why and what to do.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { hasKdc, type Kdc, runIn, SERVICE_HOST, startKdc } from "../client/kdc.ts";
import { startServer } from "../client/server.ts";
import { hasSmbclient } from "../client/smbclient.ts";

const canRun = hasKdc() && hasSmbclient();
const SERVICE = `cifs/${SERVICE_HOST}`;
const AES256 = "aes256-cts-hmac-sha1-96";
const [faketime] = [...new Bun.Glob("usr/lib/*/faketime/libfaketimeMT.so.1").scanSync({ cwd: "/" })];

let kdc: Kdc;
let keytab = "";
const servers: TestServer[] = [];

beforeAll(async () => {
  if (!canRun) return;
  kdc = await startKdc(`${AES256} aes128-cts-hmac-sha1-96 arcfour-hmac`);
  await kdc.addPrincipal(TESTER.user, "ticket");
  await kdc.addPrincipal(SERVICE);
  keytab = await kdc.exportKeys("keytab", [SERVICE]);
  await kdc.logOn("tester", TESTER.user, "ticket");
  await kdc.fetchTicket("tester", SERVICE);
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  await kdc?.stop();
});

async function start(parameters: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({
    parameters: { "kerberos support": "yes", "kerberos keytab file": keytab, ...parameters },
  });
  servers.push(server);
  return server;
}

async function list(server: TestServer, cache: string, env: Record<string, string> = {}): Promise<string> {
  const { output } = await runIn({ ...kdc.environment(cache), ...env }, [
    "smbclient",
    "--configfile=/dev/null",
    `//${SERVICE_HOST}/test`,
    "--ip-address=127.0.0.1",
    `--port=${server.port}`,
    "--use-kerberos=required",
    "--no-pass",
    "-c",
    "ls",
  ]);
  return output;
}

const OK = "blocks available";
const REFUSED = "NT_STATUS_LOGON_FAILURE";
const atOffset = (seconds: number) => ({
  LD_PRELOAD: `/${faketime}`,
  FAKETIME: `${seconds < 0 ? "" : "+"}${seconds}s`,
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
});

test.skipIf(!canRun || faketime === undefined).each([
  [200, "the client's is ahead"],
  [-200, "the server's is ahead"],
])("smbclient whose clock is %i s off is told the time, and logs on by it", async (seconds, said) => {
  const server = await start({ "kerberos clock skew": "60" });
  // smbclient keeps the difference with its tickets.
  copyFileSync(join(kdc.directory, "tester"), join(kdc.directory, `clock${seconds}`));
  expect(await list(server, `clock${seconds}`, atOffset(seconds))).toContain(OK);
  expect(server.log()).toMatch(
    new RegExp(`the clocks differ by (199|20[0-5]|19[5-8]) s, ${said}; set the time of the machine`),
  );
});

test.skipIf(!canRun || faketime === undefined)("a ticket that has ended is refused", async () => {
  const server = await start({ "kerberos clock skew": "1" });
  await kdc.logOn("short", TESTER.user, "ticket", "-l", "3s");
  await kdc.fetchTicket("short", SERVICE);
  await Bun.sleep(4500);
  // The client must take it for valid; the server then tells it the time.
  expect(await list(server, "short", atOffset(-4))).not.toContain(OK);
  expect(server.log()).toContain("the ticket has expired");
});

test.skipIf(!canRun)(
  "a ticket of an encryption type that is not allowed is refused, with the parameter",
  async () => {
    const server = await start();
    const path = await kdc.exportKeys("rc4.keytab", [SERVICE], "-e", "arcfour-hmac:normal");
    copyFileSync(path, keytab);
    await kdc.logOn("rc4", TESTER.user, "ticket");
    expect(await list(server, "rc4")).toContain(REFUSED);
    expect(server.log()).toContain("encryption type rc4-hmac is not allowed");
    expect(server.log()).toContain("kerberos encryption types");
  },
);

test.skipIf(!canRun)(
  "a key table that is replaced counts at once, and its older keys still open old tickets",
  async () => {
    await kdc.exportKeys("keytab", [SERVICE], "-e", `${AES256}:normal`);
    const server = await start();
    await kdc.logOn("old", TESTER.user, "ticket");
    expect(await list(server, "old")).toContain(OK);
    // A new key, which the server does not have yet.
    await kdc.exportKeys("next.keytab", [SERVICE], "-e", `${AES256}:normal`);
    await kdc.logOn("new", TESTER.user, "ticket");
    expect(await list(server, "new")).toContain(REFUSED);
    expect(server.log()).toContain("a ticket made with another key");
    const both = Buffer.concat([
      await bytesOf(keytab),
      (await bytesOf(join(kdc.directory, "next.keytab"))).subarray(2),
    ]);
    writeFileSync(keytab, both);
    expect(await list(server, "new")).toContain(OK);
    expect(await list(server, "old")).toContain(OK);
  },
);

test.skipIf(!canRun)(
  "a key table that is missing or broken refuses tickets with its path, until it is repaired",
  async () => {
    const server = await start();
    await kdc.exportKeys("good.keytab", [SERVICE], "-e", `${AES256}:normal`);
    await kdc.logOn("again", TESTER.user, "ticket");
    rmSync(keytab);
    expect(await list(server, "again")).toContain(REFUSED);
    expect(server.log()).toContain(`key table ${keytab} cannot be read: ENOENT`);
    writeFileSync(keytab, "no key table");
    expect(await list(server, "again")).toContain(REFUSED);
    expect(server.log()).toContain(`key table ${keytab} is not a key table`);
    copyFileSync(join(kdc.directory, "good.keytab"), keytab);
    expect(await list(server, "again")).toContain(OK);
  },
);

async function bytesOf(path: string): Promise<Buffer> {
  return Buffer.from(await Bun.file(path).arrayBuffer());
}
