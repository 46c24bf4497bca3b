// A session that re-authentication gives to another user, where that is allowed (no signing or encryption required): its
// tree connects and opens do nothing that the new user may not do. [MS-SMB2] 3.3.5.5.3.
import { afterEach, expect, test } from "bun:test";
import { chmodSync, chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Access } from "../../../src/wire/security/access.ts";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, expectServing, startVictim } from "../client/attack-rig.ts";
import { READ_WRITE_DATA } from "../client/lease-rig.ts";
import {
  createCall,
  createFile,
  deleteCall,
  type Mount,
  mountShare,
  openFile,
  queryDirectoryCall,
  queryInfoCall,
  readCall,
  writeCall,
} from "../client/raw-files.ts";

let server: TestServer;
afterEach(() => server.stop());

const DATA = new TextEncoder().encode("some data");
const ANONYMOUS = { user: "", password: "", isAnonymous: true };
const FILE_POSITION = 14;

const mountAs = (user: typeof TESTER, share: string): Promise<Mount> =>
  mountShare(server, user, share, { dialects: [Dialect.SMB_3_0] });

test.each([
  ["another user", TESTER2],
  ["an anonymous one", ANONYMOUS],
])(
  "the tree connect and the opens of a share that %s may not use neither read nor write",
  async (_, next) => {
    const parameters = { "valid users": TESTER.user };
    server = await startVictim({ shares: [{ name: "mine", parameters }, { name: "test" }] });
    const mount = await mountAs(TESTER, "mine");
    const { client, session } = mount;
    const file = await createFile(mount, "file");
    const { fileId: root } = await openFile(mount, "");
    await client.logOn({ ...next, session });
    session.signs = false;
    for (const call of [
      createCall(mount, "other", { createDisposition: CreateDisposition.CREATE }),
      createCall(mount, "file"),
      readCall(mount, file, 0, 10),
      writeCall(mount, file, 0, DATA),
      deleteCall(mount, file),
      queryDirectoryCall(mount, root),
    ]) {
      expectOutcome(await client.outcome(call), Status.ACCESS_DENIED);
    }
    client.close();
    await expectServing(server);
  },
);

test("what the new user may do goes on, and what they may only read cannot be written", async () => {
  const parameters = { "read only": "yes", "write list": TESTER.user };
  server = await startVictim({ shares: [{ name: "listed", parameters }, { name: "test" }] });
  const mount = await mountAs(TESTER, "listed");
  const { client, session } = mount;
  const free: Mount = { ...mount, treeId: await client.connectTree(session, "test") };
  const [file, own] = [await createFile(mount, "file"), await createFile(free, "file")];
  await client.logOn({ ...TESTER2, session });
  expectOutcome(await client.outcome(writeCall(mount, file, 0, DATA)), Status.ACCESS_DENIED);
  expectOutcome(await client.outcome(queryInfoCall(mount, file, 1, FILE_POSITION)), Status.SUCCESS);
  const making = createCall(mount, "other", { createDisposition: CreateDisposition.CREATE });
  expectOutcome(await client.outcome(making), Status.ACCESS_DENIED);
  expectOutcome(await client.outcome(writeCall(free, own, 0, DATA)), Status.SUCCESS);
  // The first user comes back: the tree connect and its opens keep what they have left.
  await client.logOn({ ...TESTER, session });
  expectOutcome(await client.outcome(writeCall(mount, file, 0, DATA)), Status.ACCESS_DENIED);
  expect(await client.connectTree(session, "listed")).toBeGreaterThan(0);
  client.close();
});

const DAEMON = { user: "daemon", password: "First-Password-1" };
const BIN = { user: "bin", password: "Second-Password-2" };

test.skipIf(process.getuid?.() !== 0).each(["posix", "nt"])(
  "rights on disk are the new user's, with `acl = %s`",
  async (acl) => {
    server = await startVictim({ users: [DAEMON, BIN], shares: [{ name: "test", parameters: { acl } }] });
    const root = server.shares.get("test") ?? "";
    for (const [name, mode] of [
      ["secret", 0o600],
      ["shown", 0o644],
    ] as const) {
      writeFileSync(join(root, name), DATA);
      chownSync(join(root, name), 1, 1);
      chmodSync(join(root, name), mode);
    }
    const mount = await mountAs(DAEMON, "test");
    const { client, session } = mount;
    const desiredAccess = READ_WRITE_DATA | Access.WRITE_DAC;
    const { fileId: secret } = await openFile(mount, "secret", { desiredAccess });
    const { fileId: shown } = await openFile(mount, "shown", { desiredAccess });
    await client.logOn({ ...BIN, session });
    expectOutcome(await client.outcome(readCall(mount, secret, 0, 10)), Status.ACCESS_DENIED);
    expectOutcome(await client.outcome(readCall(mount, shown, 0, 10)), Status.SUCCESS);
    for (const file of [secret, shown])
      expectOutcome(await client.outcome(writeCall(mount, file, 0, DATA)), Status.ACCESS_DENIED);
    expectOutcome(await client.outcome(createCall(mount, "secret")), Status.ACCESS_DENIED);
    client.close();
  },
);
