// `npm run fresh`: both commands of the README on a Debian that has nothing but Node and npm, as root and as an ordinary
// user. Needs Debian and root. Options: --suite bookworm|trixie, --keep.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cloneInto, makeBareRoot, oldestNode } from "./bare-root.ts";
import { readOutput, runChecked } from "./command.ts";
import { ACCOUNTS, type Account, killAll, startInside } from "./inside.ts";
import { findCountFaults, findLeftOutFaults, readTotals, type Totals } from "./report.ts";

const ROOT = join(import.meta.dir, "../..");
const START_LIMIT_MS = 10 * 60_000;
const STOP_LIMIT_MS = 20_000;
const TEST_LIMIT_MS = 60 * 60_000;

const { values: options } = parseArgs({
  options: { suite: { type: "string", default: "bookworm" }, keep: { type: "boolean", default: false } },
});

const faults: string[] = [];
const runs: Totals[] = [];
const startMs = performance.now();
const secondsSince = (from: number): string => ((performance.now() - from) / 1000).toFixed(0);

function say(text: string): void {
  process.stdout.write(`\n=== ${text}\n`);
}

/** HEAD of the checkout; what is not committed is named, since it is not tested. */
function findCommit(): string {
  const changes = readOutput(["git", "-C", ROOT, "status", "--porcelain"]).trimEnd();
  if (changes !== "") say(`not committed, therefore not tested:\n${changes}`);
  return readOutput(["git", "-C", ROOT, "rev-parse", "HEAD"]).trim();
}

/** True: whatever listens on this port answers an SMB1 NEGOTIATE for SMB 2.??? with an SMB2 message. */
function answersSmb(port: number): Promise<boolean> {
  const dialects = "\x02SMB 2.002\0\x02SMB 2.???\0";
  const message = Buffer.alloc(32 + 3 + dialects.length);
  message.write("\xffSMBr", "latin1");
  message.writeUInt16LE(dialects.length, 33);
  message.write(dialects, 35, "latin1");
  const head = Buffer.alloc(4);
  head.writeUInt32BE(message.length);
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(10_000, () => finish(false));
    socket.once("error", () => finish(false));
    socket.once("connect", () => socket.write(Buffer.concat([head, message])));
    socket.once("data", (chunk) => finish(Buffer.from(chunk).toString("latin1", 4, 8) === "\xfeSMB"));
  });
}

/** `npm ci && npm start`: it must answer a client, and end by Ctrl-C. */
async function tryStart(root: string, account: Account): Promise<void> {
  const command = "npm ci && npm start";
  say(`${account.name}: ${command}`);
  const inside = startInside(root, account, command);
  const ended = inside.exited.then(() => true);
  const limit = performance.now() + START_LIMIT_MS;
  const readyPort = (): string | undefined => /ready on port (\d+)/.exec(inside.output())?.[1];
  while (readyPort() === undefined && performance.now() < limit)
    if (await Promise.race([ended, Bun.sleep(200).then(() => false)])) break;
  const port = readyPort();
  if (port === undefined) faults.push(`${account.name}: ${command}: the server is not ready`);
  else if (await answersSmb(Number(port))) say(`${account.name}: port ${port} answers SMB2`);
  else faults.push(`${account.name}: ${command}: no SMB2 answer on port ${port}`);
  inside.interrupt();
  if (!(await Promise.race([ended, Bun.sleep(STOP_LIMIT_MS).then(() => false)]))) {
    faults.push(`${account.name}: ${command}: runs on ${STOP_LIMIT_MS / 1000} s after Ctrl-C`);
    inside.kill();
    await ended;
  }
}

/** `npm ci && npm test`: green, and the tests left out are those that it names. Returns the totals. */
async function tryTest(root: string, account: Account): Promise<string> {
  const command = "npm ci && npm test";
  say(`${account.name}: ${command}`);
  const fromMs = performance.now();
  const inside = startInside(root, account, command);
  const timer = setTimeout(() => inside.kill(), TEST_LIMIT_MS);
  const status = await inside.exited;
  clearTimeout(timer);
  const totals = readTotals(inside.output());
  if (totals !== undefined) runs.push(totals);
  const name = `${account.name}: ${command}`;
  if (status !== 0) faults.push(`${name}: status ${status}`);
  for (const fault of findLeftOutFaults(inside.output(), account.id === 0)) faults.push(`${name}: ${fault}`);
  return `${account.name}: ${totals?.line ?? "no totals"} in ${secondsSince(fromMs)} s`;
}

/** No mount may be left in the directory: removal would go on into this machine's own. */
function removeAll(directory: string): void {
  if (!existsSync(directory)) return;
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const inside = mounts.map((line) => line.split(" ")[1] ?? "").filter((path) => path.startsWith(directory));
  for (const path of inside.reverse()) Bun.spawnSync(["umount", "-l", path]);
  rmSync(directory, { recursive: true, force: true });
}

async function tryAll(directory: string): Promise<string[]> {
  const node = oldestNode(ROOT);
  const commit = findCommit();
  say(`Debian ${options.suite} with Node ${node}, commit ${commit}`);
  const base = join(directory, "base");
  makeBareRoot(base, options.suite, node);
  say(`made in ${secondsSince(startMs)} s`);
  const totals: string[] = [];
  for (const account of ACCOUNTS) {
    const root = join(directory, account.name);
    runChecked(["cp", "-a", "--reflink=auto", base, root]);
    cloneInto(root, account.home, account.id, ROOT, commit);
    await tryStart(root, account);
    totals.push(await tryTest(root, account));
    if (!options.keep) removeAll(root);
  }
  faults.push(...findCountFaults(runs));
  return totals;
}

async function main(): Promise<void> {
  if (process.geteuid?.() !== 0 || !existsSync("/etc/debian_version")) {
    process.stderr.write("npm run fresh needs Debian and root\n");
    process.exit(1);
  }
  const directory = mkdtempSync(join(tmpdir(), "minismbd-fresh-"));
  const clean = async (): Promise<void> => {
    await killAll();
    if (!options.keep) removeAll(directory);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void clean().then(() => process.exit(1)));
  let totals: string[] = [];
  try {
    totals = await tryAll(directory);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  } finally {
    await clean();
  }
  process.stdout.write("\n");
  for (const fault of faults) process.stdout.write(`FAILED: ${fault}\n`);
  const verdict = faults.length === 0 ? "green" : "FAILED";
  process.stdout.write(
    `fresh ${options.suite} ${verdict} in ${secondsSince(startMs)} s; ${totals.join("; ")}\n`,
  );
  process.exit(faults.length === 0 ? 0 : 1);
}

await main();
