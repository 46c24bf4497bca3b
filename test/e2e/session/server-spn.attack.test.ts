// `server spn validation`: NTLM log-ons that were made for another server, as those that somebody between relays.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { tryLogOn } from "../client/attack-rig.ts";
import { startServer } from "../client/server.ts";
import { hasSmbclient, runProgram } from "../client/smbclient.ts";
import { hasImpacket } from "../rpc/rpc-clients.ts";
import { Status } from "../../../src/wire/status.ts";

const FOREIGN = ["evil.example", "minismbd.evil.example", "192.0.2.7"];

async function smbclient(server: TestServer, host: string): Promise<string> {
  const { output } = await runProgram([
    "smbclient",
    "--configfile=/dev/null",
    `//${host}/test`,
    "--ip-address=127.0.0.1",
    `--port=${server.port}`,
    "--use-kerberos=off",
    `--user=${TESTER.user}%${TESTER.password}`,
    "-c",
    "ls",
  ]);
  return output;
}

describe.each([
  ["if provided", Status.SUCCESS],
  ["required", Status.ACCESS_DENIED],
])("server spn validation = %s", (level, withoutName) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      parameters: {
        "server spn validation": level,
        "logon failure delay": "0",
        "server spn names": "nas.home.test 192.0.2.5",
        "netbios aliases": "OTHERNAME",
      },
    });
  });
  afterAll(() => server.stop());

  test
    .skipIf(!hasSmbclient())
    .each([
      ...["127.0.0.1", "localhost", "MINISMBD", "minismbd.local"],
      ...["othername", "nas.home.test", "192.0.2.5"],
    ])("smbclient logs on to %s", async (host) => {
    expect(await smbclient(server, host)).toContain("blocks available");
  });

  test.skipIf(!hasSmbclient()).each(FOREIGN)("smbclient's log-on to %s is refused", async (host) => {
    expect(await smbclient(server, host)).toContain("NT_STATUS_ACCESS_DENIED");
    expect(server.log()).toContain(`the log-on is for 'cifs/${host}'`);
  });

  test.skipIf(!hasImpacket)("impacket, which repeats the server's own name, logs on", async () => {
    const program = `
from impacket import smbconnection
connection = smbconnection.SMBConnection("x", "127.0.0.1", sess_port=${server.port})
connection.login("${TESTER.user}", "${TESTER.password}")
print(connection.listPath("test", "*")[0].get_longname())`;
    const { output } = await runProgram(["/usr/bin/python3", "-c", program]);
    expect(output.trim()).toBe(".");
  });

  test(`a client that names no server gets ${withoutName.toString(16)}`, async () => {
    expect(await tryLogOn(server, TESTER)).toBe(withoutName);
  });

  test("a wrong password stays a wrong password", async () => {
    expect(await tryLogOn(server, { ...TESTER, password: "wrong" })).toBe(Status.LOGON_FAILURE);
  });
});

describe("off, as by default", () => {
  let server: TestServer;
  beforeAll(async () => void (server = await startServer()));
  afterAll(() => server.stop());

  test.skipIf(!hasSmbclient()).each(FOREIGN)("smbclient logs on to %s", async (host) => {
    expect(await smbclient(server, host)).toContain("blocks available");
  });
});
