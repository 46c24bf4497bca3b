// `admin users`: all file access runs as root, whatever the rights on the disk and stored descriptors say.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { AceType, simpleAce } from "../../../src/wire/security/acl.ts";
import {
  decodeSecurityDescriptor,
  type SecurityDescriptor,
} from "../../../src/wire/security/security-descriptor.ts";
import { parseSid } from "../../../src/wire/security/sid.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { accessOf } from "../client/config-rig.ts";
import { closeFile, createCall, createFile, type Mount, mountShare, openFile } from "../client/raw-files.ts";
import {
  encodeDescriptor,
  openAll,
  querySecurityCall,
  setSecurity,
  setSecurityCall,
} from "../client/security-calls.ts";
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

  test("a stored descriptor that gives nobody anything does not bind them", async () => {
    const admin = await mountShare(server, TESTER, "nt");
    const fileId = await openAll(admin, "locked");
    const nobody = { aces: [["D", 0, 0x1f01ff, "S-1-1-0"]] as const };
    expect(await setSecurity(admin, fileId, nobody, SecurityInformation.DACL)).toBe(Status.SUCCESS);
    await closeFile(admin, fileId);
    await closeFile(admin, await openAll(admin, "locked"));
    const other = await mountShare(server, TESTER2, "nt");
    expect(await other.client.outcome(createCall(other, "locked"))).toBe(Status.ACCESS_DENIED);
    for (const { client } of [admin, other]) client.close();
  });

  describe("the SACL", () => {
    const SYSTEM = Access.ACCESS_SYSTEM_SECURITY;
    const { SACL, DACL } = SecurityInformation;
    const audited: SecurityDescriptor = {
      control: 0,
      owner: undefined,
      group: undefined,
      dacl: undefined,
      sacl: {
        revision: 2,
        aces: [simpleAce(AceType.SYSTEM_AUDIT, 0xc0, Access.DELETE, parseSid("S-1-1-0"))],
      },
    };
    const saclOf = async (mount: Mount): Promise<SecurityDescriptor["sacl"]> => {
      const { fileId } = await openFile(mount, "audited", { desiredAccess: SYSTEM });
      const { message } = await mount.client.demand("QUERY", querySecurityCall(mount, fileId, SACL));
      await closeFile(mount, fileId);
      return decodeSecurityDescriptor(decodeBufferResponse(message).buffer).sacl;
    };

    test("an administrator sets and reads it where descriptors are stored, and a new DACL leaves it", async () => {
      const admin = await mountShare(server, TESTER, "nt");
      await closeFile(admin, await createFile(admin, "audited"));
      expect(await saclOf(admin)).toBeUndefined();
      const { fileId } = await openFile(admin, "audited", { desiredAccess: SYSTEM | Access.WRITE_DAC });
      const set = setSecurityCall(admin, fileId, encodeDescriptor(audited), SACL);
      expect((await admin.client.request(set)).status).toBe(Status.SUCCESS);
      expect(await saclOf(admin)).toEqual(audited.sacl);
      const everybody = { aces: [["A", 0, 0x1f01ff, "S-1-1-0"]] as const };
      expect(await setSecurity(admin, fileId, everybody, DACL)).toBe(Status.SUCCESS);
      expect(await saclOf(admin)).toEqual(audited.sacl);
      await closeFile(admin, fileId);
      admin.client.close();
    });

    test.each([
      ["another user", TESTER2, "nt"],
      ["an administrator where none is stored", TESTER, "admins"],
    ])("%s gets PRIVILEGE_NOT_HELD", async (_, user, share) => {
      const mount = await mountShare(server, user, share);
      const asking = createCall(mount, "", { desiredAccess: SYSTEM });
      expect(await mount.client.outcome(asking)).toBe(Status.PRIVILEGE_NOT_HELD);
      mount.client.close();
    });
  });

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
