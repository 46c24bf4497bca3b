// Runs Samba's gentest, which sends the same random operations to Debian's smbd and to dist/minismbd. Their
// responses must be equal except for what gentest-ignore.txt and gentest-rules.ts list.
// Usage: npm run gentest -- [--seeds 20] [--ops 2000] [--from 1]
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "../e2e/client/server.ts";
import { hasSmbd, startSmbd } from "../peer/smbd.ts";
import {
  findFreePort,
  makeDirectory,
  removeDirectory,
  TESTER,
  TESTER_UID,
  type TestServer,
} from "../peer/test-server.ts";
import { type Relay, startRelay } from "./gentest-relay.ts";
import { answerRules, rules } from "./gentest-rules.ts";
import { Trace } from "./gentest-trace.ts";
import { makeVolume } from "./volume.ts";

const SHARE = "gentest";
const IGNORE_LIST = join(import.meta.dir, "gentest-ignore.txt");
/** Two addresses, because gentest uses the same port for both servers. */
const HOSTS = { smbd: "127.0.0.1", minismbd: "127.0.0.2" } as const;
const SEED_LIMIT_MS = 300_000;
/** Allocation sizes of the disk, and no locks or oplocks that other programs see. */
const SMBD_PARAMETERS = {
  "allocation roundup size": "0",
  "kernel oplocks": "no",
  "kernel share modes": "no",
  "posix locking": "no",
} as const;

interface Outcome {
  readonly isClean: boolean;
  /** The differences as text; empty if there are none. */
  readonly report: string;
}

function parseOptions(): { seeds: number; ops: number; from: number } {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "20" },
      ops: { type: "string", default: "2000" },
      from: { type: "string", default: "1" },
    },
  });
  const read = (text: string): number => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1)
      throw new Error("--seeds, --ops and --from must be positive integers");
    return number;
  };
  return { seeds: read(values.seeds), ops: read(values.ops), from: read(values.from) };
}

/** Writes the ignore list without its comments, because gentest takes every line for a pattern. */
function writePatterns(path: string): void {
  const lines = readFileSync(IGNORE_LIST, "utf8").split("\n");
  const patterns = lines.filter((line) => line.trim() !== "" && !line.startsWith("#"));
  writeFileSync(path, `${patterns.join("\n")}\n`);
}

function emptyShare(server: TestServer): void {
  const path = server.shares.get(SHARE);
  if (path === undefined) throw new Error("the server has no share");
  rmSync(join(path, "gentest"), { recursive: true, force: true });
}

async function runSeed(
  seed: number,
  ops: number,
  directory: string,
  servers: readonly TestServer[],
): Promise<Outcome> {
  servers.forEach(emptyShare);
  const port = await findFreePort(HOSTS.smbd);
  const traces = servers.map(() => new Trace());
  const hosts = [HOSTS.smbd, HOSTS.minismbd];
  const relays: Relay[] = servers.map((server, i) =>
    startRelay({
      host: hosts[i] ?? "",
      port,
      server,
      rules,
      answerRules,
      observe: (traces[i] as Trace).observe,
    }),
  );
  const account = `${TESTER.user}%${TESTER.password}`;
  const child = Bun.spawn(
    [
      "gentest",
      ...hosts.map((host) => `//${host}/${SHARE}`),
      "--smb2",
      `--user1=${account}`,
      `--user2=${account}`,
      `--option=smb ports=${port}`,
      "--configfile=/dev/null",
      "--use-kerberos=off",
      "--noacls",
      "--noeas",
      `--seed=${seed}`,
      `--num-ops=${ops}`,
      `--seedsfile=${join(directory, "seeds")}`,
      `--ignore=${join(directory, "ignore")}`,
    ],
    { cwd: directory, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: SEED_LIMIT_MS },
  );
  const output = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
  const status = await child.exited;
  for (const relay of relays) relay.stop();
  const isClean = status === 0 && /^Op /m.test(output);
  const said = output.split("\n").filter((line) => /different|Mismatch|[Ff]ailed|NULL!|rror/.test(line));
  const sides = traces.map((trace, i) => `  ${servers[i]?.name ?? ""}: ${trace.report()}`);
  return { isClean, report: isClean ? "" : [...said.map((line) => `  ${line}`), ...sides].join("\n") };
}

async function main(): Promise<number> {
  const { seeds, ops, from } = parseOptions();
  if (!hasSmbd() || Bun.which("gentest") === null) {
    console.error("gentest: needs root, and Debian's packages samba and samba-testsuite");
    return 2;
  }
  const volume = makeVolume();
  const directory = makeDirectory("gentest");
  writePatterns(join(directory, "ignore"));
  const shareFor = (name: string): { name: string; path: string } => {
    const path = join(volume.path, name);
    mkdirSync(path);
    chownSync(path, TESTER_UID, TESTER_UID);
    return { name: SHARE, path };
  };
  const servers: TestServer[] = [];
  let different = 0;
  try {
    servers.push(await startSmbd({ shares: [shareFor("smbd")], parameters: SMBD_PARAMETERS }));
    servers.push(await startServer({ shares: [shareFor("minismbd")] }));
    for (let seed = from; seed < from + seeds; seed++) {
      const started = performance.now();
      const { isClean, report } = await runSeed(seed, ops, directory, servers);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`seed ${seed}: ${isClean ? "no difference" : "DIFFERENT"} (${seconds} s)`);
      if (isClean) continue;
      different++;
      console.log(report);
    }
  } finally {
    for (const server of servers) await server.stop();
    volume.remove();
    removeDirectory(directory);
  }
  console.log(`gentest: ${seeds - different} of ${seeds} seeds of ${ops} operations without differences`);
  return different === 0 ? 0 : 1;
}

process.exitCode = await main();
