// Interfaces whose addresses come and go while the server runs, in a network of the test's own.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasSmbclient } from "../client/smbclient.ts";
import { EXECUTABLE } from "../client/server.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-interfaces-"));
const logFile = join(directory, "log");
const configuration = join(directory, "smb.conf");
const script =
  'ip link set lo up && ip link add lan0 type veth peer name far0 && ip link set lan0 up && ip link set far0 up && exec "$@" >>"$0" 2>&1';
let server: Bun.Subprocess | undefined;

afterAll(async () => {
  server?.kill("SIGTERM");
  await server?.exited;
  rmSync(directory, { recursive: true, force: true });
});

const canMakeNetwork = process.getuid?.() === 0 && Bun.which("ip") !== null && hasSmbclient();

const log = (): string => readFileSync(logFile, "utf8");

async function awaitLog(text: string): Promise<void> {
  const end = performance.now() + 15_000;
  while (!log().includes(text) && performance.now() < end) await Bun.sleep(20);
  expect(log()).toContain(text);
}

function inside(command: string): number {
  const words = ["nsenter", "--net", "-t", String(server?.pid), "sh", "-c", command];
  return Bun.spawnSync(words, { stdout: "ignore", stderr: "ignore", timeout: 20_000 }).exitCode;
}

const isServed = (address: string): boolean => inside(`smbclient -N -p 4450 -L ${address} >/dev/null`) === 0;

test.skipIf(!canMakeNetwork)(
  "a server starts before its interface has an address, serves each that comes, and drops each that goes",
  async () => {
    writeFileSync(
      configuration,
      "[global]\nbind interfaces only = yes\ninterfaces = lan*\ntcp port = 4450\nmap to guest = bad user\n" +
        "[docs]\npath = /tmp\nguest ok = yes\n",
    );
    writeFileSync(logFile, "");
    const words = [EXECUTABLE, "serve", "-C", configuration, "-P", join(directory, "ksmbdpwd.db")];
    server = Bun.spawn(["unshare", "--net", "sh", "-c", script, logFile, ...words], {
      stdout: "ignore",
      stderr: "ignore",
    });
    await awaitLog("no interface of 'interfaces' has an address now: waiting for one");
    await awaitLog("ready on port 4450");
    expect(inside("ip addr add 10.77.0.1/24 dev lan0")).toBe(0);
    await awaitLog("listening on 10.77.0.1");
    expect([isServed("10.77.0.1"), isServed("127.0.0.1")]).toEqual([true, false]);
    // Another interface that the pattern names.
    expect(
      inside(
        "ip link add lan1 type veth peer name far1 && ip link set lan1 up && ip link set far1 up && ip addr add 10.78.0.1/24 dev lan1",
      ),
    ).toBe(0);
    await awaitLog("listening on 10.78.0.1");
    expect(isServed("10.78.0.1")).toBe(true);
    expect(inside("ip addr del 10.77.0.1/24 dev lan0")).toBe(0);
    await awaitLog("no longer listening on 10.77.0.1");
    // A reload names other interfaces: no restart.
    writeFileSync(configuration, readFileSync(configuration, "utf8").replace("lan*", "lo"));
    server.kill("SIGHUP");
    await awaitLog("no longer listening on 10.78.0.1");
    expect([isServed("127.0.0.1"), isServed("10.78.0.1")]).toEqual([true, false]);
    expect(server.exitCode).toBeNull();
  },
);
