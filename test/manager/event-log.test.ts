import { expect, test } from "bun:test";
import { dialectName, EventLog, MAX_LINES, PERIOD_MS } from "../../src/manager/event-log.ts";
import { createLog } from "../../src/manager/log.ts";

// An attacker could fill the disk with log lines.
test("lines of one kind are limited, and the dropped ones are counted", () => {
  const lines: string[] = [];
  let now = 0;
  const events = new EventLog(
    createLog(
      () => "info",
      (line) => lines.push(line),
    ),
    () => now,
  );
  const fail = () =>
    events.write({ event: "logonFailed", user: "a\nb", remoteAddress: "10.0.0.1", reason: "unknown user" });
  for (let i = 0; i < 1000; i++) fail();
  expect(lines).toHaveLength(MAX_LINES);
  expect(lines[0]).toBe("minismbd: warn: log-on of 'a\\u{a}b' from 10.0.0.1 refused: unknown user\n");
  events.write({ event: "connectionLimit", remoteAddress: "10.0.0.1", limit: "max connections" });
  expect(lines).toHaveLength(MAX_LINES + 1);
  now = PERIOD_MS;
  fail();
  expect(lines.at(-2)).toBe(
    `minismbd: warn: ${1000 - MAX_LINES} more lines like 'logonFailed' were left out\n`,
  );
});

test("a log prints the lines of its level and above", () => {
  const lines: string[] = [];
  let level: "error" | "debug" = "error";
  const log = createLog(
    () => level,
    (line, isError) => lines.push(`${isError} ${line}`),
  );
  log.warn("a");
  log.error("b");
  level = "debug";
  log.debug("c");
  log.info("d");
  expect(lines).toEqual([
    "true minismbd: error: b\n",
    "false minismbd: debug: c\n",
    "false minismbd: info: d\n",
  ]);
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
