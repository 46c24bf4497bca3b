// Passwords in the arguments and in the environment of the built executable do not stay readable in /proc.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RawClient } from "../e2e/client/raw-client.ts";
import { EXECUTABLE, startServer } from "./executable.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-cli-secrets-"));
afterAll(() => rmSync(directory, { recursive: true }));

const shown = (pid: number, file: "cmdline" | "environ"): string =>
  readFileSync(`/proc/${pid}/${file}`, "latin1").replaceAll("\0", " ");

async function logOn(port: number, user: string, password: string): Promise<void> {
  const client = await RawClient.connect({ host: "127.0.0.1", port });
  await client.negotiate();
  await client.logOn({ user, password });
  client.close();
}

test("serve hides the passwords of --user, whatever the option's form, and log-ons with them work", async () => {
  const users = {
    anna: "Tulip-Garden-1",
    bob: "Cedar-Forest-2",
    cleo: "Wheat-Field-3",
    dora: "Tulip-Garden-1",
  };
  const server = await startServer([
    ...["serve", "--share", `docs=${directory}`, "-p", "0", "-o", "log level = info"],
    ...[
      "--user",
      `anna:${users.anna}`,
      `--user=bob:${users.bob}`,
      `-ucleo:${users.cleo}`,
      "-u",
      `dora:${users.dora}`,
    ],
  ]);
  try {
    const line = shown(server.pid, "cmdline");
    for (const [user, password] of Object.entries(users)) {
      expect(line).toContain(`${user}:`);
      expect(line).not.toContain(password);
      expect(server.output()).not.toContain(password);
      await logOn(server.port, user, password);
    }
    expect(line).toContain(`docs=${directory}`);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

test("serve hides MINISMBD_PASSWORD and leaves the rest of the environment", async () => {
  const password = "Maple-Grove-4";
  const server = await startServer(["serve", "--share", `docs=${directory}`, "-p", "0", "--user", "anna"], {
    env: { MINISMBD_PASSWORD: password, OTHER: "stays" },
  });
  try {
    expect(shown(server.pid, "environ")).toContain("OTHER=stays");
    expect(shown(server.pid, "environ")).not.toContain(password);
    await logOn(server.port, "anna", password);
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

test.each([
  ["minismbd", ["adduser", "-p"]],
  ["ksmbd.adduser", ["-a", "-p"]],
])("%s hides -p while it waits for another change", async (tool, words) => {
  const db = join(directory, "ksmbdpwd.db");
  rmSync(db, { force: true });
  // The lock of another change, which keeps the command waiting.
  await Bun.write(`${db}.tmp`, "");
  const child = Bun.spawn([EXECUTABLE, ...words, "Birch-Alley-5", "-P", db, "anna"], {
    argv0: tool,
    stdout: "ignore",
    stderr: "ignore",
  });
  try {
    const end = performance.now() + 2500;
    const isHidden = (line: string): boolean => line.includes("anna") && !line.includes("Birch");
    while (!isHidden(shown(child.pid, "cmdline")) && performance.now() < end) await Bun.sleep(5);
    expect(shown(child.pid, "cmdline")).toContain("anna");
    expect(shown(child.pid, "cmdline")).not.toContain("Birch");
  } finally {
    rmSync(`${db}.tmp`);
    expect(await child.exited).toBe(0);
  }
});
