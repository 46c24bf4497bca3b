// Attacks by DFS links: clients that make them, change them, or search for what they may not see.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, readlinkSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { Access, FileGeneric } from "../../../src/wire/security/access.ts";
import { CreateDisposition, CreateOption } from "../../../src/wire/command/create.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { encodeSymlinkReparse } from "../../../src/wire/fscc/reparse.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { expectOutcome, outcomeOf } from "../client/attack-rig.ts";
import { encode } from "../client/fsctl-calls.ts";
import { makeFile, mountPosix, openPosix, posixly } from "../client/posix-calls.ts";
import { closeFile, ioctlCall, type Mount, mountShare, openFile, renameCall } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { askReferral, dfsOptions, makeTree } from "./dfs-rig.ts";

/** Levels of folders, each with a name of one letter: the longest path that the kernel takes. */
const LEVELS = 2000;

let root: string;
let server: TestServer;
let mount: Mount;
beforeAll(async () => {
  root = makeTree();
  const options = dfsOptions(root);
  const parameters = { "msdfs root": "yes", "valid users": TESTER2.user };
  server = await startServer({
    ...options,
    shares: [...(options.shares ?? []), { name: "theirs", path: root, parameters }],
  });
  mount = await mountPosix(server);
});
afterAll(async () => {
  mount.client.close();
  await server.stop();
  // rmSync takes 20 s for the long path.
  execFileSync("rm", ["-rf", dirname(root)]);
});

test("a client with the POSIX extensions fails to make a DFS link", async () => {
  for (const target of ["msdfs:evil\\share", "MsDfs:evil/share", "msdfs\uf022evil\\share"]) {
    const { fileId } = await openFile(
      mount,
      "made",
      posixly(0o644, {
        desiredAccess: FileGeneric.ALL,
        createDisposition: CreateDisposition.CREATE,
        createOptions: CreateOption.DELETE_ON_CLOSE,
      }),
    );
    const input = encode(4096, (writer) =>
      encodeSymlinkReparse(writer, { isRelative: true, substituteName: target, printName: target }),
    );
    const reply = await mount.client.request(ioctlCall(mount, Fsctl.SET_REPARSE_POINT, input, fileId, 0));
    expectOutcome(reply.status, Status.ACCESS_DENIED);
    expect(lstatSync(join(root, "made")).isFile()).toBe(true);
    await closeFile(mount, fileId);
  }
});

test("a client with the POSIX extensions cannot open, remove, move or replace a link", async () => {
  const options = [
    {},
    { createOptions: CreateOption.OPEN_REPARSE_POINT },
    { desiredAccess: Access.DELETE, createOptions: CreateOption.OPEN_REPARSE_POINT },
    { desiredAccess: Access.WRITE_ATTRIBUTES },
    { createDisposition: CreateDisposition.CREATE },
  ];
  for (const option of options)
    expectOutcome(await outcomeOf(openFile(mount, "link", posixly(0, option))), Status.PATH_NOT_COVERED);
  expectOutcome(await outcomeOf(openPosix(mount, "link/below")), Status.PATH_NOT_COVERED);
  await makeFile(mount, "other", 0o644);
  const { fileId } = await openPosix(mount, "other", { desiredAccess: Access.DELETE });
  for (const name of ["link", "link\\below"]) {
    const reply = await mount.client.request(renameCall(mount, fileId, name, true));
    expectOutcome(reply.status, Status.PATH_NOT_COVERED);
  }
  await closeFile(mount, fileId);
  expect(readlinkSync(join(root, "link"))).toStartWith("msdfs:");
});

// Every user acts as the server's own account where it does not run as root.
test.skipIf(process.geteuid?.() !== 0)(
  "a user gets no referral from a share or a folder that he may not use",
  async () => {
    const folder = join(root, "secret");
    mkdirSync(folder);
    symlinkSync("msdfs:srv\\share", join(folder, "link"));
    chmodSync(folder, 0o700);
    expect(await askReferral(mount, "\\127.0.0.1\\test\\secret\\link")).toBe("STATUS_ACCESS_DENIED");
    expect(await askReferral(mount, "\\127.0.0.1\\theirs\\link")).toBe("STATUS_ACCESS_DENIED");
    expect(await askReferral(mount, "\\127.0.0.1\\theirs")).toBe("STATUS_ACCESS_DENIED");
    chmodSync(folder, 0o755);
    expect(await askReferral(mount, "\\127.0.0.1\\test\\secret\\link")).toMatchObject({
      targets: ["\\srv\\share"],
    });
  },
);

// The server logs what keeps its event loop for longer than the tests allow, and its stop fails then.
test("a link at the end of the longest path keeps nobody waiting", async () => {
  const names = Array<string>(LEVELS).fill("d");
  mkdirSync(join(root, ...names), { recursive: true });
  symlinkSync("msdfs:srv\\share", join(root, ...names, "link"));
  const path = [...names, "link", "x", "y"].join("\\");
  const plain = await mountShare(server, TESTER, "test");
  for (let count = 0; count < 5; count++) {
    expectOutcome(await outcomeOf(openFile(plain, path)), Status.PATH_NOT_COVERED);
    const referral = await askReferral(plain, `\\127.0.0.1\\test\\${path}`, { room: 57_344, level: 4 });
    expect(referral).toMatchObject({ targets: ["\\srv\\share"] });
  }
  plain.client.close();
});
