// The messages of sd_notify(3) that systemd gets from the built executable; the socket is a program of the test's own.
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDatagramDaemon } from "../linux/datagram-daemon.ts";
import { EXECUTABLE } from "./executable.ts";

const ending: (() => Promise<unknown>)[] = [];
let directory = "";

afterEach(async () => {
  for (const end of ending.splice(0)) await end();
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
  const daemon = await startDatagramDaemon(socket);
  ending.push(() => daemon.kill());
  const next = async (isWanted: (line: string) => boolean): Promise<string> => {
    for (;;) {
      const line = (await daemon.next()).text.replaceAll("\n", "|");
      if (isWanted(line)) return line;
    }
  };
  const server = Bun.spawn(
    [EXECUTABLE, "serve", "-C", config, "-P", join(directory, "ksmbdpwd.db"), "-p", "0"],
    {
      env: { PATH: process.env.PATH ?? "", NOTIFY_SOCKET: socket, ...environment },
      stdout: "ignore",
      stderr: "ignore",
    },
  );
  ending.push(() => {
    server.kill("SIGKILL");
    return server.exited;
  });
  const isState = (line: string): boolean => line !== "WATCHDOG=1" && !line.startsWith("FDSTORE=1");
  return { server, configure, nextState: () => next(isState), next };
}

test.each([
  ["a path", (inside: string) => join(inside, "notify")],
  ["an abstract name", (inside: string) => `@minismbd-${inside.split("-").pop()}`],
])("systemd hears of start, reload, a broken configuration and stop over %s", async (_kind, name) => {
  const { server, configure, next, nextState } = await start(name, {});
  expect(await next(() => true)).toMatch(/^FDSTORE=1\|FDNAME=smb-__-\d+$/);
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
