// MIT Kerberos' key distribution centre on a free loopback port, with its own directory and realm.
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { awaitExit, findFreePort, isListening, removeDirectory } from "../../peer/test-server.ts";
import { findProgram, SEARCH_PATH } from "../../tools.ts";
import type { ProgramResult } from "./smbclient.ts";

export const REALM = "HOME.TEST";
/** The server's name in tickets; clients are told its address. */
export const SERVICE_HOST = "nas.home.test";

/** Whether this machine has the programs of a key distribution centre and its clients. */
export function hasKdc(): boolean {
  return ["krb5kdc", "kdb5_util", "kadmin.local", "kinit", "kvno"].every(
    (name) => findProgram(name) !== null,
  );
}

export interface Kdc {
  readonly directory: string;
  /** Variables with which a client uses this realm, and `cache` as its own store of tickets. */
  environment(cache: string): Record<string, string>;
  /** Adds principals with random keys, or the password given. */
  addPrincipal(name: string, password?: string, ...options: readonly string[]): Promise<void>;
  /** Writes new keys of the principals to a key table and returns its path. */
  exportKeys(file: string, names: readonly string[], ...options: readonly string[]): Promise<string>;
  /** Fetches the first ticket of a user; throws with the output when that fails. */
  logOn(cache: string, user: string, password: string, ...options: readonly string[]): Promise<void>;
  /** Fetches a ticket for a service: impacket asks for one at port 88 only. */
  fetchTicket(cache: string, service: string): Promise<void>;
  stop(): Promise<void>;
}

function configurationOf(
  directory: string,
  port: number,
  etypes: string,
): { client: string; server: string } {
  const client = `[libdefaults]
 default_realm = ${REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 allow_weak_crypto = true
 permitted_enctypes = ${etypes}
[realms]
 ${REALM} = {
  kdc = 127.0.0.1:${port}
 }
[domain_realm]
 .home.test = ${REALM}
 home.test = ${REALM}
`;
  const server = `[kdcdefaults]
 kdc_listen = 127.0.0.1:${port}
 kdc_tcp_listen = 127.0.0.1:${port}
[realms]
 ${REALM} = {
  database_name = ${directory}/principal
  key_stash_file = ${directory}/stash
  acl_file = ${directory}/acl
  supported_enctypes = ${etypes
    .split(" ")
    .map((etype) => `${etype}:normal`)
    .join(" ")}
 }
[logging]
 kdc = FILE:${directory}/kdc.log
`;
  return { client, server };
}

/** `etypes`: names of encryption types, the first of which is used. */
export async function startKdc(etypes = "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96"): Promise<Kdc> {
  const directory = mkdtempSync(join(tmpdir(), "kdc-"));
  const port = await findFreePort("127.0.0.1");
  const files = configurationOf(directory, port, etypes);
  writeFileSync(join(directory, "krb5.conf"), files.client);
  writeFileSync(join(directory, "kdc.conf"), files.server);
  const environment = (cache: string): Record<string, string> => ({
    PATH: SEARCH_PATH,
    HOME: directory,
    KRB5_CONFIG: join(directory, "krb5.conf"),
    KRB5_KDC_PROFILE: join(directory, "kdc.conf"),
    KRB5CCNAME: join(directory, cache),
    KRB5RCACHETYPE: "none",
  });
  const run = async (command: readonly string[], input = "", cache = "none"): Promise<void> => {
    const { status, output } = await runIn(environment(cache), command, input);
    if (status !== 0) throw new Error(`${command.join(" ")} failed:\n${output}`);
  };
  await run(["kdb5_util", "create", "-r", REALM, "-s", "-P", "master"]);
  const log = openSync(join(directory, "out"), "a");
  const child = Bun.spawn(["krb5kdc", "-n", "-P", join(directory, "pid")], {
    env: environment("none"),
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  closeSync(log);
  for (let i = 0; i < 200 && !(await isListening("127.0.0.1", port)); i++) await Bun.sleep(25);
  if (!(await isListening("127.0.0.1", port))) {
    child.kill();
    throw new Error(`krb5kdc does not listen:\n${readFileSync(join(directory, "out"), "utf8")}`);
  }
  return {
    directory,
    environment,
    async addPrincipal(name, password, ...options) {
      const secret = password === undefined ? ["-randkey"] : ["-pw", password];
      await run(["kadmin.local", "-r", REALM, "addprinc", ...options, ...secret, name]);
    },
    async exportKeys(file, names, ...options) {
      const path = join(directory, file);
      await run(["kadmin.local", "-r", REALM, "ktadd", "-k", path, ...options, ...names]);
      return path;
    },
    logOn: (cache, user, password, ...options) =>
      run(["kinit", ...options, `${user}@${REALM}`], `${password}\n`, cache),
    fetchTicket: (cache, service) => run(["kvno", service], "", cache),
    async stop() {
      child.kill();
      await awaitExit(child, 5000);
      removeDirectory(directory);
    },
  };
}

/** Runs a program with these variables alone. */
export async function runIn(
  env: Record<string, string>,
  command: readonly string[],
  input = "",
): Promise<ProgramResult> {
  const child = Bun.spawn([...command], {
    env,
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status: child.exitCode, output: out + err };
}
