// syslog: a daemon that is started anew costs no descriptor.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSyslog } from "../../../src/manager/log/sinks.ts";
import { startDatagramDaemon } from "../../linux/datagram-daemon.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-syslog-"));
afterAll(() => rmSync(directory, { recursive: true }));

const countOfSockets = (): number => readdirSync("/proc/self/fd").length;

test("each start of the syslog daemon leaves as many descriptors as before", async () => {
  const path = join(directory, "log");
  let daemon = await startDatagramDaemon(path);
  const write = makeSyslog(path);
  const counts: number[] = [];
  for (let start = 0; start < 3; start++) {
    await daemon.kill();
    rmSync(path);
    daemon = await startDatagramDaemon(path);
    const before = countOfSockets();
    write?.("info", `start ${start}`);
    expect((await daemon.next()).text).toContain(`start ${start}`);
    counts.push(countOfSockets() - before);
  }
  await daemon.kill();
  expect(counts).toEqual([0, 0, 0]);
});
