// With `acl = posix`, descriptors that name accounts of Windows, as any file of a Windows profile has: they are
// accepted, what can be mapped is set, nobody gains rights and the owner keeps his. [MS-SMB2] 2.2.13.2.2,
// 3.3.5.21.3.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { SecurityInformation } from "../../../src/wire/command/query-info.ts";
import { AceFlag } from "../../../src/wire/security/acl.ts";
import { FileGeneric } from "../../../src/wire/security/access.ts";
import { statusName } from "../../../src/wire/status.ts";
import { giveToTester, TESTER_UID, type TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { closeFile, createCall, type Mount, openFile } from "../client/raw-files.ts";
import {
  type AceText,
  type DescriptorText,
  descriptorOf,
  encodeDescriptor,
  openAll,
  readSecurity,
  setSecurity,
} from "../client/security-calls.ts";
import { startServer } from "../client/server.ts";

const { OWNER, DACL } = SecurityInformation;
const { ALL, READ } = FileGeneric;
const SYSTEM = "S-1-5-18";
const ADMINISTRATORS = "S-1-5-32-544";
const WINDOWS_USER = "S-1-5-21-1-2-3-1001";
const PROFILE: readonly AceText[] = [
  ["A", 0, ALL, SYSTEM],
  ["A", 0, ALL, ADMINISTRATORS],
  ["A", 0, ALL, WINDOWS_USER],
];
const EVERYBODY = "S-1-1-0";
const uid = process.getuid?.() ?? 0;
/** As an ordinary user, the server's files are that user's. */
const OWNER_SID = `S-1-22-1-${uid === 0 ? TESTER_UID : uid}`;

let server: TestServer;
let mount: Mount;
let path = "";
beforeAll(async () => {
  server = await startServer({ shares: [{ name: "test", parameters: { "create mask": "0640" } }] });
  path = server.shares.get("test") ?? "";
  mount = await mountTest(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
});

const modeOf = (name: string): number => statSync(join(path, name)).mode & 0o777;

async function set(name: string, mode: number, text: DescriptorText, parts: number = DACL): Promise<string> {
  writeFileSync(join(path, name), "words");
  giveToTester(join(path, name));
  chmodSync(join(path, name), mode);
  const fileId = await openAll(mount, name);
  const status = await setSecurity(mount, fileId, text, parts);
  await closeFile(mount, fileId);
  return statusName(status);
}

// A server that is not root changes no permissions.
describe.skipIf(uid !== 0)("SET_INFO of a DACL", () => {
  test.each([0o644, 0o640, 0o600, 0o755])(
    "that allows Windows accounts alone leaves mode %o",
    async (mode) => {
      expect(await set(`left ${mode}`, mode, { aces: PROFILE })).toBe("STATUS_SUCCESS");
      expect(modeOf(`left ${mode}`)).toBe(mode);
    },
  );

  test.each<[string, number, readonly AceText[], number]>([
    ["sets what is for everybody, and the owner keeps his rights", 0o640, [["A", 0, READ, EVERYBODY]], 0o644],
    ["sets what the owner is given", 0o644, [["A", 0, READ, OWNER_SID]], 0o400],
    ["denies the owner what everybody is denied", 0o644, [["D", 0, FileGeneric.WRITE, EVERYBODY]], 0o400],
  ])("with Windows accounts %s", async (name, mode, aces, expected) => {
    const denials = aces.filter(([kind]) => kind === "D");
    const text = { aces: [...denials, ...PROFILE, ...aces.filter(([kind]) => kind === "A")] };
    expect(await set(name, mode, text)).toBe("STATUS_SUCCESS");
    expect(modeOf(name)).toBe(expected);
  });

  test("without Windows accounts takes from the owner what it does not give", async () => {
    expect(await set("plain", 0o644, { aces: [["A", 0, READ, EVERYBODY]] })).toBe("STATUS_SUCCESS");
    expect(modeOf("plain")).toBe(0o444);
    expect(await set("empty", 0o644, { aces: [] })).toBe("STATUS_SUCCESS");
    expect(modeOf("empty")).toBe(0);
  });

  test("comes with the present owner, and not with an owner of Windows", async () => {
    const own = { owner: OWNER_SID, aces: PROFILE };
    expect(await set("owner", 0o640, own, OWNER | DACL)).toBe("STATUS_SUCCESS");
    const foreign = { owner: WINDOWS_USER, aces: PROFILE };
    expect(await set("owner", 0o640, foreign, OWNER | DACL)).toBe("STATUS_INVALID_OWNER");
    expect(modeOf("owner")).toBe(0o640);
  });
});

describe("CREATE with a descriptor", () => {
  const make = async (name: string, aces: readonly AceText[], createOptions = 0): Promise<void> => {
    const securityDescriptor = encodeDescriptor(descriptorOf({ aces }));
    const createDisposition = CreateDisposition.CREATE;
    const options = { createDisposition, createOptions, contexts: { securityDescriptor } };
    await closeFile(mount, await openAll(mount, name, options));
  };

  test("for Windows accounts alone makes a file with the share's mode", async () => {
    await make("made", PROFILE);
    expect(modeOf("made")).toBe(0o640);
    await closeFile(mount, (await openFile(mount, "made")).fileId);
  });

  test("for Windows accounts alone makes a folder in which files are made", async () => {
    const below = AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT;
    const aces = PROFILE.map(([kind, , mask, sid]): AceText => [kind, below, mask, sid]);
    await make("folder", aces, CreateOption.DIRECTORY_FILE);
    expect(modeOf("folder")).toBe(0o755);
    const fileId = await openAll(mount, "folder\\file");
    expect((await readSecurity(mount, fileId)).owner).toBe(OWNER_SID);
    await closeFile(mount, fileId);
  });

  test.skipIf(uid !== 0)("for Windows accounts and everybody sets what is for everybody", async () => {
    await make("both", [...PROFILE, ["A", 0, READ, EVERYBODY]]);
    expect(modeOf("both")).toBe(0o644);
  });

  test("of an owner of Windows fails with STATUS_INVALID_OWNER and makes no file", async () => {
    const securityDescriptor = encodeDescriptor(descriptorOf({ owner: WINDOWS_USER, aces: PROFILE }));
    const options = { createDisposition: CreateDisposition.CREATE, contexts: { securityDescriptor } };
    const reply = await mount.client.request(createCall(mount, "foreign", options));
    expect(statusName(reply.status)).toBe("STATUS_INVALID_OWNER");
    expect(() => statSync(join(path, "foreign"))).toThrow("ENOENT");
  });
});
