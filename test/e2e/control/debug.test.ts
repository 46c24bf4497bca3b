// `ksmbd.control -d COMPONENT`: the debug lines of one component, switched while clients are connected.
import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition, OplockLevel } from "../../../src/wire/command/create.ts";
import { Access } from "../../../src/wire/security/access.ts";
import { run } from "../../cli/executable.ts";
import { TESTER, TESTER2 } from "../../peer/test-server.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { createCall, createFile, type Mount, mountShare, writeFile } from "../client/raw-files.ts";

let server: ControlledServer;
afterEach(() => server.stop());

const DEBUG = /^minismbd: debug: (\w+): (.*)$/gm;

/** The components that have written debug lines. */
function spoken(): string[] {
  return [...new Set([...server.log().matchAll(DEBUG)].map(([, component]) => component ?? ""))].sort();
}

function toggle(component: string) {
  return run(["-d", component, "--control", server.socket], { as: "ksmbd.control" });
}

async function useShare(): Promise<Mount> {
  const mount = await mountShare(server, TESTER, "test");
  await writeFile(mount, await createFile(mount, "letter.txt"), 0, new Uint8Array(5));
  return mount;
}

test("prints the components as ksmbd.control does, in brackets where they are on", async () => {
  server = await startControlled({ parameters: { "log level": "info" } });
  expect(toggle("smb")).toEqual({ status: 0, out: "[smb] auth vfs oplock ipc conn rdma\n", err: "" });
  expect(toggle("rdma").out).toBe("[smb] auth vfs oplock ipc conn [rdma]\n");
  expect(toggle("smb").out).toBe("smb auth vfs oplock ipc conn [rdma]\n");
  expect(toggle("all").out).toBe("[smb] [auth] [vfs] [oplock] [ipc] [conn] [rdma]\n");
  expect(toggle("all").out).toBe("smb auth vfs oplock ipc conn rdma\n");
  const { status, out, err } = toggle("nothing");
  expect([status, out]).toEqual([0, "smb auth vfs oplock ipc conn rdma\n"]);
  expect(err).toBe("minismbd: there is no component 'nothing'\n");
  expect(toggle("").out).toBe("smb auth vfs oplock ipc conn rdma\n");
});

test("each component has its own lines, at once and until it is switched off", async () => {
  server = await startControlled({ parameters: { "log level": "info" } });
  (await useShare()).client.close();
  expect(spoken()).toEqual([]);
  toggle("auth");
  const mount = await useShare();
  expect(spoken()).toEqual(["auth"]);
  expect(server.log()).toContain(`: '${TESTER.user}' is known`);
  toggle("auth");
  toggle("smb");
  await createFile(mount, "other.txt");
  expect(spoken()).toEqual(["auth", "smb"]);
  expect(server.log()).toMatch(/debug: smb: connection \d+: CREATE \d+: STATUS_SUCCESS/);
  toggle("smb");
  const before = server.log().length;
  await createFile(mount, "third.txt");
  expect(server.log().slice(before)).not.toContain("CREATE");
  for (const component of ["ipc", "conn", "oplock"]) toggle(component);
  const shared = { desiredAccess: Access.READ_DATA, createDisposition: CreateDisposition.OPEN_IF };
  await mount.client.request(createCall(mount, "alone.txt", { ...shared, oplockLevel: OplockLevel.BATCH }));
  const other = await mountShare(server, TESTER2, "test");
  const second = other.client.outcome(createCall(other, "alone.txt", shared));
  for (let i = 0; i < 500 && !spoken().includes("oplock"); i++) await Bun.sleep(10);
  mount.client.close();
  await second;
  expect(spoken()).toEqual(["auth", "conn", "ipc", "oplock", "smb"]);
  expect(server.log()).toContain(`debug: oplock: oplock of '${TESTER.user}' broken from RHW to R`);
  expect(server.log()).toMatch(/debug: ipc: share 'test' for '[\w-]+': \/\S+ as /);
});

test("a reload keeps what is switched on, and a configuration names components, too", async () => {
  server = await startControlled({ parameters: { "log level": "1 auth:3" } });
  expect(toggle("").out).toBe("smb [auth] vfs oplock ipc conn rdma\n");
  toggle("ipc");
  const file = join(server.directory, "minismbd.conf");
  writeFileSync(file, (await Bun.file(file).text()).replace("1 auth:3", "info"));
  expect(await request(server.socket, { command: "reload" })).toMatchObject({ end: "ok" });
  expect(toggle("").out).toBe("smb [auth] vfs oplock [ipc] conn rdma\n");
});
