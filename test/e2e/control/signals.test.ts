// What signals do to a running server: none but INT, QUIT and TERM end it.
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../../cli/executable.ts";

const WORDS = ["serve", "--share", "docs=/tmp", "--user", "anna:secret", "-p", "0"];

test("SIGUSR1 lists the shares, SIGUSR2 and SIGHUP change nothing: the server goes on", async () => {
  const server = await startServer(WORDS);
  process.kill(server.pid, "SIGUSR2");
  process.kill(server.pid, "SIGUSR1");
  await server.waitFor("shares: [docs] /tmp");
  process.kill(server.pid, "SIGHUP");
  await server.waitFor("reload done");
  expect(await server.stop()).toBe(0);
});

test.each(["SIGINT", "SIGQUIT", "SIGTERM"] as const)(
  "%s stops the server, which removes its files",
  async (signal) => {
    const directory = mkdtempSync(join(tmpdir(), "minismbd-signals-"));
    const lock = join(directory, "ksmbd.lock");
    const server = await startServer([...WORDS, "--lock", lock]);
    expect([existsSync(lock), existsSync(join(directory, "ksmbd.sock"))]).toEqual([true, true]);
    process.kill(server.pid, signal);
    expect(await server.stop()).toBe(0);
    expect([existsSync(lock), existsSync(join(directory, "ksmbd.sock"))]).toEqual([false, false]);
    rmSync(directory, { recursive: true });
  },
);
