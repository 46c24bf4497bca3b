// RPC binds with Kerberos tickets: rpcclient and impacket, with signed and with sealed calls. [MS-RPCE] 3.3.1.5.2,
// [MS-KILE] 3.4.5.1 (the exchange of DCE) and 3.4.5.4 (its tokens).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Kdc, runIn, SERVICE_HOST, startKdc } from "../client/kdc.ts";
import { startServer } from "../client/server.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { hasImpacket, hasRpcclient, PYTHON } from "./rpc-clients.ts";

const AES_SHA1 = "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96";
const SERVICES = [`cifs/${SERVICE_HOST}`, `host/${SERVICE_HOST}`];

interface Rig {
  readonly kdc: Kdc;
  readonly server: TestServer;
}

async function startRig(etypes: string): Promise<Rig> {
  const kdc = await startKdc(etypes);
  await kdc.addPrincipal(TESTER.user, "ticket");
  for (const service of SERVICES) await kdc.addPrincipal(service);
  const keytab = await kdc.exportKeys("keytab", SERVICES);
  await kdc.logOn("tester", TESTER.user, "ticket");
  // impacket asks for tickets at port 88 only.
  for (const service of SERVICES) await kdc.fetchTicket("tester", service);
  const parameters = {
    "kerberos support": "yes",
    "kerberos keytab file": keytab,
    "admin users": TESTER.user,
  };
  return { kdc, server: await startServer({ parameters }) };
}

async function stopRig({ kdc, server }: Rig): Promise<void> {
  await server.stop();
  await kdc.stop();
}

/** `binding`: the protection of the bind, such as `krb5,seal`. */
function rpcclient({ kdc, server }: Rig, binding: string, command: string) {
  return runIn(kdc.environment("tester"), [
    "rpcclient",
    "--configfile=/dev/null",
    "--dest-ip=127.0.0.1",
    `--port=${server.port}`,
    "--use-kerberos=required",
    "--no-pass",
    `ncacn_np:${SERVICE_HOST}[${binding}]`,
    "-c",
    command,
  ]);
}

describe.skipIf(!hasRpcclient).each([AES_SHA1, "aes128-cts-hmac-sha1-96"])("rpcclient with %s", (etypes) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig(etypes);
  });
  afterAll(() => stopRig(rig));

  test.each(["krb5,connect", "krb5,sign", "krb5,seal", "spnego,connect", "spnego,sign", "spnego,seal"])(
    "[%s] makes calls as the ticket's user, with replies of many fragments",
    async (binding) => {
      const names = Array.from({ length: 400 }, () => "Everyone").join(" ");
      const { output } = await rpcclient(rig, binding, `getusername; lookupnames ${names}; enumdomusers`);
      expect(output).toContain(`Account Name: ${TESTER.user}`);
      expect(output.match(/Everyone S-1-1-0/g)?.length).toBe(400);
      expect(output).toContain(`user:[${TESTER2.user}]`);
    },
  );

  test.skipIf(!hasImpacket)(
    "sealed calls are those of the bind's user, calls without a signature those of the session's",
    async () => {
      // At level 5 impacket's GSS_GetMIC with AES fails in itself.
      for (const [level, caller] of [
        [2, TESTER2.user],
        [6, TESTER.user],
      ]) {
        const words = [SERVICE_HOST, String(rig.server.port), TESTER2.user, TESTER2.password, String(level)];
        const environment = rig.kdc.environment("tester");
        const { output } = await runIn(environment, [PYTHON, "-c", BIND, ...words, TESTER.user]);
        expect(output).toBe(`'${caller}'\n600\n`);
      }
    },
  );
});

/** A bind with a ticket over the session of another user, who logged on with a password. */
const BIND = `
import sys
from impacket.smbconnection import SMBConnection
from impacket.dcerpc.v5 import transport, lsat, lsad
from impacket.dcerpc.v5.rpcrt import *
host, port, user, password, level, holder = sys.argv[1:7]
connection = SMBConnection(host, "127.0.0.1", sess_port=int(port))
connection.login(user, password)
t = transport.SMBTransport(host, filename=r"\\lsarpc", smb_connection=connection)
t.set_kerberos(True, None)
d = t.get_dce_rpc()
d.set_credentials(holder, "", "HOME.TEST")
d.set_auth_type(RPC_C_AUTHN_GSS_NEGOTIATE)
d.set_auth_level(int(level))
d.connect()
d.bind(lsat.MSRPC_UUID_LSAT)
print(repr(lsat.hLsarGetUserName(d)["UserName"]))
handle = lsad.hLsarOpenPolicy2(d, 0x02000000)["PolicyHandle"]
print(len(lsat.hLsarLookupNames(d, handle, ["Everyone"] * 600)["TranslatedSids"]["Sids"]))
`;
