// Multicast DNS between two networks of the test's own: the neighbour is python3-zeroconf.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../client/server.ts";

const PYTHON = "/usr/bin/python3";
const NEIGHBOUR = join(import.meta.dir, "neighbour.py");
const HAS_ZEROCONF = existsSync("/usr/lib/python3/dist-packages/zeroconf");
const canRun = process.getuid?.() === 0 && Bun.which("ip") !== null && HAS_ZEROCONF;
/** Two networks with one wire: eth0 is 10.88.0.1 here and 10.88.0.2 there. */
const WIRE = `ip link set lo up && ip link add eth0 type veth peer name far0 && ip link set far0 netns $0 &&
nsenter --net -t $0 sh -c 'ip link set lo up && ip link set far0 name eth0 && ip addr add 10.88.0.2/24 dev eth0 && ip link set eth0 up' &&
ip addr add 10.88.0.1/24 dev eth0 && ip link set eth0 up && exec sleep 60`;

class Lines {
  text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    void this.readAll(stream);
  }

  private async readAll(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.text += decoder.decode(chunk, { stream: true });
  }

  async see(wanted: RegExp | string, limitMs = 20_000): Promise<void> {
    const end = performance.now() + limitMs;
    const isThere = (): boolean =>
      typeof wanted === "string" ? this.text.includes(wanted) : wanted.test(this.text);
    while (!isThere() && performance.now() < end) await Bun.sleep(20);
    expect(this.text).toMatch(wanted);
  }
}

let directory = "";
let here: Bun.Subprocess;
let there: Bun.Subprocess;
const running: Bun.Subprocess[] = [];

beforeEach(async () => {
  if (!canRun) return;
  directory = mkdtempSync(join(tmpdir(), "minismbd-mdns-"));
  mkdirSync(join(directory, "docs"));
  const options = { stdout: "ignore", stderr: "ignore" } as const;
  there = Bun.spawn(["unshare", "--net", "sleep", "60"], options);
  here = Bun.spawn(["unshare", "--net", "sh", "-c", WIRE, String(there.pid)], options);
  const isWired = (): boolean =>
    Bun.spawnSync(["nsenter", "--net", "-t", String(here.pid), "ping", "-c1", "-W1", "10.88.0.2"], options)
      .exitCode === 0;
  for (let i = 0; i < 50 && !isWired(); i++) await Bun.sleep(100);
});

afterEach(async () => {
  for (const child of [...running.splice(0), ...(canRun ? [here, there] : [])]) {
    child.kill("SIGKILL");
    await child.exited;
  }
  if (directory !== "") rmSync(directory, { recursive: true, force: true });
});

function startIn(network: Bun.Subprocess, ...words: string[]): { lines: Lines; child: Bun.Subprocess } {
  const command = ["nsenter", "--net", "-t", String(network.pid), ...words];
  const child = Bun.spawn(["sh", "-c", 'exec "$@" 2>&1', "sh", ...command], {
    stdout: "pipe",
    stderr: "ignore",
  });
  running.push(child);
  return { lines: new Lines(child.stdout), child };
}

const startServer = (...options: string[]) =>
  startIn(
    here,
    EXECUTABLE,
    ...["serve", "--share", `docs=${directory}/docs`, "--user", "anna:secret"],
    ...["-o", "netbios name = BOX", ...options],
  );
const startNeighbour = (...words: string[]) => startIn(there, PYTHON, NEIGHBOUR, ...words);

test.skipIf(!canRun)(
  "a neighbour sees the server come with name, port, address and TXT record, and go",
  async () => {
    const { lines } = startNeighbour("browse", "10.88.0.2", "50");
    await lines.see("browsing");
    const server = startServer();
    await lines.see(/^found BOX \S+\.local\. 445 10\.88\.0\.1 1$/m);
    server.child.kill("SIGTERM");
    await lines.see("gone BOX");
  },
);

test.skipIf(!canRun)("a server that starts first is found by a neighbour that asks later", async () => {
  const server = startServer();
  await server.lines.see("ready on port 445");
  await Bun.sleep(3000);
  const { lines } = startNeighbour("browse", "10.88.0.2", "50");
  await lines.see(/^found BOX \S+\.local\. 445 10\.88\.0\.1 1$/m);
});

test.skipIf(!canRun)(
  "the name of another machine stays that machine's: the server takes another",
  async () => {
    const holder = startNeighbour("hold", "10.88.0.2", "50", "BOX");
    await holder.lines.see("holding");
    const server = startServer();
    await server.lines.see(
      "another machine has the server's name in the network, so it is announced as 'BOX (2)'",
    );
    const { lines } = startNeighbour("browse", "10.88.0.2", "50");
    await lines.see(/^found BOX \(2\) \S+\.local\. 445 10\.88\.0\.1 1$/m);
  },
);

test.skipIf(!canRun)(
  "beside another responder of the system, with the parameter off, or on another port nothing is announced",
  async () => {
    const { lines } = startNeighbour("browse", "10.88.0.2", "50");
    await lines.see("browsing");
    await startServer("-o", "multicast dns register = no").lines.see("ready on port 445");
    await startServer("-p", "4450").lines.see("ready on port 4450");
    const other = startIn(here, PYTHON, NEIGHBOUR, "browse", "10.88.0.1", "50");
    await other.lines.see("browsing");
    await startServer("-p", "4451", "-o", "multicast dns register = yes").lines.see(
      "another program answers multicast DNS here, so the server does not",
    );
    await Bun.sleep(2500);
    expect(lines.text).not.toContain("found");
  },
);
