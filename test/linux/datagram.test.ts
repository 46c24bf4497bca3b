// Datagrams to a daemon, which is a program of the test's own.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../src/linux/errno.ts";
import { closeFd } from "../../src/linux/open.ts";
import { openDatagramSocket, sendDatagram } from "../../src/linux/datagram.ts";
import { startDatagramDaemon } from "./datagram-daemon.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-datagram-"));
const path = join(directory, "log");
afterAll(() => rmSync(directory, { recursive: true }));

test("a text arrives as one datagram, a long one cut, and a daemon that is gone is no wait", async () => {
  expect(openDatagramSocket(path)).toBe(-Errno.ENOENT);
  const daemon = await startDatagramDaemon(path);
  const fd = openDatagramSocket(path);
  expect(fd).toBeGreaterThan(0);
  expect(sendDatagram(fd, "<174>ksmbd[1]: ready")).toBe(0);
  expect(sendDatagram(fd, `<171>${"ä".repeat(5000)}`)).toBe(0);
  expect(await daemon.next()).toEqual({ length: 20, text: "<174>ksmbd[1]: ready" });
  const cut = await daemon.next();
  expect(cut.text).toMatch(/^<171>ä+$/);
  expect([2047, 2048]).toContain(cut.length);
  await daemon.kill();
  expect(sendDatagram(fd, "nobody listens")).toBe(-Errno.ECONNREFUSED);
  closeFd(fd);
});
