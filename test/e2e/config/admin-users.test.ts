// `admin users`: all file access runs as root, whatever the rights on the disk and stored descriptors say.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { accessOf } from "../client/config-rig.ts";
import { closeFile, createCall, createFile, type Mount, mountShare } from "../client/raw-files.ts";
import { reload, startWith } from "../client/reload-rig.ts";

const SHARES = {
  admins: { "admin users": TESTER.user },
  nt: { "admin users": TESTER.user, acl: "nt" },
  reading: { "admin users": TESTER.user, "read only": "yes" },
  guests: { "admin users": "nobody", "guest ok": "yes" },
};

describe.skipIf(process.getuid?.() !== 0)("admin users", () => {
  let server: TestServer;

  const plant = (share: string): void => {
    const folder = join(server.shares.get(share) ?? "", "private");
    mkdirSync(folder);
    writeFileSync(join(folder, "file"), "secret");
    chownSync(folder, 9, 9);
    chmodSync(folder, 0o700);
    chownSync(join(folder, "file"), 9, 9);
    chmodSync(join(folder, "file"), 0o600);
  };
  const open = (mount: Mount, desiredAccess: number): Promise<number | "closed"> =>
    mount.client.outcome(
      createCall(mount, "private\\file", { desiredAccess, createDisposition: CreateDisposition.OPEN }),
    );

  beforeAll(async () => {
    server = await startWith({ shares: SHARES });
    for (const share of ["admins", "nt", "guests"]) plant(share);
  });
  afterAll(() => server?.stop());

  test.each(["admins", "nt"])(
    "an administrator reads, writes and removes what is closed to all: %s",
    async (share) => {
      const rights =
        Access.READ_DATA | Access.WRITE_DATA | Access.DELETE | Access.WRITE_DAC | Access.WRITE_OWNER;
      const admin = await mountShare(server, TESTER, share);
      expect(await open(admin, rights)).toBe(Status.SUCCESS);
      await closeFile(admin, await createFile(admin, "private\\made"));
      admin.client.close();
      expect(statSync(join(server.shares.get(share) ?? "", "private/made")).uid).toBe(0);
      const other = await mountShare(server, TESTER2, share);
      expect(await open(other, Access.READ_DATA)).toBe(Status.ACCESS_DENIED);
      other.client.close();
    },
  );

  test("a share stays read-only for them", async () => {
    expect(await accessOf(server, TESTER, "reading")).toBe("read");
  });

  test("a guest never is one, even if the guest account is named", async () => {
    const guest = await mountShare(server, { user: "", password: "", isAnonymous: true }, "guests", {
      protection: "plain",
    });
    expect(await open(guest, Access.READ_DATA)).toBe(Status.ACCESS_DENIED);
    guest.client.close();
  });

  test("a reload that takes the right away ends the connection to the share", async () => {
    const admin = await mountShare(server, TESTER, "admins");
    expect(await open(admin, Access.READ_DATA)).toBe(Status.SUCCESS);
    await reload(server, { shares: { ...SHARES, admins: {} } });
    expect(await open(admin, Access.READ_DATA)).toBe(Status.NETWORK_NAME_DELETED);
    admin.client.close();
  });
});
