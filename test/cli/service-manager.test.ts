// The messages of sd_notify(3) that systemd gets from the built executable; the socket is a program of the test's own.
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "./executable.ts";

const DAEMON = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind("\\0" + name[1:] if name.startswith("@") else name)
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", "|"), flush=True)
`;

const running: Bun.Subprocess[] = [];
let directory = "";

afterEach(async () => {
  for (const child of running.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  if (existsSync(directory)) rmSync(directory, { recursive: true });
});

/** A server whose messages go to `name`; `next` resolves with the next message that is not WATCHDOG=1. */
async function start(name: (directory: string) => string, environment: Record<string, string>) {
  directory = mkdtempSync(join(tmpdir(), "minismbd-notify-"));
  mkdirSync(join(directory, "docs"));
  const config = join(directory, "ksmbd.conf");
  const configure = (text: string) =>
    writeFileSync(
      config,
      `[global]\n${text}\n[docs]\n\tpath = ${directory}/docs\n[user:anna]\n\tpassword = secret\n`,
    );
  configure("");
  const socket = name(directory);
  const daemon = Bun.spawn(["python3", "-c", DAEMON, socket], { stdout: "pipe" });
  running.push(daemon);
  const chunks = daemon.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = "";
  const next = async (isWanted: (line: string) => boolean): Promise<string> => {
    for (;;) {
      const end = text.indexOf("\n");
      const line = text.slice(0, end);
      if (end < 0) text += (await chunks.next()).value ?? "";
      else text = text.slice(end + 1);
      if (end >= 0 && isWanted(line)) return line;
    }
  };
  expect(await next(() => true)).toBe("bound");
  const server = Bun.spawn(
    [EXECUTABLE, "serve", "-C", config, "-P", join(directory, "ksmbdpwd.db"), "-p", "0"],
    {
      env: { PATH: process.env.PATH ?? "", NOTIFY_SOCKET: socket, ...environment },
      stdout: "ignore",
      stderr: "ignore",
    },
  );
  running.push(server);
  return { server, configure, nextState: () => next((line) => line !== "WATCHDOG=1"), next };
}

test.each([
  ["a path", (inside: string) => join(inside, "notify")],
  ["an abstract name", (inside: string) => `@minismbd-${inside.split("-").pop()}`],
])("systemd hears of start, reload, a broken configuration and stop over %s", async (_kind, name) => {
  const { server, configure, nextState } = await start(name, {});
  expect(await nextState()).toMatch(/^READY=1\|STATUS=serving 1 share on port \d+$/);
  server.kill("SIGHUP");
  expect(await nextState()).toBe("RELOADING=1");
  expect(await nextState()).toMatch(/^READY=1\|STATUS=serving 1 share on port \d+$/);
  configure("server signing = sometimes");
  server.kill("SIGHUP");
  expect(await nextState()).toBe("RELOADING=1");
  expect(await nextState()).toMatch(/^READY=1\|STATUS=.*:2: 'sometimes' is not a value of/);
  server.kill("SIGTERM");
  expect(await nextState()).toBe("STOPPING=1");
  expect(await server.exited).toBe(0);
});

test("a unit with a watchdog hears that the event loop runs, twice in its time", async () => {
  const { next } = await start((inside) => join(inside, "notify"), { WATCHDOG_USEC: "400000" });
  await next((line) => line.startsWith("READY=1"));
  const before = Date.now();
  for (let i = 0; i < 3; i++) expect(await next(() => true)).toBe("WATCHDOG=1");
  expect(Date.now() - before).toBeGreaterThan(500);
});

test("a watchdog that is meant for another process hears nothing", async () => {
  const environment = { WATCHDOG_USEC: "100000", WATCHDOG_PID: "1" };
  const { server, nextState, next } = await start((inside) => join(inside, "notify"), environment);
  expect(await nextState()).toStartWith("READY=1");
  await Bun.sleep(400);
  server.kill("SIGTERM");
  expect(await next(() => true)).toBe("STOPPING=1");
});
