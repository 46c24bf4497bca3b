// Datagrams to a daemon, which is a program of the test's own.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "../../src/linux/errno.ts";
import { closeFd } from "../../src/linux/open.ts";
import { openDatagramSocket, sendDatagram } from "../../src/linux/datagram.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-datagram-"));
const path = join(directory, "log");
afterAll(() => rmSync(directory, { recursive: true }));

const DAEMON = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
for i in range(2):
    data = s.recv(65536)
    print(len(data), data[:24].decode(errors="ignore"), flush=True)
`;

test("a text arrives as one datagram, a long one cut, and a daemon that is gone is no wait", async () => {
  expect(openDatagramSocket(path)).toBe(-Errno.ENOENT);
  const daemon = Bun.spawn(["python3", "-c", DAEMON, path], { stdout: "pipe" });
  while (!existsSync(path)) await Bun.sleep(10);
  const fd = openDatagramSocket(path);
  expect(fd).toBeGreaterThan(0);
  expect(sendDatagram(fd, "<174>ksmbd[1]: ready")).toBe(0);
  expect(sendDatagram(fd, `<171>${"ä".repeat(5000)}`)).toBe(0);
  const lines = (await new Response(daemon.stdout).text()).split("\n");
  expect(lines[0]).toBe("20 <174>ksmbd[1]: ready");
  expect(lines[1]).toMatch(/^204[78] <171>ä/);
  await daemon.exited;
  expect(sendDatagram(fd, "nobody listens")).toBe(-Errno.ECONNREFUSED);
  closeFd(fd);
});
