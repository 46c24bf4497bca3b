import { expect, test } from "bun:test";
import { Desk } from "../../../src/manager/web/desk.ts";

type Parts = ConstructorParameters<typeof Desk>;

test("a process that misbehaves is told once, whatever it has sent until its end", () => {
  const told: string[] = [];
  const user: Parts[2] = {
    ready: () => {},
    bug: () => {},
    say: (text) => void told.push(text),
    misbehaved: (how) => void told.push(how),
  };
  const host = { nowMs: () => 0 } as Parts[0];
  const desk = new Desk(host, {} as Parts[1], user);
  for (let i = 0; i < 10_000; i++) desk.take(1);
  desk.take({ say: "and now this" });
  expect(told).toEqual(["a message of no known kind"]);
});

test("a fault of the server's own in an operation is an answer, too", async () => {
  const sent: unknown[] = [];
  const faults: unknown[] = [];
  const host = {
    nowMs: () => 0,
    accounts: { checkAddress() {}, callerOf: () => undefined } as unknown as Parts[0]["accounts"],
    carryOut: () => Promise.reject(new Error("bug")),
  };
  const child = { send: (message: unknown) => sent.push(message) } as unknown as Parts[1];
  const desk = new Desk(host, child, {
    ready() {},
    say() {},
    misbehaved() {},
    bug: (error) => faults.push(error),
  });
  desk.take({ id: 7, ask: "status", args: {}, credential: {}, address: "192.0.2.1", local: "192.0.2.2" });
  await Bun.sleep(0);
  expect(sent).toMatchObject([{ id: 7, end: "error", code: "failed" }]);
  expect(faults).toEqual([new Error("bug")]);
});
