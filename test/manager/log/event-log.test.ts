import { expect, test } from "bun:test";
import { dialectName, EventLog, MAX_LINES, PERIOD_MS } from "../../../src/manager/log/event-log.ts";
import type { Identity } from "../../../src/port/port.ts";
import { createLog } from "../../../src/manager/log/log.ts";

// An attacker could fill the disk with log lines.
test("lines of one kind are limited, and the dropped ones are counted", () => {
  const lines: string[] = [];
  let now = 0;
  const events = new EventLog(
    createLog(
      () => "info",
      (level, line) => lines.push(`${level}: ${line}`),
    ),
    () => now,
  );
  const fail = () =>
    events.write({ event: "logonFailed", user: "a\nb", remoteAddress: "10.0.0.1", reason: "unknown user" });
  for (let i = 0; i < 1000; i++) fail();
  expect(lines).toHaveLength(MAX_LINES);
  expect(lines[0]).toBe("warn: log-on of 'a\\u{a}b' from 10.0.0.1 refused: unknown user");
  events.write({ event: "connectionLimit", remoteAddress: "10.0.0.1", limit: "max connections" });
  expect(lines).toHaveLength(MAX_LINES + 1);
  now = PERIOD_MS;
  fail();
  expect(lines.at(-2)).toBe(`warn: ${1000 - MAX_LINES} more lines like 'logonFailed' were left out`);
});

test("a log prints the lines of its level and above", () => {
  const lines: string[] = [];
  let level: "error" | "debug" = "error";
  const log = createLog(
    () => level,
    (own, line) => lines.push(`${own}: ${line}`),
  );
  log.warn("a");
  log.error("b");
  level = "debug";
  log.debug("c");
  log.info("d");
  expect(lines).toEqual(["error: b", "debug: c", "info: d"]);
});

test("dialects have names; [MS-SMB2] 2.2.4", () => {
  expect([0x0202, 0x0210, 0x0300, 0x0302, 0x0311].map(dialectName)).toEqual([
    "SMB 2.0.2",
    "SMB 2.1",
    "SMB 3.0",
    "SMB 3.0.2",
    "SMB 3.1.1",
  ]);
});

test("the first line about each user, address and share is never left out", () => {
  const lines: string[] = [];
  const log = createLog(
    () => "info",
    (_, line) => lines.push(line),
  );
  const events = new EventLog(log, () => 0);
  const identityOf = (user: string, remoteAddress: string): Identity => ({
    user,
    domain: "",
    isGuest: false,
    isAnonymous: false,
    accountVersion: 1,
    remoteAddress,
  });
  for (let i = 0; i < 200; i++) {
    events.write({ event: "logon", identity: identityOf("anna", `10.0.0.${i}`), dialect: 0x0311 });
    events.write({ event: "logon", identity: identityOf("anna", "10.0.0.1"), dialect: 0x0311 });
    events.refuse("docs", identityOf("ben", "10.0.0.2"), "'valid users' does not name the user");
  }
  events.refuse("docs", identityOf("ben", "10.0.0.2"), "the disk is full");
  expect(new Set(lines.filter((line) => line.includes("logged on"))).size).toBe(200);
  expect(lines.filter((line) => line.includes("valid users"))).toHaveLength(MAX_LINES);
  expect(lines.at(-1)).toBe("share [docs] refused to 'ben' from 10.0.0.2: the disk is full");
});
