// A kernel that was built without IPv6, or started with ipv6.disable=1: the server serves IPv4 and says so.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { TESTER } from "../../peer/test-server.ts";
import { getText, putStream } from "../client/stream-calls.ts";
import { mountShare } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const WITHOUT_IPV6 = [process.execPath, join(import.meta.dir, "../../peer/without-calls.ts"), "ipv6"];
const EVERYWHERE = { "bind interfaces only": "no", interfaces: "" };

test("the server listens on IPv4 and logs that there is no IPv6", async () => {
  const server = await startServer({ runner: WITHOUT_IPV6, parameters: EVERYWHERE });
  const mount = await mountShare(server, TESTER, "test");
  await putStream(mount, "file", "words");
  expect(await getText(mount, "file")).toBe("words");
  mount.client.close();
  expect(server.log()).toContain("the kernel has no IPv6: the server is reached by IPv4 alone");
  await server.stop();
});

test("with IPv6 the server listens on both and logs nothing of it", async () => {
  const server = await startServer({ parameters: EVERYWHERE });
  const mount = await mountShare({ ...server, host: "::1" }, TESTER, "test");
  mount.client.close();
  expect(server.log()).not.toContain("IPv6");
  await server.stop();
});

test("an IPv6 address in `interfaces` is refused with the reason", async () => {
  const parameters = { "bind interfaces only": "yes", interfaces: "::1 127.0.0.1" };
  const started = startServer({ runner: WITHOUT_IPV6, parameters });
  expect(started).rejects.toThrow(/cannot listen on ::1 port \d+: the kernel has no IPv6/);
  await started.catch(() => undefined);
});
