// `valid users` closes a share to everybody else, guests included. Debian's smbd refuses the same clients (SERVER=smbd).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startSubject } from "../../peer/start.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { hasSmbclient, runSmbclient } from "../client/smbclient.ts";

const ANONYMOUS = { user: "", password: "" };
const UNKNOWN = { user: "minismbd-nobody-knows", password: "x" };

describe.skipIf(!hasSmbclient())("a share with `guest ok` and `valid users`", () => {
  let server: TestServer;

  beforeAll(async () => {
    const lists = { "guest ok": "yes", "read only": "no", "valid users": TESTER.user };
    server = await startSubject({
      parameters: { "map to guest": "bad user" },
      shares: [
        { name: "closed", parameters: lists },
        { name: "listed", parameters: { ...lists, "write list": TESTER2.user, "read list": TESTER2.user } },
        { name: "open", parameters: { "guest ok": "yes", "read only": "no" } },
      ],
    });
  });
  afterAll(() => server.stop());

  // A client that insists on signing refuses to be a guest.
  const connect = (share: string, user: typeof ANONYMOUS) =>
    runSmbclient(server, ["ls"], { share, user, protection: "off" });

  test.each([
    ["an anonymous client", "closed", ANONYMOUS],
    ["a user without an account", "closed", UNKNOWN],
    ["another user", "closed", TESTER2],
    ["a member of read list and write list", "listed", TESTER2],
  ])("refuses %s", async (_, share, user) => {
    const { status, output } = await connect(share, user);
    expect(output).toContain("NT_STATUS_ACCESS_DENIED");
    expect(status).not.toBe(0);
  });

  test.each([
    ["a valid user", "closed", TESTER],
    ["an anonymous client of a share without `valid users`", "open", ANONYMOUS],
    ["a user without an account in a share without `valid users`", "open", UNKNOWN],
  ])("admits %s", async (_, share, user) => {
    const { status, output } = await connect(share, user);
    expect(output).not.toContain("NT_STATUS_");
    expect(status).toBe(0);
  });
});
