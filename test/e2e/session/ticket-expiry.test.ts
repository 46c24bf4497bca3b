// Sessions whose ticket ends, by smbtorture's smb2.session.expire tests: what an expired session may still do, signed and
// sealed, and that the client's re-authentication revives it. [MS-SMB2] 3.3.5.2.9, 3.3.5.5.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { findProgram } from "../../tools.ts";
import { hasKdc, type Kdc, REALM, runIn, SERVICE_HOST, startKdc } from "../client/kdc.ts";
import { startServer } from "../client/server.ts";

/** smbtorture finds a name by the system's resolver alone: it gets an /etc/hosts of its own. */
const canRun =
  hasKdc() &&
  findProgram("smbtorture") !== null &&
  process.geteuid?.() === 0 &&
  spawnSync("unshare", ["-m", "true"]).status === 0;

const SCRIPT = 'mount --bind "$1" /etc/hosts; shift; exec "$@"';

describe.skipIf(!canRun)("smbtorture with a ticket of ten seconds", () => {
  let kdc: Kdc;
  let server: TestServer;
  beforeAll(async () => {
    kdc = await startKdc();
    await kdc.addPrincipal(TESTER.user, "ticket");
    await kdc.addPrincipal(`cifs/${SERVICE_HOST}`);
    writeFileSync(join(kdc.directory, "hosts"), `127.0.0.1 localhost ${SERVICE_HOST}\n`);
    const keytab = await kdc.exportKeys("keytab", [`cifs/${SERVICE_HOST}`]);
    server = await startServer({
      parameters: {
        "kerberos support": "yes",
        "kerberos keytab file": keytab,
        // Added to the life of a session; smbtorture waits for the ticket's alone.
        "kerberos clock skew": "3",
      },
    });
  });
  afterAll(async () => {
    await server?.stop();
    await kdc?.stop();
  });

  test.concurrent.each(["expire1n", "expire1s", "expire1e", "expire2s", "expire2e", "expire_disconnect"])(
    "smb2.session.%s passes",
    async (name) => {
      const words = [
        ...["smbtorture", `//${SERVICE_HOST}/test`, "--configfile=/dev/null", "--use-kerberos=required"],
        ...[`--realm=${REALM}`, `--user=${TESTER.user}@${REALM}%ticket`],
        ...["--option=client min protocol=SMB2", `--option=smb ports=${server.port}`],
        `smb2.session.${name}`,
      ];
      const inOwnHosts = ["unshare", "-m", "sh", "-c", SCRIPT, "sh", join(kdc.directory, "hosts")];
      const { status, output } = await runIn(kdc.environment("none"), [...inOwnHosts, ...words]);
      expect(output).toContain(`success: ${name}`);
      expect(status).toBe(0);
    },
    120_000,
  );
});
