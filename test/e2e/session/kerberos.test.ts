// Log-ons with Kerberos tickets of MIT's key distribution centre: smbclient and impacket as clients.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startServer } from "../client/server.ts";
import { hasKdc, type Kdc, runIn, SERVICE_HOST, startKdc } from "../client/kdc.ts";
import { hasSmbclient } from "../client/smbclient.ts";
import { hasImpacket } from "../rpc/rpc-clients.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";

const canLogOn = hasKdc() && hasSmbclient();
const hasBoth = canLogOn && hasImpacket;

let kdc: Kdc;
let server: TestServer;

beforeAll(async () => {
  if (!canLogOn) return;
  kdc = await startKdc();
  await kdc.addPrincipal(TESTER.user, "ticket");
  await kdc.addPrincipal("stranger", "ticket");
  await kdc.addPrincipal(`cifs/${SERVICE_HOST}`);
  await kdc.addPrincipal("cifs/other.home.test");
  await kdc.addPrincipal(`host/${SERVICE_HOST}`);
  const keytab = await kdc.exportKeys("keytab", [`cifs/${SERVICE_HOST}`, `host/${SERVICE_HOST}`]);
  await kdc.logOn("tester", TESTER.user, "ticket");
  await kdc.logOn("stranger", "stranger", "ticket");
  server = await startServer({ parameters: { "kerberos support": "yes", "kerberos keytab file": keytab } });
});

afterAll(async () => {
  await server?.stop();
  await kdc?.stop();
});

function smbclient(cache: string, command: string, ...options: readonly string[]) {
  return runIn(kdc.environment(cache), [
    "smbclient",
    "--configfile=/dev/null",
    `//${SERVICE_HOST}/test`,
    "--ip-address=127.0.0.1",
    `--port=${server.port}`,
    "--use-kerberos=required",
    "--no-pass",
    ...options,
    "-c",
    command,
  ]);
}

describe.skipIf(!canLogOn)("smbclient with a ticket", () => {
  test.each(["SMB2_02", "SMB2_10", "SMB3_00", "SMB3_11"])("lists a share with %s", async (dialect) => {
    const { status, output } = await smbclient("tester", "ls", `--max-protocol=${dialect}`);
    expect(output).toContain("blocks available");
    expect(status).toBe(0);
  });
});

test.skipIf(!canLogOn).each(["AES-128-GCM", "AES-128-CCM", "AES-256-GCM", "AES-256-CCM"])(
  "smbclient reads back what it has written, with the whole connection encrypted with %s",
  async (cipher) => {
    const text = `written with a ticket and ${cipher}\n`;
    await Bun.write(`${kdc.directory}/sent`, text);
    const command = `lcd ${kdc.directory}; put sent; get sent returned`;
    const ciphers = `--option=client smb3 encryption algorithms=${cipher}`;
    const { output } = await smbclient("tester", command, "--client-protection=encrypt", ciphers);
    expect(await Bun.file(`${kdc.directory}/returned`).text()).toBe(text);
    expect(output).not.toContain("NT_STATUS");
  },
);

test.skipIf(!canLogOn)(
  "a valid ticket of a user whom the server does not know is refused, with the reason in the log",
  async () => {
    const { status, output } = await smbclient("stranger", "ls");
    expect(output).toContain("NT_STATUS_LOGON_FAILURE");
    expect(status).toBe(1);
    expect(server.log()).toContain("the ticket is valid, but the server has no such user");
  },
);

test.skipIf(!canLogOn)(
  "a ticket for another host is refused, also with a key that the server has",
  async () => {
    const other = await smbclient("tester", "ls", "--option=client use spnego principal=no");
    expect(other.status).toBe(0);
    const { output } = await runIn(kdc.environment("tester"), [
      "smbclient",
      "--configfile=/dev/null",
      "//other.home.test/test",
      "--ip-address=127.0.0.1",
      `--port=${server.port}`,
      "--use-kerberos=required",
      "--no-pass",
      "-c",
      "ls",
    ]);
    expect(output).toContain("NT_STATUS_LOGON_FAILURE");
    expect(server.log()).toContain("cifs/other.home.test@HOME.TEST, for which the key table has no key");
  },
);

test.skipIf(!canLogOn)("passwords work beside tickets", async () => {
  const { status } = await runIn(kdc.environment("none"), [
    "smbclient",
    "--configfile=/dev/null",
    "//127.0.0.1/test",
    `--port=${server.port}`,
    `--user=${TESTER.user}%${TESTER.password}`,
    "-c",
    "ls",
  ]);
  expect(status).toBe(0);
});

/** Runs impacket with the ticket of `cache`; the program finds the connection's class as `Connection`. */
function impacket(cache: string, program: string, port = server.port) {
  const head = `
import sys, time
from impacket import smb3, smbconnection
def connect():
    return smbconnection.SMBConnection("${SERVICE_HOST}", "127.0.0.1", sess_port=${port}, preferredDialect=0x0210)
def log_on(connection):
    connection.kerberosLogin("${TESTER.user}", "", domain="HOME.TEST", kdcHost="127.0.0.1", useCache=True)
`;
  return runIn(kdc.environment(cache), ["/usr/bin/python3", "-c", head + program]);
}

test.skipIf(!hasBoth)(
  "impacket logs on; its request, sent again over another connection, is refused",
  async () => {
    const { output } = await impacket(
      "tester",
      `
sent = []
original = smb3.SPNEGO_NegTokenInit.getData
def record(self):
    data = original(self)
    if sent: data = sent[0]
    else: sent.append(data)
    return data
smb3.SPNEGO_NegTokenInit.getData = record
first = connect(); log_on(first)
print("first", len(first.listPath("test", "*")))
second = connect()
try:
    log_on(second); print("second", second.listPath("test", "*"))
except smbconnection.SessionError as error: print("second", error)
`,
    );
    expect(output).toMatch(/first \d/);
    expect(output).toMatch(/second .*STATUS_LOGON_FAILURE/);
    expect(server.log()).toContain("a replay of an earlier log-on");
  },
);

test.skipIf(!hasBoth)(
  "a session ends with its ticket: NETWORK_SESSION_EXPIRED until the client logs on again",
  async () => {
    const parameters = {
      "kerberos support": "yes",
      "kerberos keytab file": `${kdc.directory}/keytab`,
      "kerberos clock skew": "1",
    };
    const strict = await startServer({ parameters });
    await kdc.logOn("short", TESTER.user, "ticket", "-l", "4s");
    await kdc.fetchTicket("short", `cifs/${SERVICE_HOST}`);
    const { output } = await impacket(
      "short",
      `
connection = connect(); log_on(connection)
print("first", len(connection.listPath("test", "*")))
time.sleep(6.5)
try:
    print("later", len(connection.listPath("test", "*")))
except smbconnection.SessionError as error: print("later", error)
`,
      strict.port,
    );
    await strict.stop();
    expect(output).toMatch(/first \d/);
    expect(output).toMatch(/later .*STATUS_NETWORK_SESSION_EXPIRED/);
  },
);

test.skipIf(!canLogOn)(
  "a ticket that the service itself has fetched for a user (S4U2Self) logs that user on",
  async () => {
    const run = async (cache: string, ...words: readonly string[]) => {
      const { status, output } = await runIn(kdc.environment(cache), words);
      if (status !== 0) throw new Error(output);
    };
    const service = `cifs/${SERVICE_HOST}`;
    await run("service", "kinit", "-k", "-t", `${kdc.directory}/keytab`, service);
    await run("service", "kvno", "-U", TESTER.user, "--out-cache", `${kdc.directory}/for-user`, service);
    const { output } = await smbclient("for-user", "ls");
    expect(output).toContain("blocks available");
  },
);
