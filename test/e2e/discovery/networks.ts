// Two networks of a test's own with one wire between them: the server's, 10.88.0.1, and its neighbour's, 10.88.0.2.
import { afterEach, beforeEach, expect } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../client/server.ts";

export const canMakeNetworks = process.getuid?.() === 0 && Bun.which("ip") !== null;

const WIRE = `ip link set lo up && ip link add eth0 type veth peer name far0 && ip link set far0 netns $0 &&
nsenter --net -t $0 sh -c 'ip link set lo up && ip link set far0 name eth0 && ip addr add 10.88.0.2/24 dev eth0 && ip link set eth0 up' &&
ip addr add 10.88.0.1/24 dev eth0 && ip link set eth0 up && exec sleep 90`;
const SILENT = { stdout: "ignore", stderr: "ignore" } as const;

/** What a program prints. */
export class Lines {
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

export class Networks {
  readonly directory = mkdtempSync(join(tmpdir(), "minismbd-networks-"));
  private readonly there = Bun.spawn(["unshare", "--net", "sleep", "90"], SILENT);
  private readonly here = Bun.spawn(["unshare", "--net", "sh", "-c", WIRE, String(this.there.pid)], SILENT);
  private readonly running: Bun.Subprocess[] = [];

  async wired(): Promise<this> {
    mkdirSync(join(this.directory, "docs"));
    const words = [
      "nsenter",
      "--net",
      "-t",
      String(this.here.pid),
      "ip",
      "-br",
      "addr",
      "show",
      "dev",
      "eth0",
    ];
    const isUp = (): boolean => /UP.*10\.88\.0\.1/.test(Bun.spawnSync(words).stdout.toString());
    for (let i = 0; i < 100 && !isUp(); i++) await Bun.sleep(50);
    return this;
  }

  /**
   * A further wire between two interfaces called `name`. `own` and `far` are their addresses with bits; their
   * link-local ones are fe80::1 and fe80::2.
   */
  async addWire(name: string, own: string, far: string): Promise<void> {
    const script = `set -e; ip link add $1 type veth peer name far1
ip link set far1 netns $0
nsenter --net -t $0 sh -ec "ip link set far1 name $1; ip addr add $3 dev $1; ip addr add fe80::2/64 dev $1 nodad; ip link set $1 up"
ip addr add $2 dev $1; ip addr add fe80::1/64 dev $1 nodad; ip link set $1 up`;
    const { pid } = this.there;
    const words = ["nsenter", "--net", "-t", String(this.here.pid), "sh", "-c", script, String(pid)];
    const made = Bun.spawn([...words, name, own, far], { stdout: "ignore", stderr: "pipe" });
    expect([await made.exited, await new Response(made.stderr).text()]).toEqual([0, ""]);
  }

  /** Starts a program in the server's network. */
  startHere(...words: string[]): { lines: Lines; child: Bun.Subprocess } {
    return this.startIn(this.here.pid, words);
  }

  /** Starts a program in the neighbour's network. */
  startThere(...words: string[]): { lines: Lines; child: Bun.Subprocess } {
    return this.startIn(this.there.pid, words);
  }

  startServer(...options: string[]): { lines: Lines; child: Bun.Subprocess } {
    return this.startHere(...this.serverWords(options));
  }

  /** A second server of the same name. */
  startServerThere(...options: string[]): { lines: Lines; child: Bun.Subprocess } {
    return this.startThere(...this.serverWords(options));
  }

  private serverWords(options: readonly string[]): string[] {
    const common = ["serve", "--share", `docs=${this.directory}/docs`, "--user", "anna:secret"];
    return [EXECUTABLE, ...common, "-o", "netbios name = BOX", ...options];
  }

  async stop(): Promise<void> {
    for (const child of [...this.running, this.here, this.there]) {
      child.kill("SIGKILL");
      await child.exited;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  private startIn(network: number, words: readonly string[]): { lines: Lines; child: Bun.Subprocess } {
    const command = ["nsenter", "--net", "-t", String(network), ...words];
    const options = { stdout: "pipe", stderr: "ignore" } as const;
    const child = Bun.spawn(["sh", "-c", 'exec "$@" 2>&1', "sh", ...command], options);
    this.running.push(child);
    return { lines: new Lines(child.stdout), child };
  }
}

/** Two networks for each test of the file, where `canRun`. Returns those of the test that runs. */
export function useNetworks(canRun: boolean): () => Networks {
  let networks: Networks | undefined;
  beforeEach(async () => {
    if (canRun) networks = await new Networks().wired();
  });
  afterEach(() => networks?.stop());
  return () => {
    if (networks === undefined) throw new Error("no networks");
    return networks;
  };
}
