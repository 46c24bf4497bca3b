// Debian's smbclient does its daily work in every dialect, unprotected, signed and encrypted, with both
// crypto providers.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { againstSmbd, startSubject } from "../../peer/start.ts";
import { makeDirectory, removeDirectory, TESTER, type TestServer } from "../../peer/test-server.ts";
import {
  describeTree,
  digestFile,
  digestSamples,
  writeRandomFile,
  writeSparseFile,
  writeTree,
} from "../client/sample-files.ts";
import {
  type ClientProtection,
  demandSmbclient,
  digestDownload,
  DIALECTS,
  hasSmbclient,
  listShares,
  runSmbclient,
  type SmbclientOptions,
} from "../client/smbclient.ts";

const MIB = 1024 * 1024;

let local = "";
beforeAll(() => {
  local = makeDirectory("minismbd-client");
  writeFileSync(join(local, "nothing"), "");
  writeFileSync(join(local, "one"), "x");
  writeFileSync(join(local, "some"), randomBytes(3 * MIB + 17));
});
afterAll(() => removeDirectory(local));

const combinations = DIALECTS.flatMap((dialect) =>
  (["off", "sign", "encrypt"] as const satisfies ClientProtection[])
    .filter((protection) => protection !== "encrypt" || dialect >= "SMB3_00")
    .map((protection) => ({ dialect, protection })),
);

describe.skipIf(!hasSmbclient()).each(["native", "pure"])("crypto provider = %s", (provider) => {
  let server: TestServer;
  let folder = "";
  beforeAll(async () => {
    server = await startSubject({ parameters: { "crypto provider": provider } });
    folder = server.shares.get("test") ?? "";
  });
  afterAll(() => server.stop());

  describe.each(combinations)("$dialect, protection $protection", (options) => {
    test("put, get, ls, allinfo, rename, del, mkdir and rmdir work", () => work(server, folder, options));

    test("-L lists the share and IPC$", async () => {
      const { status, output } = await listShares(server, options);
      expect(output).toMatch(/^\s*test\s+Disk/m);
      expect(output).toMatch(/^\s*IPC\$\s+IPC/m);
      expect(status).toBe(0);
    });
  });

  test("a wrong password or an unknown user gets NT_STATUS_LOGON_FAILURE", async () => {
    for (const user of [
      { ...TESTER, password: "wrong" },
      { user: "nobody-here", password: TESTER.password },
    ]) {
      const { status, output } = await runSmbclient(server, ["ls"], { user });
      expect(output).toContain("NT_STATUS_LOGON_FAILURE");
      expect(status).toBe(1);
    }
  });

  test("a client that asks for an unknown share gets NT_STATUS_BAD_NETWORK_NAME", async () => {
    const { output } = await runSmbclient(server, ["ls"], { share: "no-such-share" });
    expect(output).toContain("NT_STATUS_BAD_NETWORK_NAME");
  });
});

async function work(server: TestServer, folder: string, options: SmbclientOptions): Promise<void> {
  const back = join(local, `back-${options.dialect}-${options.protection}`);
  mkdirSync(back, { recursive: true });
  const run = (...commands: string[]): Promise<string> =>
    demandSmbclient(server, commands, { ...options, cwd: back });
  // Each combination has its own folder: what a failed one leaves behind does not fail the next.
  const top = `w-${options.dialect}-${options.protection}`;
  await run(`mkdir ${top}`, `cd ${top}`, `lcd ${local}`, "put nothing", "put one", "put some");
  for (const name of ["nothing", "one", "some"]) {
    expect(readFileSync(join(folder, top, name))).toEqual(readFileSync(join(local, name)));
  }
  const listing = await run(`cd ${top}`, "ls");
  expect(listing).toMatch(/^ {2}nothing +[AN]+ +0 /m);
  expect(listing).toMatch(/^ {2}one +[AN]+ +1 /m);
  expect(listing).toMatch(new RegExp(`^ {2}some +[AN]+ +${3 * MIB + 17} `, "m"));
  await run(`cd ${top}`, "get nothing", "get one", "get some");
  for (const name of ["nothing", "one", "some"]) {
    expect(digestFile(join(back, name))).toBe(digestFile(join(local, name)));
  }
  const { output: info } = await runSmbclient(server, [`allinfo ${top}/some`], options);
  // A server need not support 8.3 names; no other error is allowed.
  expect(info.replace(/^NT_STATUS_\w+ getting alt name .*$/m, "")).not.toContain("NT_STATUS_");
  expect(info).toMatch(/^write_time: +\w{3} \w{3} /m);
  expect(info).toContain(`stream: [::$DATA], ${3 * MIB + 17} bytes`);
  await run(`cd ${top}`, "rename one two", "mkdir deep", "rename two deep/three", "del nothing");
  expect(existsSync(join(folder, top, "one"))).toBe(false);
  expect(existsSync(join(folder, top, "nothing"))).toBe(false);
  expect(readFileSync(join(folder, top, "deep", "three"), "utf8")).toBe("x");
  const full = await runSmbclient(server, [`rmdir ${top}`], options);
  expect(full.output).toContain("NT_STATUS_DIRECTORY_NOT_EMPTY");
  await run(`cd ${top}`, "del deep/three", "del some", "rmdir deep", "cd ..", `rmdir ${top}`);
  expect(existsSync(join(folder, top))).toBe(false);
}

/** Free bytes of the file system at a path; 0 where the path does not exist. */
function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

describe.skipIf(!hasSmbclient())("large files and many files", () => {
  let server: TestServer;
  let folder = "";
  beforeAll(async () => {
    server = await startSubject();
    folder = server.shares.get("test") ?? "";
  });
  afterAll(() => server.stop());

  test("300 MiB of random bytes are written and read back, signed and encrypted", async () => {
    const source = join(local, "random");
    writeRandomFile(source, 300 * MIB);
    const digest = digestFile(source);
    for (const protection of ["sign", "encrypt"] as const) {
      await demandSmbclient(server, [`put ${source} random`, `get random ${join(local, "random.back")}`], {
        protection,
      });
      expect(digestFile(join(folder, "random"))).toBe(digest);
      expect(digestFile(join(local, "random.back"))).toBe(digest);
    }
  }, 120_000);

  test("a file of more than 4 GiB, mostly holes, is written and read back", async () => {
    const size = 4160 * MIB;
    const source = join(local, "sparse");
    writeSparseFile(source, size);
    // smbclient sends holes as zeros: /dev/shm, where it has room, takes them in a fifth of a disk's time.
    const parent = freeBytes("/dev/shm") > 2 * size ? "/dev/shm" : undefined;
    const big = await startSubject(parent === undefined ? {} : { parent });
    const path = big.shares.get("test") ?? "";
    const options = { protection: "off" } as const;
    await demandSmbclient(big, [`put ${source} sparse`], options);
    expect(digestSamples(join(path, "sparse"))).toBe(digestSamples(source));
    await demandSmbclient(big, ["del sparse"], options);
    writeSparseFile(join(path, "holes"), size);
    expect(await digestDownload(big, "holes", size, options)).toBe(digestSamples(join(path, "holes")));
    await big.stop();
  }, 240_000);

  test("a tree of 500 files is written and read back", async () => {
    const source = join(local, "tree");
    writeTree(join(source, "top"), 500);
    const back = join(local, "tree-back");
    mkdirSync(back);
    await demandSmbclient(server, ["prompt off", "recurse on", "mput top"], { cwd: source });
    expect(describeTree(join(folder, "top"))).toEqual(describeTree(join(source, "top")));
    await demandSmbclient(server, ["prompt off", "recurse on", "mget top"], { cwd: back });
    expect(describeTree(join(back, "top"))).toEqual(describeTree(join(source, "top")));
  }, 60_000);
});

test.skipIf(againstSmbd || !hasSmbclient())(
  "`smb3 encryption = mandatory` refuses clients that do not encrypt, `server signing = mandatory` makes them sign",
  async () => {
    const server = await startSubject({ parameters: { "smb3 encryption": "mandatory" } });
    const plain = await runSmbclient(server, ["ls"], { dialect: "SMB2_10", protection: "off" });
    expect(plain.output).toContain("NT_STATUS_");
    expect(plain.status).toBe(1);
    await demandSmbclient(server, ["ls"], { protection: "encrypt" });
    await server.stop();
    const signing = await startSubject({ parameters: { "server signing": "mandatory" } });
    // smbclient signs even with protection off where the server requires it.
    await demandSmbclient(signing, ["ls"], { dialect: "SMB2_02", protection: "off" });
    await signing.stop();
  },
);
