// Groups of a domain by the PAC of tickets that Samba's domain controller makes: in descriptors that name them, and in
// lists of users.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { statusName } from "../../../src/wire/status.ts";
import { giveToTester, TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  DOMAIN,
  DOMAIN_SERVICE_HOST,
  type DomainController,
  hasDomainController,
  startDomainController,
} from "../client/domain-controller.ts";
import { runIn } from "../client/kdc.ts";
import { closeFile, mountShare } from "../client/raw-files.ts";
import { type AceText, openAll, setSecurity } from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { hasSmbclient } from "../client/smbclient.ts";

const canRun = hasDomainController() && hasSmbclient();
const EVERYBODY = "S-1-1-0";
const { ALL, READ } = FileGeneric;

describe.skipIf(!canRun)("users of a domain", () => {
  let domain: DomainController;
  let photos = "";
  let server: TestServer;
  /** The same shares without the option. */
  let plain: TestServer;

  beforeAll(async () => {
    domain = await startDomainController();
    await domain.addUser("alice");
    await domain.addUser("bob");
    photos = await domain.addGroup("Photos", ["alice"]);
    await domain.logOn("alice", "alice");
    await domain.logOn("bob", "bob");
    await domain.logOn("without", "alice", "--no-request-pac");
    server = await start("yes");
    plain = await start("no");
  }, 120_000);
  afterAll(async () => {
    await plain?.stop();
    await server?.stop();
    await domain?.stop();
  });

  function start(pacGroups: string): Promise<TestServer> {
    const own = { acl: "nt", "read only": "no" };
    return startServer({
      users: [TESTER, { user: "alice", password: "Alice-1" }, { user: "bob", password: "Bob-1" }],
      parameters: {
        "kerberos support": "yes",
        "kerberos keytab file": domain.keytab,
        "kerberos pac groups": pacGroups,
      },
      shares: [
        { name: "test", parameters: own },
        { name: "by-sid", parameters: { ...own, "valid users": photos } },
        { name: "by-name", parameters: { ...own, "valid users": `"@${DOMAIN}\\Domain Users"` } },
        { name: "other-domain", parameters: { ...own, "valid users": `"@OTHER\\Domain Users"` } },
        { name: "denied", parameters: { ...own, "invalid users": photos } },
        { name: "denied-name", parameters: { ...own, "invalid users": '"+Domain Users"' } },
        { name: "read", parameters: { ...own, "read list": photos } },
      ],
    });
  }

  async function smbclient(at: TestServer, cache: string, share: string, command: string): Promise<string> {
    const { output } = await runIn(domain.environment(cache), [
      "smbclient",
      "--configfile=/dev/null",
      `//${DOMAIN_SERVICE_HOST}/${share}`,
      "--ip-address=127.0.0.1",
      `--port=${at.port}`,
      "--use-kerberos=required",
      "--no-pass",
      "-c",
      command,
    ]);
    return output;
  }

  /** Gives a file with this list of entries to both servers. */
  async function plant(name: string, aces: readonly AceText[]): Promise<void> {
    for (const at of [server, plain]) {
      const path = join(at.shares.get("test") ?? "", name);
      writeFileSync(path, `words of ${name}\n`);
      giveToTester(path);
      const mount = await mountShare(at, TESTER, "test");
      const file = await openAll(mount, name);
      const text = { aces: [...aces, ["A", 0, ALL, "S-1-3-4"] as const] };
      expect(statusName(await setSecurity(mount, file, text, SecurityInformation.DACL))).toBe(
        "STATUS_SUCCESS",
      );
      await closeFile(mount, file);
      mount.client.close();
    }
  }

  const read = (at: TestServer, cache: string, name: string) => smbclient(at, cache, "test", `get ${name} -`);

  test("a file whose list allows a group of the domain is read by its members alone", async () => {
    await plant("allowed", [["A", 0, READ, photos]]);
    expect(await read(server, "alice", "allowed")).toContain("words of allowed");
    expect(await read(server, "bob", "allowed")).toContain("NT_STATUS_ACCESS_DENIED");
    expect(await read(plain, "alice", "allowed")).toContain("NT_STATUS_ACCESS_DENIED");
  });

  test("a file whose list denies a group of the domain is kept from its members", async () => {
    await plant("denied", [
      ["D", 0, ALL, photos],
      ["A", 0, READ, EVERYBODY],
    ]);
    expect(await read(server, "alice", "denied")).toContain("NT_STATUS_ACCESS_DENIED");
    expect(await read(server, "bob", "denied")).toContain("words of denied");
  });

  test("a file whose list allows the user by SID of the domain is that user's", async () => {
    const { output } = await runIn({ ...domain.environment("none") }, [
      "samba-tool",
      "user",
      "show",
      "bob",
      "-s",
      join(domain.directory, "etc/smb.conf"),
    ]);
    const sid = /objectSid: (S-\S+)/.exec(output)?.[1] ?? "";
    await plant("bobs", [["A", 0, READ, sid]]);
    expect(await read(server, "bob", "bobs")).toContain("words of bobs");
    expect(await read(server, "alice", "bobs")).toContain("NT_STATUS_ACCESS_DENIED");
  });

  test.each([
    ["by-sid", "alice", true],
    ["by-sid", "bob", false],
    ["by-name", "alice", true],
    ["by-name", "bob", true],
    ["other-domain", "alice", false],
    ["denied", "alice", false],
    ["denied", "bob", true],
    ["denied-name", "bob", false],
  ])("share [%s] lets %s in: %p", async (share, cache, isIn) => {
    const output = await smbclient(server, cache, share, "ls");
    expect(output).toContain(isIn ? "blocks available" : "NT_STATUS_ACCESS_DENIED");
  });

  test("`read list` names a group of the domain by SID", async () => {
    const path = join(domain.directory, "keytab");
    expect(await smbclient(server, "alice", "read", `put ${path} k`)).toContain("NT_STATUS_ACCESS_DENIED");
  });

  test("lists name no groups of a domain without the option", async () => {
    expect(await smbclient(plain, "alice", "by-sid", "ls")).toContain("NT_STATUS_ACCESS_DENIED");
    expect(await smbclient(plain, "alice", "test", "ls")).toContain("blocks available");
  });

  test("a ticket without a PAC, which its user may ask for, is refused", async () => {
    expect(await smbclient(server, "without", "test", "ls")).toContain("NT_STATUS_LOGON_FAILURE");
    expect(server.log()).toContain("a ticket without a PAC");
    expect(await smbclient(plain, "without", "test", "ls")).toContain("blocks available");
  });
});
