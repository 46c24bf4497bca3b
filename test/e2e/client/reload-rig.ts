// Rig of the reload tests: a server whose configuration and users change while clients are connected.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatConfiguration, type TestServer, type User } from "../../peer/test-server.ts";
import { formatPasswordDatabase, startServer } from "./server.ts";

type Parameters = Readonly<Record<string, string>>;

/** What the configuration and the users' file say; absent parts: nothing, and the users of the server. */
export interface Setup {
  readonly globals?: Parameters;
  readonly shares: Readonly<Record<string, Parameters>>;
  readonly users?: readonly User[];
}

const RELOADED = /reload done/g;
const RELOAD_TIMEOUT_MS = 10_000;

export function startWith({ globals, shares, users }: Setup): Promise<TestServer> {
  return startServer({
    ...(users && { users }),
    ...(globals && { parameters: globals }),
    shares: Object.entries(shares).map(([name, { path, ...parameters }]) => ({
      name,
      parameters,
      ...(path !== undefined && { path }),
    })),
  });
}

/** Replaces the configuration and the users, sends SIGHUP and waits until the server has judged its sessions. */
export async function reload(server: TestServer, { globals, shares, users }: Setup): Promise<void> {
  const fixed = {
    "netbios name": "MINISMBD",
    workgroup: "WORKGROUP",
    "bind interfaces only": "yes",
    interfaces: server.host,
    "tcp port": String(server.port),
    "log level": "debug",
    "max ip connections": "65536",
  };
  const paths = new Map<string, string>();
  for (const [name, { path }] of Object.entries(shares)) {
    paths.set(name, path ?? server.shares.get(name) ?? "");
  }
  const named = Object.entries(shares).map(([name, { path: _, ...parameters }]) => ({ name, parameters }));
  const text = formatConfiguration(fixed, { parameters: globals ?? {}, shares: named }, paths);
  writeFileSync(join(server.directory, "minismbd.conf"), text);
  const passwords = formatPasswordDatabase(users ?? server.users);
  writeFileSync(join(server.directory, "ksmbdpwd.db"), passwords, { mode: 0o600 });
  const count = (): number => [...server.log().matchAll(RELOADED)].length;
  const before = count();
  process.kill(server.pid, "SIGHUP");
  const end = performance.now() + RELOAD_TIMEOUT_MS;
  while (count() === before && performance.now() < end) await Bun.sleep(20);
}
