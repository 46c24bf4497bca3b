// The ubus object: rpcd's executable plugin, run by busybox's shell as rpcd does it, with the arguments on standard input.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../cli/executable.ts";
import { Status } from "../../src/wire/status.ts";
import { expectOutcome } from "../e2e/client/attack-rig.ts";
import { type ControlledServer, startControlled } from "../e2e/client/control-rig.ts";
import { createCall, createFile, mountShare } from "../e2e/client/raw-files.ts";
import { makeDirectory, removeDirectory, TESTER } from "../peer/test-server.ts";
import { findProgram, SEARCH_PATH } from "../tools.ts";

const BOARD = join(import.meta.dir, "../../board/openwrt/files");
const PLUGIN = join(BOARD, "usr/libexec/rpcd/minismbd");

const busybox = findProgram("busybox");

let server: ControlledServer;
let directory: string;
beforeAll(async () => {
  if (busybox === null) return;
  server = await startControlled();
  directory = makeDirectory("minismbd-rpcd");
  // `minismbd` of the PATH asks the test's server and not the router's.
  const words = {
    control: `--control ${server.socket}`,
    testparm: `--config ${server.directory}/minismbd.conf`,
    "*": `--pwddb ${server.directory}/ksmbdpwd.db --config ${server.directory}/minismbd.conf`,
  };
  const cases = Object.entries(words).map(([verb, own]) => `${verb}) exec ${EXECUTABLE} "$@" ${own} ;;\n`);
  const script = `#!/bin/sh\necho "$*" >>${directory}/words\ncase "$1" in\n${cases.join("")}esac\n`;
  mkdirSync(join(directory, "bin"));
  writeFileSync(join(directory, "bin/minismbd"), script, { mode: 0o755 });
  symlinkSync(busybox, join(directory, "bin/busybox"));
});
afterAll(async () => {
  await server?.stop();
  if (directory) removeDirectory(directory);
});

function plugin(words: readonly string[], input = "{}") {
  const child = Bun.spawnSync(["busybox", "ash", PLUGIN, ...words], {
    stdin: Buffer.from(input),
    env: { PATH: `${directory}/bin:${SEARCH_PATH}` },
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = child.stdout.toString();
  return {
    status: child.exitCode,
    err: child.stderr.toString(),
    answer: text === "" ? null : JSON.parse(text),
  };
}

interface Acl {
  readonly minismbd: Record<"read" | "write", { readonly ubus: { readonly minismbd: readonly string[] } }>;
}

test.skipIf(busybox === null)("the methods of the list are those that the ACL grants", () => {
  const { status, answer } = plugin(["list"], "");
  const text = readFileSync(join(BOARD, "usr/share/rpcd/acl.d/minismbd.json"), "utf8");
  const { read, write } = (JSON.parse(text) as Acl).minismbd;
  expect(status).toBe(0);
  expect(Object.keys(answer as object)).toEqual([...read.ubus.minismbd, ...write.ubus.minismbd]);
});

test.skipIf(busybox === null)("each table comes as an object with items", async () => {
  const { client } = await mountShare(server, TESTER, "test");
  const methods = [
    "status",
    "connections",
    "sessions",
    "trees",
    "opens",
    "locks",
    "leases",
    "volumes",
    "disks",
  ];
  for (const method of methods)
    expect(plugin(["call", method])).toMatchObject({
      status: 0,
      err: "",
      answer: { items: expect.any(Array) },
    });
  expect(plugin(["call", "sessions"]).answer).toMatchObject({ items: [{ user: TESTER.user }] });
  expect(plugin(["call", "shares"], "").answer).toMatchObject({ items: [{ name: "test" }] });
  client.close();
});

test.skipIf(busybox === null)(
  "kick takes its arguments from standard input, quotes and spaces included",
  async () => {
    const mount = await mountShare(server, TESTER, "test");
    const path = "it's a 'letter' $(x).txt";
    await createFile(mount, path);
    expect(plugin(["call", "close"], JSON.stringify({ share: "test", path })).answer).toMatchObject({
      items: [{ path }],
    });
    const session = { ubus_rpc_session: "0123456789abcdef", user: TESTER.user };
    expect(plugin(["call", "kick"], JSON.stringify(session)).status).toBe(0);
    expectOutcome(await mount.client.outcome(createCall(mount, "x")), "closed");
    expect(plugin(["call", "kick"], JSON.stringify(session))).toMatchObject({
      status: 1,
      answer: { error: "there is no such client" },
    });
  },
);

test.skipIf(busybox === null)(
  "arguments change neither the command nor its protocol, and no other command can be called",
  async () => {
    const input = JSON.stringify({ command: "stop", version: 7 });
    expect(plugin(["call", "status"], input).answer).toMatchObject({ items: [{ pid: server.pid }] });
    for (const method of ["stop", "", "--help", "status; id"])
      expect(plugin(["call", method])).toEqual({ status: 2, err: "", answer: null });
    for (const wrong of ["[]", "{", "null", "--shutdown"])
      expect(plugin(["call", "status"], wrong).answer).toEqual({
        error: "standard input: this is no object of JSON",
      });
    await Bun.sleep(200);
    const mount = await mountShare(server, TESTER, "test");
    expectOutcome(
      await mount.client.outcome(createCall(mount, "still-there.txt")),
      Status.OBJECT_NAME_NOT_FOUND,
    );
    mount.client.close();
  },
);

test.skipIf(busybox === null)(
  "users are added, changed and deleted, and no password or session number is on a command line",
  async () => {
    const send = (method: string, fields: object) =>
      plugin(["call", method], JSON.stringify({ ubus_rpc_session: "0123456789abcdef", ...fields })).answer;
    const names = () => (plugin(["call", "users"]).answer as { items: { name: string }[] }).items;
    const before = names();
    expect(send("adduser", { user: "rosa", password: "hunter2" })).toEqual({ items: [] });
    expect(send("reload", {})).toEqual({ items: [] });
    expect(names()).toEqual(
      expect.arrayContaining([...before, { name: "rosa", isAdmin: false, isStored: true }]),
    );
    const rosa = { user: "rosa", password: "Hunter-3" };
    expect(send("passwd", rosa)).toEqual({ items: [] });
    expect(send("reload", {})).toEqual({ items: [] });
    const mount = await mountShare(server, rosa, "test");
    mount.client.close();
    expect(send("adduser", rosa)).toEqual({ error: expect.stringContaining("already") });
    expect(send("deluser", { user: "rosa" })).toEqual({ items: [] });
    expect(send("deluser", { user: "rosa" })).toEqual({ error: expect.stringContaining("no user") });
    const written = readFileSync(join(directory, "words"), "utf8");
    expect(written).toContain("adduser --json");
    for (const secret of ["hunter2", "Hunter-3", "0123456789abcdef"]) expect(written).not.toContain(secret);
  },
);

test.skipIf(busybox === null)("disks have their space, and testparm's words come as an object", () => {
  expect(plugin(["call", "disks"]).answer).toMatchObject({
    items: expect.arrayContaining([
      expect.objectContaining({
        shares: ["test"],
        isEjected: false,
        totalBytes: expect.any(Number),
        freeBytes: expect.any(Number),
      }),
    ]),
  });
  expect(plugin(["call", "testparm"])).toMatchObject({ answer: { version: 1, notes: expect.any(Array) } });
});

test.skipIf(busybox === null)("without a server the answer says so", async () => {
  const script = `exec ${EXECUTABLE} control --control ${directory}/none.sock --json status`;
  const child = Bun.spawnSync(["busybox", "ash", "-c", script], { env: { PATH: SEARCH_PATH } });
  expect(child.exitCode).toBe(1);
  expect(JSON.parse(child.stdout.toString())).toMatchObject({
    error: expect.stringContaining("no server answers"),
  });
});
