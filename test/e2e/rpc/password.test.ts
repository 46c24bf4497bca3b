// Users change their own passwords: SAMR ChangePasswordUser2, 3 and 4 with rpcclient, and smbpasswd -r. [MS-SAMR] 3.1.5.10.
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer, type User } from "../../peer/test-server.ts";
import { runSmbclient } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import { hasRpcclient, runRpcclient } from "./rpc-clients.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const storedUsers = ({ directory }: TestServer): string =>
  readFileSync(join(directory, "ksmbdpwd.db"), "utf8");

async function canLogOn(subject: TestServer, user: User): Promise<boolean> {
  return (await runSmbclient(subject, ["ls"], { user })).status === 0;
}

async function change(subject: TestServer, call: string, from: string, to: string): Promise<string> {
  return (await runRpcclient(subject, `${call} ${TESTER.user} ${from} ${to}`)).output;
}

describe.skipIf(!hasRpcclient)("a client that proves the old password", () => {
  for (const call of ["chgpasswd2", "chgpasswd3", "chgpasswd4"]) {
    test(`changes it with ${call}, at once and for good`, async () => {
      server = await startServer();
      expect(await change(server, call, TESTER.password, "Straße-東京-1")).not.toContain("NT_STATUS");
      expect(await canLogOn(server, TESTER)).toBe(false);
      expect(await canLogOn(server, { ...TESTER, password: "Straße-東京-1" })).toBe(true);
      const hash = new Bun.CryptoHasher("md4")
        .update(Buffer.from("Straße-東京-1", "utf16le"))
        .digest("base64");
      expect(storedUsers(server)).toContain(`${TESTER.user}:${hash}\n`);
      expect(server.log()).toContain(`the password of '${TESTER.user}' was changed by the user`);
    });
  }

  test("changes nothing with `client password change = no`", async () => {
    server = await startServer({ parameters: { "client password change": "no", "log level": "debug" } });
    const before = storedUsers(server);
    expect(await change(server, "chgpasswd3", TESTER.password, "new")).toContain("PASSWORD_RESTRICTION");
    expect(storedUsers(server)).toBe(before);
  });

  test("does not change a password that is longer than the server stores", async () => {
    server = await startServer();
    const before = storedUsers(server);
    const answer = await change(server, "chgpasswd3", TESTER.password, "x".repeat(129));
    expect(answer).toContain("PASSWORD_RESTRICTION");
    expect(storedUsers(server)).toBe(before);
  });
});

describe.skipIf(!hasRpcclient)("a client with a wrong old password", () => {
  test("changes nothing, waits as after a failed log-on, and is named in the log", async () => {
    server = await startServer();
    const before = storedUsers(server);
    const start = performance.now();
    for (const call of ["chgpasswd2", "chgpasswd3", "chgpasswd4"])
      expect(await change(server, call, "wrong", "mine")).toContain("NT_STATUS_WRONG_PASSWORD");
    expect(performance.now() - start).toBeGreaterThan(3 * 1000);
    expect(storedUsers(server)).toBe(before);
    expect(server.log()).toContain("change of the password: the old one is wrong");
    expect(server.log()).not.toMatch(/\bmine\b/);
  });

  test("learns nothing about which users exist", async () => {
    server = await startServer();
    const { output } = await runRpcclient(server, "chgpasswd3 nobody-here old new");
    expect(output).toContain("NT_STATUS_WRONG_PASSWORD");
  });
});

describe.skipIf(process.getuid?.() !== 0 || Bun.which("smbpasswd") === null)("smbpasswd -r", () => {
  test("changes the password of its user", async () => {
    // It knows port 445 only.
    server = await startServer({ host: "127.44.5.1", port: 445 });
    const child = Bun.spawn(["smbpasswd", "-c", "/dev/null", "-s", "-r", server.host, "-U", TESTER.user], {
      stdin: Buffer.from(`${TESTER.password}\nNew-Word-1\nNew-Word-1\n`),
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
    expect(output).toContain(`Password changed for user ${TESTER.user}`);
    expect(await canLogOn(server, { ...TESTER, password: "New-Word-1" })).toBe(true);
  });
});
