// DFS: shares with links to other servers' shares, and shares that stand for others. What clients see is compared
// with Debian's smbd on the same tree; smbclient follows the links. [MS-DFSC]; [MS-SMB2] 3.3.5.9, 3.3.5.15.2.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FILE_ID_ALL_ONES } from "../../../src/wire/file-id.ts";
import { Writer } from "../../../src/wire/cursor.ts";
import { ReparseTag } from "../../../src/wire/fscc/attributes.ts";
import { Fsctl } from "../../../src/wire/fscc/fsctl.ts";
import { decodeReferrals, encodeReferralRequestEx } from "../../../src/wire/fscc/referral.ts";
import { HeaderFlag } from "../../../src/wire/header.ts";
import { CreateDisposition, CreateOption, type CreateRequest } from "../../../src/wire/command/create.ts";
import { decodeIoctlResponse } from "../../../src/wire/command/ioctl.ts";
import { Capability, decodeNegotiateResponse } from "../../../src/wire/command/negotiate.ts";
import { decodeTreeConnectResponse } from "../../../src/wire/command/tree-connect.ts";
import { statusName } from "../../../src/wire/status.ts";
import { hasSmbd, startSmbd } from "../../peer/smbd.ts";
import { isListening, makeDirectory, TESTER, type TestServer } from "../../peer/test-server.ts";
import { negotiateCall, treeConnectCall } from "../client/raw-calls.ts";
import { RawClient } from "../client/raw-client.ts";
import {
  createCall,
  ioctlCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { connectionWords, hasSmbclient, runProgram, runSmbclient } from "../client/smbclient.ts";
import { askReferral, dfsOptions, makeTree } from "./dfs-rig.ts";

let root: string;
let ours: TestServer;
let samba: TestServer | undefined;
let mount: Mount;
let ipc: Mount;
beforeAll(async () => {
  root = makeTree();
  ours = await startServer(dfsOptions(root));
  samba = hasSmbd() ? await startSmbd(dfsOptions(root)) : undefined;
  mount = await mountShare(ours, TESTER, "test");
  ipc = { ...mount, treeId: await mount.client.connectTree(mount.session, "IPC$") };
});
afterAll(async () => {
  mount.client.close();
  await ours.stop();
  await samba?.stop();
  rmSync(dirname(root), { recursive: true, force: true });
});

/** The server under test, and smbd where it is installed. */
function servers(): TestServer[] {
  return samba === undefined ? [ours] : [ours, samba];
}

/** What `ask` finds on our server; fails where smbd answers another thing. */
async function alike<T>(ask: (test: Mount, pipes: Mount, server: TestServer) => Promise<T>): Promise<T> {
  const answers: T[] = [];
  for (const server of servers()) {
    const test = await mountShare(server, TESTER, "test");
    try {
      const pipes = { ...test, treeId: await test.client.connectTree(test.session, "IPC$") };
      answers.push(await ask(test, pipes, server));
    } finally {
      test.client.close();
    }
  }
  const [own, other = own] = answers;
  expect(own).toEqual(other);
  return own as T;
}

async function create(
  on: Mount,
  name: string,
  options: Partial<CreateRequest> = {},
  flags = 0,
): Promise<string> {
  const reply = await on.client.request({ ...createCall(on, name, options), flags });
  return statusName(reply.status);
}

test("the server and its share with msdfs root announce DFS, as on smbd", async () => {
  const seen = await alike(async (on, _, server) => {
    const client = await RawClient.connect(server);
    const { capabilities } = decodeNegotiateResponse((await client.request(negotiateCall({}))).message);
    client.close();
    const shares: unknown[] = [];
    for (const share of ["test", "plain", "proxy", "IPC$"]) {
      const reply = await on.client.request(treeConnectCall(on.session, share));
      const { shareFlags, capabilities } =
        reply.status === 0 ? decodeTreeConnectResponse(reply.message) : { shareFlags: 0, capabilities: 0 };
      shares.push([share, statusName(reply.status), shareFlags & 0x3, capabilities]);
    }
    return { isDfs: (capabilities & Capability.DFS) !== 0, shares };
  });
  expect(seen).toEqual({
    isDfs: true,
    shares: [
      ["test", "STATUS_SUCCESS", 0x3, 0x8],
      ["plain", "STATUS_SUCCESS", 0, 0],
      ["proxy", "STATUS_BAD_NETWORK_NAME", 0, 0],
      ["IPC$", "STATUS_SUCCESS", 0, 0],
    ],
  });
});

test("a CREATE at or below a link fails with STATUS_PATH_NOT_COVERED, whatever it asks for", async () => {
  const names = ["link", "LINK", "link\\x\\y", "Upper", "dir\\inner", "DIR\\Inner\\a", "todir\\inner\\z"];
  const options: Partial<CreateRequest>[] = [
    { createOptions: CreateOption.OPEN_REPARSE_POINT },
    { createOptions: CreateOption.DIRECTORY_FILE },
    { createDisposition: CreateDisposition.CREATE },
    { createDisposition: CreateDisposition.OPEN_IF },
    { desiredAccess: 0x10080, createOptions: CreateOption.OPEN_REPARSE_POINT },
  ];
  const seen = await alike(async (on) => [
    ...(await Promise.all(names.map((name) => create(on, name)))),
    ...(await Promise.all(options.map((option) => create(on, "link", option)))),
  ]);
  expect(new Set(seen)).toEqual(new Set(["STATUS_PATH_NOT_COVERED"]));
});

test("names of DFS clients begin with server and share, as on smbd", async () => {
  const names = [
    "127.0.0.1\\test\\file",
    "127.0.0.1\\test",
    "127.0.0.1\\test\\",
    "127.0.0.1\\TEST\\link",
    "127.0.0.1\\test\\link\\x",
    "other\\test\\file",
    "127.0.0.1\\plain\\file",
    "file",
    "dir\\sub",
    "",
    "none\\test\\none",
  ];
  const seen = await alike((on) =>
    Promise.all(names.map((name) => create(on, name, {}, HeaderFlag.DFS_OPERATIONS))),
  );
  expect(seen.slice(0, 4)).toEqual([...Array<string>(3).fill("STATUS_SUCCESS"), "STATUS_PATH_NOT_COVERED"]);
});

test("a listing shows a link as a directory with the reparse tag of DFS, as on smbd", async () => {
  const seen = await alike(async (on) => {
    const { fileId } = await openFile(on, "", { createOptions: CreateOption.DIRECTORY_FILE });
    const entries = await listDirectory(on, fileId);
    return entries
      .filter(({ name }) => !name.startsWith("."))
      .map(({ name, eaSize, stat }) => [name, stat.attributes & 0x410, eaSize, stat.size])
      .sort();
  });
  expect(seen).toContainEqual(["link", 0x410, ReparseTag.DFS, 0]);
  expect(seen).toContainEqual(["todir", 0x10, 0, 0]);
});

test.skipIf(Bun.which("rpcclient") === null)(
  "NetrShareGetInfo has the flags of a DFS root, as on smbd",
  async () => {
    const seen = await alike(async (_, __, server) => {
      const words = ["rpcclient", `ncacn_np:${server.host}`, ...connectionWords(server, {}), "-c"];
      const ask = (share: string) => runProgram([...words, `netsharegetinfo ${share} 1005`]);
      const outputs = [await ask("test"), await ask("plain")].map(({ output }) => output);
      return outputs.map((output) => /flags: (\S+)/.exec(output)?.[1] ?? output);
    });
    expect(seen).toEqual(["0x3", "0x0"]);
  },
);

test("referrals are those of smbd", async () => {
  const paths = [
    "",
    "\\127.0.0.1",
    "\\127.0.0.1\\test",
    "\\127.0.0.1\\plain",
    "\\127.0.0.1\\plain\\link",
    "\\127.0.0.1\\none",
    "\\127.0.0.1\\proxy",
    "\\127.0.0.1\\test\\link",
    "\\127.0.0.1\\test\\LINK\\x\\y",
    "\\127.0.0.1\\test\\dir\\inner",
    "\\127.0.0.1\\test\\todir\\inner\\q",
    "\\127.0.0.1\\test\\lead",
    "\\127.0.0.1\\test\\slash",
    "\\127.0.0.1\\IPC$",
    "\\\\127.0.0.1\\test\\link",
  ];
  const seen = await alike(async (on, pipes) => [
    ...(await Promise.all(paths.map((path) => askReferral(pipes, path)))),
    await askReferral(on, "\\127.0.0.1\\test\\link"),
    await askReferral(pipes, "\\127.0.0.1\\test\\link", { level: 2 }),
  ]);
  expect(seen[8]).toEqual({
    version: 3,
    pathConsumed: 2 * "\\127.0.0.1\\test\\LINK".length,
    flags: 2,
    isRoot: false,
    path: "\\127.0.0.1\\test\\LINK",
    targets: ["\\127.0.0.1\\other", "\\srv2\\sh2\\deep"],
    ttlSeconds: 600,
  });
});

test("a referral has the version that the client knows, up to 4", async () => {
  const link = "\\127.0.0.1\\test\\link";
  const versions = await Promise.all(
    [0, 1, 2, 3, 4, 5].map(async (level) => {
      const referral = await askReferral(ipc, link, { level });
      return typeof referral === "string" ? referral : [referral.version, ...referral.targets];
    }),
  );
  const targets = ["\\127.0.0.1\\other", "\\srv2\\sh2\\deep"];
  expect(versions).toEqual([1, 1, 2, 3, 4, 4].map((version) => [version, ...targets]));

  const writer = new Writer(new Uint8Array(256));
  encodeReferralRequestEx(writer, { maxLevel: 4, path: `${link}\\below` });
  const input = writer.bytes.subarray(0, writer.position);
  const call = ioctlCall(ipc, Fsctl.DFS_GET_REFERRALS_EX, input, FILE_ID_ALL_ONES, 4096);
  const { output } = decodeIoctlResponse((await ipc.client.demand("referral", call)).message);
  expect(decodeReferrals(output)).toMatchObject({
    version: 4,
    path: link,
    targets,
    pathConsumed: 2 * link.length,
  });
});

test("a referral has only the targets that fit, and fails with STATUS_BUFFER_OVERFLOW for none", async () => {
  const link = "\\127.0.0.1\\test\\link";
  const counts = await Promise.all(
    [0, 7, 100, 200, 307, 308].map(async (room) => {
      const referral = await askReferral(ipc, link, { room });
      return typeof referral === "string" ? referral : referral.targets.length;
    }),
  );
  const overflow = "STATUS_BUFFER_OVERFLOW";
  expect(counts).toEqual([overflow, overflow, overflow, 1, 1, 2]);
});

test("requests that no client sends are refused", async () => {
  const long = `\\127.0.0.1\\test\\${"x\\".repeat(20_000)}`;
  expect(await askReferral(ipc, long)).toBe("STATUS_INVALID_PARAMETER");
  expect(await askReferral(ipc, "\\127.0.0.1\\test\\..\\link")).toBe("STATUS_NOT_FOUND");
  for (const code of [Fsctl.DFS_GET_REFERRALS, Fsctl.DFS_GET_REFERRALS_EX]) {
    for (const bytes of [[], [3], [3, 0, 65], [3, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]]) {
      const call = ioctlCall(ipc, code, new Uint8Array(bytes), FILE_ID_ALL_ONES, 4096);
      const { status } = await ipc.client.request(call);
      expect(["STATUS_INVALID_PARAMETER", "STATUS_NOT_FOUND"]).toContain(statusName(status));
    }
  }
});

describe("without a share that needs DFS", () => {
  test.each([{}, { "host msdfs": "no" }])(
    "with %j the server neither announces nor answers it",
    async (globals) => {
      const folder = makeDirectory("dfs-off");
      chmodSync(folder, 0o755);
      symlinkSync("msdfs:127.0.0.1\\other", join(folder, "link"));
      const isOff = "host msdfs" in globals;
      const parameters = isOff ? { "msdfs root": "yes" } : {};
      const server = await startServer({
        parameters: globals,
        shares: [{ name: "test", path: folder, parameters }],
      });
      try {
        const client = await RawClient.connect(server);
        const { capabilities } = decodeNegotiateResponse((await client.request(negotiateCall({}))).message);
        client.close();
        expect(capabilities & Capability.DFS).toBe(0);
        const on = await mountShare(server, TESTER, "test");
        expect(await askReferral(on, "\\127.0.0.1\\test")).toBe("STATUS_FS_DRIVER_REQUIRED");
        expect(await create(on, "link")).toBe("STATUS_STOPPED_ON_SYMLINK");
        on.client.close();
      } finally {
        await server.stop();
        rmSync(folder, { recursive: true });
      }
    },
  );
});

/** smbclient connects to the servers of referrals by port 445. */
const hasPort445 = process.getuid?.() === 0 && !(await isListening("127.0.0.1", 445));

describe.skipIf(!hasSmbclient() || !hasPort445)("smbclient", () => {
  // The servers of this test alone have these addresses.
  const address = (last: number): string =>
    `127.${64 + (process.pid >> 15)}.${(process.pid >> 7) & 0xff}.${last}`;
  const near = address(((process.pid & 0x7f) << 1) | 1);
  const far = address((process.pid & 0x7f) << 1 || 254);
  let folder: string;
  let out: string;
  let nearServer: TestServer;
  let farServer: TestServer;
  beforeAll(async () => {
    folder = makeDirectory("dfs-target");
    out = makeDirectory("dfs-out");
    chmodSync(folder, 0o777);
    writeFileSync(join(folder, "far"), "on the other server");
    chmodSync(join(folder, "far"), 0o666);
    symlinkSync(`msdfs:${far}\\other`, join(root, "away"));
    chmodSync(join(root, "file"), 0o666);
    farServer = await startServer({ host: far, port: 445, shares: [{ name: "other", path: folder }] });
    nearServer = await startServer({
      host: near,
      port: 445,
      shares: [
        { name: "test", path: root, parameters: { "msdfs root": "yes" } },
        { name: "proxy", path: root, parameters: { "msdfs proxy": `\\${far}\\other` } },
      ],
    });
  });
  afterAll(async () => {
    await nearServer.stop();
    await farServer.stop();
    rmSync(join(root, "away"), { force: true });
    for (const directory of [folder, out]) rmSync(directory, { recursive: true });
  });

  test("follows a link to a share of another server", async () => {
    const commands = [
      ...[
        "get away\\far got",
        "put got away\\copy",
        "mkdir away\\made",
        "ls away\\*",
        "rename away\\copy away\\moved",
      ],
      ...["rename file moved", "ls", "rename moved file"],
    ];
    const { output } = await runSmbclient(nearServer, commands, { cwd: out });
    expect(output).not.toContain("NT_STATUS");
    expect(output).toMatch(/^ {2}copy /m);
    expect(output).toMatch(/^ {2}moved /m);
    expect(readFileSync(join(out, "got"), "utf8")).toBe("on the other server");
    expect(readFileSync(join(folder, "moved"), "utf8")).toBe("on the other server");
    expect(lstatSync(join(folder, "made")).isDirectory()).toBe(true);
  });

  test("is led to the other server by a share that stands for its share", async () => {
    const { output } = await runSmbclient(nearServer, ["get far proxied"], { share: "proxy", cwd: out });
    expect(output).not.toContain("NT_STATUS");
    expect(readFileSync(join(out, "proxied"), "utf8")).toBe("on the other server");
  });

  test("cannot remove, rename or replace a link", async () => {
    for (const command of [
      "rm away",
      "rmdir away",
      "rename away gone",
      "rename file away",
      "hardlink file away",
    ]) {
      const { output } = await runSmbclient(nearServer, [command], { cwd: out });
      expect(output).toContain("NT_STATUS");
    }
    expect(lstatSync(join(root, "away")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(root, "file"), "utf8")).toBe("in the root");
  });
});
