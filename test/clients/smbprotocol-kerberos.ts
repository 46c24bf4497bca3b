// smbprotocol with tickets of MIT Kerberos, on servers of its own: one for each encryption type of tickets.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { hasKdc, type Kdc, REALM, SERVICE_HOST, startKdc } from "../e2e/client/kdc.ts";
import { startServer } from "../e2e/client/server.ts";
import { type ServerOptions, TESTER } from "../peer/test-server.ts";
import { type Client, demand, type Result, run, WORKSHOP } from "./client.ts";
import { installPython, PROGRAMS, readSteps } from "./programs.ts";

const VERSION = "1.17.0";
const ENCRYPTION_TYPES = ["aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96"] as const;

const PACKAGES = ["gcc", "libkrb5-dev", "python3-dev", "krb5-kdc", "krb5-admin-server", "krb5-user"];

export function smbprotocolKerberos(shares: ServerOptions["shares"]): Client {
  let interpreter = "";
  return {
    name: `smbprotocol-kerberos ${VERSION}`,
    isAlone: true,

    async prepare() {
      // Python's Kerberos packages are compiled.
      const isThere = existsSync("/usr/include/krb5.h") && hasKdc();
      if (!isThere) await demand(["apt-get", "install", "-y", "-q", ...PACKAGES]);
      interpreter = await installPython("smbprotocol-kerberos", `smbprotocol[kerberos]==${VERSION}`);
    },

    async run() {
      const results: Result[] = [];
      for (const type of ENCRYPTION_TYPES) results.push(...(await runWith(type, interpreter, shares)));
      return results;
    },
  };
}

async function runWith(
  type: string,
  interpreter: string,
  shares: ServerOptions["shares"],
): Promise<readonly Result[]> {
  const kdc = await startKdc(type);
  try {
    const keytab = await addPrincipals(kdc);
    const parameters = {
      "kerberos support": "yes",
      "kerberos keytab file": keytab,
      "server signing": "mandatory",
    };
    const server = await startServer({ parameters, ...(shares ? { shares } : {}) });
    try {
      const env = {
        ...kdc.environment("tester"),
        SMB_SERVER: server.host,
        SMB_PORT: String(server.port),
        SMB_SERVICE_HOST: SERVICE_HOST,
        SMB_USER: `${TESTER.user}@${REALM}`,
        // The program knows no password.
        SMB_PASSWORD: "",
        SMB_KEY: type.slice(0, type.indexOf("-")),
      };
      const { output } = await run([interpreter, join(PROGRAMS, "smbprotocol_kerberos.py")], {
        env,
        cwd: WORKSHOP,
      });
      return readSteps(output);
    } finally {
      await server.stop();
    }
  } finally {
    await kdc.stop();
  }
}

/** The user with a ticket of this password; the key table that is returned has not the key of the other service. */
async function addPrincipals(kdc: Kdc): Promise<string> {
  await kdc.addPrincipal(TESTER.user, "ticket");
  for (const host of [SERVICE_HOST, "other.home.test"]) await kdc.addPrincipal(`cifs/${host}`);
  await kdc.logOn("tester", TESTER.user, "ticket");
  return kdc.exportKeys("keytab", [`cifs/${SERVICE_HOST}`]);
}
