// Modes as ACEs (S-1-5-88-3-mode), by which macOS reads and sets them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { closeFile, createFile, type Mount, mountShare, openFile } from "../client/raw-files.ts";
import {
  type AceText,
  type DescriptorText,
  encodeDescriptor,
  descriptorOf,
  securityOf,
  setSecurityCall,
} from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";
import { statusName } from "../../../src/wire/status.ts";
import { mountAsMac } from "./mac.ts";

const { DACL } = SecurityInformation;

let server: TestServer;
let other: Mount;
beforeAll(async () => {
  server = await startServer({ shares: [{ name: "test" }, { name: "nt", parameters: { acl: "nt" } }] });
  other = await mountShare(server, TESTER, "test");
});
afterAll(async () => {
  other?.client.close();
  await server?.stop();
});

const isNfs = ([, , , sid]: AceText) => sid.startsWith("S-1-5-88-");
const modeAce = (mode: number): AceText => ["D", 0, 0, `S-1-5-88-3-${mode}`];
const acesOf = (text: DescriptorText): readonly AceText[] => text.aces ?? [];

async function setDacl(mount: Mount, name: string, aces: readonly AceText[]): Promise<string> {
  const { fileId } = await openFile(mount, name, { desiredAccess: Access.WRITE_DAC | Access.READ_CONTROL });
  const call = setSecurityCall(mount, fileId, encodeDescriptor(descriptorOf({ aces })), DACL);
  const reply = await mount.client.request(call);
  await closeFile(mount, fileId);
  return statusName(reply.status);
}

test("a Mac sees owner, group and mode as ACEs, and no other client does", async () => {
  const mac = await mountAsMac(server, "test");
  await closeFile(mac, await createFile(mac, "seen"));
  const path = join(server.shares.get("test") ?? "", "seen");
  chmodSync(path, 0o640);
  const { uid, gid, mode } = statSync(path);
  const seen = acesOf(await securityOf(mac, "seen"));
  const facts = [`S-1-5-88-1-${uid}`, `S-1-5-88-2-${gid}`, `S-1-5-88-3-${mode}`];
  expect(seen.filter(isNfs)).toEqual(facts.map((sid) => ["D", 0, 0, sid]));
  expect(acesOf(await securityOf(other, "seen"))).toEqual(seen.filter((ace) => !isNfs(ace)));
  mac.client.close();
});

describe.each(["test", "nt"])("on the share %s", (share) => {
  test("a Mac sets the mode by the ACE alone, or in the ACL that it has read", async () => {
    const mac = await mountAsMac(server, share);
    await closeFile(mac, await createFile(mac, "changed"));
    const path = join(server.shares.get(share) ?? "", "changed");
    expect(await setDacl(mac, "changed", [modeAce(0o600)])).toBe("STATUS_SUCCESS");
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    const read = acesOf(await securityOf(mac, "changed"));
    const asked = [modeAce(0o644), ...read.filter((ace) => !ace[3].startsWith("S-1-5-88-3-"))];
    expect(await setDacl(mac, "changed", asked)).toBe("STATUS_SUCCESS");
    expect(statSync(path).mode & 0o7777).toBe(0o644);
    mac.client.close();
  });

  test("an ACL that a Mac changes counts, though macOS sends the old mode with it", async () => {
    const mac = await mountAsMac(server, share);
    await closeFile(mac, await createFile(mac, "shared"));
    const read = acesOf(await securityOf(mac, "shared"));
    const others: AceText = ["A", 0, Access.WRITE_DATA | Access.READ_DATA, "S-1-1-0"];
    const changed = [...read.filter((ace) => ace[3] !== "S-1-1-0"), others];
    expect(await setDacl(mac, "shared", changed)).toBe("STATUS_SUCCESS");
    const path = join(server.shares.get(share) ?? "", "shared");
    expect(statSync(path).mode & 0o006).toBe(0o006);
    // Sent back unchanged, it changes nothing.
    const now = acesOf(await securityOf(mac, "shared"));
    expect(await setDacl(mac, "shared", now)).toBe("STATUS_SUCCESS");
    expect(acesOf(await securityOf(mac, "shared"))).toEqual(now);
    mac.client.close();
  });
});

test("with fruit:nfs_aces = no a Mac sees none", async () => {
  const without = await startServer({ parameters: { "fruit:nfs_aces": "no" } });
  try {
    const mac = await mountAsMac(without, "test");
    await closeFile(mac, await createFile(mac, "seen"));
    expect(acesOf(await securityOf(mac, "seen")).filter(isNfs)).toEqual([]);
    mac.client.close();
  } finally {
    await without.stop();
  }
});
