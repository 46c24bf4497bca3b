// Samba's domain controller as a key distribution centre alone, on a free loopback port with its own directory: its
// tickets have a PAC with the groups of its users.
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { awaitExit, findFreePort, isListening, removeDirectory } from "../../peer/test-server.ts";
import { findProgram, isThere, SEARCH_PATH, TOOLS } from "../../tools.ts";
import { runIn } from "./kdc.ts";

export const DOMAIN = "ADTEST";
export const DOMAIN_REALM = "AD.TEST";
/** The server's name in tickets; clients are told its address. */
export const DOMAIN_SERVICE_HOST = "nas.ad.test";
const ACCOUNT = "nas-service";
const PASSWORD = "Passw0rd-of-all";

/** Whether this machine has the domain controller's programs; it runs as root alone. */
export function hasDomainController(): boolean {
  const tool = TOOLS.find(({ name }) => name === "Samba's domain controller");
  return process.geteuid?.() === 0 && tool !== undefined && isThere(tool) && findProgram("kinit") !== null;
}

export interface DomainController {
  readonly directory: string;
  readonly domainSid: string;
  /** The key table of the service. */
  readonly keytab: string;
  /** Variables with which a client uses this realm, and `cache` as its own store of tickets. */
  environment(cache: string): Record<string, string>;
  addUser(name: string): Promise<void>;
  /** Returns the SID of the new group. */
  addGroup(name: string, members: readonly string[]): Promise<string>;
  /** Fetches the first ticket of a user into the cache of that name. */
  logOn(cache: string, user: string, ...options: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startDomainController(): Promise<DomainController> {
  const directory = mkdtempSync(join(tmpdir(), "dc-"));
  const port = await findFreePort("127.0.0.1");
  const environment = (cache: string): Record<string, string> => ({
    PATH: SEARCH_PATH,
    HOME: directory,
    KRB5_CONFIG: join(directory, "client.conf"),
    KRB5CCNAME: join(directory, cache),
    KRB5RCACHETYPE: "none",
  });
  writeFileSync(join(directory, "client.conf"), clientConfiguration(port));
  const run = async (command: readonly string[], input = "", cache = "none"): Promise<string> => {
    const { status, output } = await runIn(environment(cache), command, input);
    if (status !== 0) throw new Error(`${command.join(" ")} failed:\n${output}`);
    return output;
  };
  const configuration = join(directory, "etc/smb.conf");
  const tool = (...words: readonly string[]) => run(["samba-tool", ...words, "-s", configuration]);
  const names = [`--realm=${DOMAIN_REALM}`, `--domain=${DOMAIN}`, "--host-name=dc1", "--host-ip=127.0.0.1"];
  const place = [`--targetdir=${directory}`, "--dns-backend=NONE", "--server-role=dc", "--backend-store=tdb"];
  const provision = ["samba-tool", "domain", "provision", ...names, ...place, `--adminpass=${PASSWORD}`];
  const domainSid = /S-1-5-21-\d+-\d+-\d+/.exec(await run(provision))?.[0] ?? "";
  await tool("user", "create", ACCOUNT, PASSWORD);
  await tool("spn", "add", `cifs/${DOMAIN_SERVICE_HOST}`, ACCOUNT);
  await run(
    ["ldbmodify", "-H", join(directory, "private/sam.ldb"), `--configfile=${configuration}`],
    `dn: CN=${ACCOUNT},CN=Users,DC=ad,DC=test\nchangetype: modify\nreplace: msDS-SupportedEncryptionTypes\n` +
      "msDS-SupportedEncryptionTypes: 24\n",
  );
  const keytab = join(directory, "keytab");
  await tool("domain", "exportkeytab", keytab, `--principal=cifs/${DOMAIN_SERVICE_HOST}`);
  const child = await startCentre(directory, configuration, port, environment("none"));
  return {
    directory,
    domainSid,
    keytab,
    environment,
    addUser: async (name) => void (await tool("user", "create", name, PASSWORD)),
    async addGroup(name, members) {
      await tool("group", "add", name);
      await tool("group", "addmembers", name, members.join(","));
      return /objectSid: (S-\S+)/.exec(await tool("group", "show", name))?.[1] ?? "";
    },
    logOn: async (cache, user, ...options) =>
      void (await run(["kinit", ...options, `${user}@${DOMAIN_REALM}`], `${PASSWORD}\n`, cache)),
    async stop() {
      child.kill();
      await awaitExit(child, 5000);
      removeDirectory(directory);
    },
  };
}

async function startCentre(
  directory: string,
  configuration: string,
  port: number,
  env: Record<string, string>,
): Promise<Bun.Subprocess> {
  const options = [
    "server services=kdc",
    `krb5 port=${port}`,
    `kpasswd port=${await findFreePort("127.0.0.1")}`,
    "interfaces=lo",
    "bind interfaces only=yes",
    `log file=${directory}/log`,
    `pid directory=${directory}`,
    `ncalrpc dir=${directory}/ncalrpc`,
  ];
  const words = ["samba", "-i", "-M", "single", "-s", configuration, ...options.map((o) => `--option=${o}`)];
  const log = openSync(join(directory, "out"), "a");
  const child = Bun.spawn(words, { env, stdin: "ignore", stdout: log, stderr: log });
  closeSync(log);
  for (let i = 0; i < 400 && !(await isListening("127.0.0.1", port)); i++) await Bun.sleep(25);
  if (await isListening("127.0.0.1", port)) return child;
  child.kill();
  throw new Error(`samba does not listen:\n${readFileSync(join(directory, "out"), "utf8")}`);
}

function clientConfiguration(port: number): string {
  return `[libdefaults]
 default_realm = ${DOMAIN_REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 ${DOMAIN_REALM} = {
  kdc = 127.0.0.1:${port}
 }
[domain_realm]
 .ad.test = ${DOMAIN_REALM}
`;
}
