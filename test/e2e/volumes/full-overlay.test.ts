// A full overlay, and a read-only root, below the server's own files: it serves on, each change is refused with
// one line that says why, and nothing is half written.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findFreePort, makeDirectory, removeDirectory, TESTER } from "../../peer/test-server.ts";
import { accessOf } from "../client/config-rig.ts";
import { request } from "../client/control-rig.ts";
import { EXECUTABLE } from "../client/server.ts";
import { hasSmbclient, runProgram } from "../client/smbclient.ts";
import { canPlugDisks, VolumesRig } from "../client/volumes-rig.ts";
import { ask, awaitLog, logOn } from "../client/web-rig.ts";

/** Run in the server's mount namespace, where `state` is the directory of its files. */
const KINDS = {
  "a full overlay": {
    why: "(ENOSPC), make room on its disk",
    prepare: `
mount -t tmpfs -o size=64k,nr_inodes=16 none /mnt; mkdir /mnt/files /mnt/work
mount -t overlay overlay -o "lowerdir=$state,upperdir=/mnt/files,workdir=/mnt/work" "$state"
dd if=/dev/zero of=/mnt/fill bs=4k 2>/dev/null
i=0; while touch /mnt/$i 2>/dev/null; do i=$((i + 1)); done`,
  },
  "a read-only root": {
    why: "(EROFS), its disk is mounted read-only",
    prepare: 'mount --bind "$state" "$state" && mount -o remount,bind,ro "$state"',
  },
} as const;
type Kind = keyof typeof KINDS;

/** The word after -C is the configuration's path. */
const FIND_STATE = 'for word; do [ "$before" = -C ] && state="${word%/*}"; before="$word"; done';

interface Box {
  readonly rig: VolumesRig;
  readonly webPort: number;
  readonly shared: string;
}

async function startBox(kind: Kind): Promise<Box> {
  const webPort = await findFreePort();
  const shared = makeDirectory("minismbd-shared");
  const script = `${FIND_STATE}\n${KINDS[kind].prepare}\nexec "$@"`;
  const rig = await VolumesRig.start(
    {},
    {
      users: [TESTER],
      runner: ["sh", "-c", script, "sh"],
      parameters: { "web port": String(webPort), "admin users": TESTER.user, "log level": "info" },
      shares: [{ name: "docs", path: shared, parameters: { "force user": "root", "force group": "root" } }],
    },
  );
  rig.plug(rig.make("stick"));
  return { rig, webPort, shared };
}

const boxes = new Map<Kind, Box>();
beforeAll(async () => {
  if (!canPlugDisks) return;
  for (const kind of Object.keys(KINDS) as Kind[]) boxes.set(kind, await startBox(kind));
});
afterAll(async () => {
  for (const { rig, shared } of boxes.values()) {
    await rig.stop();
    removeDirectory(shared);
  }
});

describe.skipIf(!canPlugDisks).each(Object.keys(KINDS) as Kind[])("below the server's files: %s", (kind) => {
  const { why } = KINDS[kind];
  const box = (): Box => {
    const found = boxes.get(kind);
    if (found === undefined) throw new Error(`no server on ${kind}`);
    return found;
  };
  const server = () => box().rig.server;
  /** What is there, and the bytes of the two files that the server was started with. */
  const state = (): string =>
    box().rig.inside(["sh", "-c", `cd ${server().directory} && ls -A && cat minismbd.conf ksmbdpwd.db`]);
  const refused = (what: string): RegExp =>
    new RegExp(`${what}: .* cannot be written ${why.replace(/[()]/g, "\\$&")}`);

  test("commands and requests that change something fail with one line, and leave the files", async () => {
    const before = state();
    const file = (name: string): string => `${server().directory}/${name}`;
    for (const [words, name] of [
      [["passwd", "-P", file("ksmbdpwd.db"), "-p", "Other-Word-1", TESTER.user], "ksmbdpwd.db"],
      [["adduser", "-P", file("ksmbdpwd.db"), "-p", "Other-Word-1", "bob"], "ksmbdpwd.db"],
      [["addshare", "-C", file("minismbd.conf"), "-a", "-o", "path = /x", "new"], "minismbd.conf"],
    ] as const) {
      const at = ["nsenter", "--mount", "-t", String(server().pid), EXECUTABLE, ...words];
      const child = Bun.spawnSync(at, { stdout: "pipe", stderr: "pipe" });
      expect(child.stderr.toString()).toMatch(new RegExp(`^minismbd: \\S*${name}: [^\\n]+\\n$`));
      expect(child.stderr.toString()).toContain(why);
      expect(child.exitCode).toBe(1);
    }
    const code = kind === "a full overlay" ? "no-space" : "failed";
    for (const [command, fields] of [
      ["set-settings", { parameters: { "server string": "x" } }],
      ["set-share", { name: "docs", parameters: { comment: "x" } }],
      ["set-password", { name: TESTER.user, password: "Other-Word-1" }],
      ["add-user", { name: "bob", password: "Other-Word-1" }],
      ["add-token", { name: "metrics" }],
    ] as const) {
      const answer = await request(server().socket, { command, ...fields });
      expect(answer).toMatchObject({ end: "error", code, message: expect.stringContaining(why) });
    }
    expect(state()).toBe(before);
  });

  test.skipIf(!hasSmbclient())(
    "a user's new password is refused, and the old one goes on counting",
    async () => {
      const before = state();
      const { user, password } = TESTER;
      const words = [
        "rpcclient",
        "--configfile=/dev/null",
        "-p",
        String(server().port),
        "-U",
        `${user}%${password}`,
      ];
      const change = `chgpasswd2 ${user} ${password} Other-Word-1`;
      const { output } = await runProgram([...words, server().host, "-c", change]);
      expect(output).toContain("NT_STATUS_");
      expect(server().log()).toMatch(refused("was not changed as its user asked.*ksmbdpwd\\.db"));
      expect(state()).toBe(before);
      expect(await accessOf(server(), TESTER, "docs")).toBe("write");
    },
  );

  test("the web page is served, with a certificate that lasts until the server stops", async () => {
    await awaitLog(server(), "the web page is at");
    expect(server().log()).toMatch(refused("ksmbd-web\\.pem"));
    const web = { ...server(), webPort: box().webPort };
    const { headers } = await logOn(web);
    const path = "/api/v1/settings";
    const etag = (await ask(web, path, { headers })).headers["etag"] ?? "";
    const body = { "server string": "x" };
    const answer = await ask(web, path, { method: "PATCH", headers: { ...headers, "If-Match": etag }, body });
    expect([answer.status, answer.text]).toEqual([
      kind === "a full overlay" ? 507 : 503,
      expect.stringContaining(why),
    ]);
  });

  test("a disk that is plugged in is shared, and one line says that its name is not kept", async () => {
    await box().rig.awaitShare("stick");
    await awaitLog(server(), "the list of disks cannot be written");
    expect(server().log()).toMatch(refused("ksmbd\\.volumes"));
    expect(await accessOf(server(), TESTER, "stick")).toBe("write");
    expect(await accessOf(server(), TESTER, "docs")).toBe("write");
    expect(state()).not.toMatch(/\.tmp|\.volumes|\.pem|\.subauth/);
  });
});
