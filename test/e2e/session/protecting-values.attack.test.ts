// A configuration with a cut, misspelt, unknown, empty or doubled value of a parameter that protects: the server refuses to
// start, leaves the share out, or serves what smb.conf(5) and ksmbd.conf(5) say. Every such parameter is in
// test/manager/config/protection.test.ts.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateDisposition } from "../../../src/wire/command/create.ts";
import { SecurityMode } from "../../../src/wire/command/negotiate.ts";
import { Status } from "../../../src/wire/status.ts";
import { run, startServer } from "../../cli/executable.ts";
import { giveToTester, makeDirectory, removeDirectory, TESTER } from "../../peer/test-server.ts";
import { expectOutcome, outcomeOf } from "../client/attack-rig.ts";
import { RawClient } from "../client/raw-client.ts";
import { createCall, type Mount, mountShare } from "../client/raw-files.ts";
import { formatPasswordDatabase } from "../client/server.ts";

const base = makeDirectory("minismbd-protecting");
afterAll(() => removeDirectory(base));
const passwords = join(base, "ksmbdpwd.db");
writeFileSync(passwords, formatPasswordDatabase([TESTER]), { mode: 0o600 });
const folder = (name: string): string => {
  const path = join(base, ...name.split("/"));
  mkdirSync(path, { recursive: true });
  giveToTester(path);
  return path;
};
const data = folder("data");

type File = "ksmbd.conf" | "smb.conf";

function write(file: File, globals: readonly string[], share: readonly string[]): string[] {
  const path = join(base, file);
  const fixed = ["[global]", "tcp port = 0", "interfaces = 127.0.0.1", "bind interfaces only = yes"];
  writeFileSync(path, [...fixed, ...globals, "[docs]", ...share, ""].join("\n"));
  return ["serve", "-C", path, "-P", passwords, "-n"];
}

const refused: readonly (readonly [File, "global" | "share", string])[] = [
  ["ksmbd.conf", "global", "smb encrypt = ; required"],
  ["ksmbd.conf", "global", "server signing = # mandatory"],
  ["ksmbd.conf", "share", "veto files = /#recycle/secret/"],
  ["ksmbd.conf", "share", "valid users = ;anna"],
  ["ksmbd.conf", "share", "hosts allow = 10.0.0.#1"],
  ["ksmbd.conf", "global", "server signing = mandatroy"],
  ["ksmbd.conf", "global", "smb3 encryption ="],
  ["ksmbd.conf", "share", "vaild users = anna"],
  ["ksmbd.conf", "share", "raed only = yes"],
  ["smb.conf", "global", "smb encrypt = ; required"],
  ["smb.conf", "global", "server signing = # mandatory"],
  ["smb.conf", "global", "server signing = mandatory # always"],
  ["smb.conf", "share", "read only = yes ; never write"],
  ["smb.conf", "share", "hosts deny = 0.0.0.0/0 # all"],
  ["smb.conf", "share", "invalid user = anna"],
];

test.each(refused.filter(([, scope]) => scope === "global"))(
  "%s, %s: `%s` refuses to start",
  (file, _scope, line) => {
    const { status, err } = run(write(file, [line], [`path = ${data}`]));
    expect(status).toBe(1);
    expect(err).toContain(`${file}:`);
  },
);

test.each(refused.filter(([, scope]) => scope === "share"))(
  "%s, %s: `%s` leaves the share out",
  async (file, _scope, line) => {
    const server = await startServer(write(file, [], [`path = ${data}`, line]));
    const place = { host: "127.0.0.1", port: server.port };
    expectOutcome(await outcomeOf(mountShare(place, TESTER, "docs")), Status.BAD_NETWORK_NAME);
    expect(server.output()).toMatch(new RegExp(`${file}:\\d+: .*share \\[docs\\] is left out`));
    await server.stop();
  },
);

async function withServer(words: string[], use: (mount: Mount) => Promise<void>): Promise<void> {
  const server = await startServer(words);
  try {
    const mount = await mountShare({ host: "127.0.0.1", port: server.port }, TESTER, "docs");
    await use(mount);
    mount.client.close();
  } finally {
    await server.stop();
  }
}

describe("in smb.conf", () => {
  test("the characters of comments are part of `veto files` and `path`", async () => {
    const path = folder("srv/g #1;2/v");
    for (const name of ["secret", "#recycle", "shown"]) writeFileSync(join(path, name), "");
    const lines = [`path = ${path}`, "veto files = /#recycle/secret/"];
    await withServer(write("smb.conf", [], lines), async (mount) => {
      for (const name of ["secret", "#recycle"])
        expectOutcome(await mount.client.outcome(createCall(mount, name)), Status.OBJECT_NAME_NOT_FOUND);
      expectOutcome(await mount.client.outcome(createCall(mount, "shown")), Status.SUCCESS);
    });
  });

  test.each([
    ["the last", "smb.conf", Status.ACCESS_DENIED],
    ["in ksmbd.conf the first", "ksmbd.conf", Status.SUCCESS],
  ] as const)("%s of two values of `read only` counts", async (_, file, expected) => {
    const lines = [`path = ${data}`, "read only = no", "read only = yes"];
    await withServer(write(file, [], lines), async (mount) => {
      const making = createCall(mount, "new", { createDisposition: CreateDisposition.OPEN_IF });
      expectOutcome(await mount.client.outcome(making), expected);
    });
  });

  test("a comment line before `server signing = mandatory` leaves it in force", async () => {
    const words = write(
      "smb.conf",
      ["  ; server signing = auto", "server signing = mandatory"],
      [`path = ${data}`],
    );
    const server = await startServer(words);
    const client = await RawClient.connect({ host: "127.0.0.1", port: server.port });
    const { securityMode } = await client.negotiate();
    expect(securityMode & SecurityMode.SIGNING_REQUIRED).toBe(SecurityMode.SIGNING_REQUIRED);
    const session = await client.logOn(TESTER);
    session.signs = false;
    expectOutcome(await outcomeOf(client.connectTree(session, "docs")), Status.ACCESS_DENIED, "closed");
    client.close();
    await server.stop();
  });
});
