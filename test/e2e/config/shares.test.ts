// Parameters of shares: who is the guest, which shares a list shows, what clients hear of the disk.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeBufferResponse } from "../../../src/wire/command/buffer-response.ts";
import {
  decodeFsAttributeInformation,
  decodeFsFullSizeInformation,
  FsAttribute,
} from "../../../src/wire/fscc/fs-information.ts";
import { FsInfoClass } from "../../../src/wire/fscc/info-class.ts";
import { InfoType } from "../../../src/wire/command/query-info.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { accessOf } from "../client/config-rig.ts";
import { closeFile, createFile, mountShare, openFile, queryInfoCall } from "../client/raw-files.ts";
import { hasSmbclient, listShares } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";

const NOBODY = 65_534;
let server: TestServer;

beforeAll(async () => {
  const guests = { "guest ok": "yes", "guest only": "yes" };
  server = await startServer({
    shares: [
      { name: "test" },
      { name: "guests", parameters: guests },
      { name: "closed", parameters: { ...guests, "valid users": TESTER.user } },
      { name: "named", parameters: { "guest only": "yes" } },
      { name: "mine", parameters: { "valid users": TESTER.user, "access based share enum": "yes" } },
      { name: "shown", parameters: { "valid users": TESTER.user } },
      { name: "nothing", parameters: { "-valid": "no" } },
      {
        name: "abilities",
        parameters: { "share:fake_fscaps": String(0x0002_0000 | FsAttribute.READ_ONLY_VOLUME) },
      },
      { name: "sleepy", parameters: { "dfree cache time": "3600" } },
    ],
  });
});
afterAll(() => server.stop());

async function ask<T>(share: string, infoClass: number, decode: (data: Uint8Array) => T): Promise<T> {
  const mount = await mountShare(server, TESTER, share);
  const { fileId } = await openFile(mount, "");
  const call = queryInfoCall(mount, fileId, InfoType.FILESYSTEM, infoClass);
  const answer = decode(decodeBufferResponse((await mount.client.demand("QUERY_INFO", call)).message).buffer);
  mount.client.close();
  return answer;
}

describe("guest only", () => {
  test.skipIf(process.getuid?.() !== 0)("a user's files belong to the guest", async () => {
    const path = server.shares.get("guests") ?? "";
    chownSync(path, NOBODY, NOBODY);
    const mount = await mountShare(server, TESTER, "guests");
    await closeFile(mount, await createFile(mount, "file"));
    mount.client.close();
    expect(statSync(join(path, "file")).uid).toBe(NOBODY);
  });

  test("`valid users` is compared with the guest, so that a user who is named there is refused", async () => {
    expect(await accessOf(server, TESTER, "closed")).toBe("refused");
  });

  test("without `guest ok` it has no effect, and the log says so", async () => {
    expect(await accessOf(server, TESTER, "named")).toBe("write");
    expect(server.log()).toContain("'guest only' has no effect without 'guest ok = yes'");
  });
});

test("a share with `-valid = no` does not exist", async () => {
  expect(await accessOf(server, TESTER, "nothing")).toBe("absent");
});

describe.skipIf(!hasSmbclient())("access based share enum", () => {
  test("only users who may connect see the share in the list", async () => {
    const own = (await listShares(server, { user: TESTER })).output;
    const other = (await listShares(server, { user: TESTER2 })).output;
    expect(own).toMatch(/\bmine\s+Disk/);
    expect(other).not.toMatch(/\bmine\s+Disk/);
    for (const output of [own, other]) expect(output).toMatch(/\bshown\s+Disk/);
  });
});

test("share:fake_fscaps adds abilities, but does not make the volume read-only", async () => {
  const plain = await ask("test", FsInfoClass.ATTRIBUTE, decodeFsAttributeInformation);
  const faked = await ask("abilities", FsInfoClass.ATTRIBUTE, decodeFsAttributeInformation);
  expect(plain.attributes & 0x0002_0000).toBe(0);
  expect(faked.attributes).toBe((plain.attributes | 0x0002_0000) >>> 0);
});

test("within `dfree cache time` the free space is that of the first answer", async () => {
  const mount = await mountShare(server, TESTER, "sleepy");
  const { fileId } = await openFile(mount, "");
  const free = async () => {
    const call = queryInfoCall(mount, fileId, InfoType.FILESYSTEM, FsInfoClass.FULL_SIZE);
    const { message } = await mount.client.demand("QUERY_INFO", call);
    return decodeFsFullSizeInformation(decodeBufferResponse(message).buffer);
  };
  const before = await free();
  writeFileSync(join(server.shares.get("sleepy") ?? "", "large"), Buffer.alloc(8 * 1024 * 1024, 1));
  expect(await free()).toEqual(before);
  mount.client.close();
});
