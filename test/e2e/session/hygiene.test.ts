// Connections that nobody uses any more: the kernel asks whether their client is there, with MINISMBD_LONG=1,
// which takes two minutes, they yield to others of their machine, and `deadtime` closes them.
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome } from "../client/attack-rig.ts";
import { createCall, createFile, type Mount, mountShare } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

/** Takes minutes: a test with MINISMBD_LONG=1 only, without it none that is skipped. */
const longTest: typeof test | (() => void) =
  process.env["MINISMBD_LONG"] === undefined ? () => undefined : test;
/** The kernel counts in hundredths of a second there; proc(5). */
const TICKS = 100;

let server: TestServer;
afterEach(() => server.stop());

const outcome = (mount: Mount) => mount.client.outcome(createCall(mount, "letter.txt"));

test("the kernel asks for the client of a connection that is idle for a minute", async () => {
  server = await startServer();
  const mount = await mountShare(server, TESTER, "test");
  const port = server.port.toString(16).toUpperCase().padStart(4, "0");
  const timers = (): string[] =>
    readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local?.endsWith(`:${port}`) === true && state === "01")
      .map((fields) => fields[5] ?? "");
  // Another timer may run until the last reply is acknowledged.
  for (let i = 0; i < 500 && !timers().some((timer) => timer.startsWith("02:")); i++) await Bun.sleep(20);
  const [kind, left = ""] = timers()[0]?.split(":") ?? [];
  expect([kind, Number.parseInt(left, 16) <= 60 * TICKS]).toEqual(["02", true]);
  mount.client.close();
});

longTest(
  "at `max ip connections` the machine's idlest connection without open files yields, and the others stay",
  async () => {
    server = await startServer({ parameters: { "max ip connections": "3" } });
    const using = await mountShare(server, TESTER, "test");
    await createFile(using, "letter.txt");
    const idle = await mountShare(server, TESTER, "test");
    const lively = await mountShare(server, TESTER, "test");
    // `MIN_IDLE_MS` of the table of connections.
    await Bun.sleep(31_000);
    expectOutcome(await outcome(lively), Status.SUCCESS);
    const next = await mountShare(server, TESTER, "test");
    expectOutcome(await outcome(next), Status.SUCCESS);
    expectOutcome(await outcome(idle), "closed");
    expectOutcome(await outcome(using), Status.SUCCESS);
    expectOutcome(await outcome(lively), Status.SUCCESS);
    for (const { client } of [using, lively, next]) client.close();
  },
  60_000,
);

longTest(
  "`deadtime` closes a connection without open files, and keeps one with a file",
  async () => {
    server = await startServer({ parameters: { deadtime: "1" } });
    const [using, idle] = [
      await mountShare(server, TESTER, "test"),
      await mountShare(server, TESTER, "test"),
    ];
    await createFile(using, "letter.txt");
    await Bun.sleep(50_000);
    expectOutcome(await outcome(using), Status.SUCCESS);
    await Bun.sleep(20_000);
    expectOutcome(await outcome(idle), "closed");
    expectOutcome(await outcome(using), Status.SUCCESS);
    expect(server.log()).toContain("127.0.0.1 disconnected: idle for longer than 'deadtime'");
    using.client.close();
  },
  120_000,
);
