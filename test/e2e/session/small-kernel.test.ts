// Kernels that lack system calls, by a seccomp filter: each missing call has its fallback, or the server says what is
// missing. Names are those of the filter, test/peer/without-calls.ts.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { createDirectory, mountShare } from "../client/raw-files.ts";
import { notifyCall } from "../client/raw-notify.ts";
import { startServer } from "../client/server.ts";
import { demandSmbclient, hasSmbclient, runSmbclient } from "../client/smbclient.ts";
import { getText, putStream } from "../client/stream-calls.ts";

const XATTRS = ["set", "lset", "fset", "get", "lget", "fget", "list", "llist", "flist", "remove", "lremove"];
const EXTENDED_ATTRIBUTES = [...XATTRS, "fremove"].map((name) => `${name}xattr`);
const LATER_THAN_LINUX_4_19 = [
  "openat2",
  "faccessat2",
  "close_range",
  "cachestat",
  "quotactl_fd",
  "io_uring_setup",
];
const RUNTIME_S = ["timerfd_create", "memfd_create", "epoll_pwait2", "pidfd_open", "membarrier", "clone3"];

const KERNELS: Readonly<Record<string, readonly string[]>> = {
  "without openat2": ["openat2"],
  "without preadv2 and pwritev2": ["preadv2", "pwritev2"],
  "without renameat2": ["renameat2"],
  "without extended attributes": EXTENDED_ATTRIBUTES,
  "without extended attributes and renameat2": [...EXTENDED_ATTRIBUTES, "renameat2"],
  "without inotify": ["inotify_init1"],
  "without io_uring and timerfd": ["io_uring_setup", "timerfd_create"],
  "without copy_file_range and fallocate": ["copy_file_range", "fallocate", "fadvise64"],
  "as old as Linux 4.19": LATER_THAN_LINUX_4_19,
  "without any of them": [
    ...new Set([
      ...["preadv2", "pwritev2", "renameat2", "inotify_init1", "copy_file_range", "fallocate", "fadvise64"],
      ...["name_to_handle_at", "madvise", "mlock2"],
      ...[...EXTENDED_ATTRIBUTES, ...LATER_THAN_LINUX_4_19, ...RUNTIME_S],
    ]),
  ],
};

function runnerWithout(calls: readonly string[]): string[] {
  return [process.execPath, join(import.meta.dir, "../../peer/without-calls.ts"), calls.join(",")];
}

async function copyAndRename(server: TestServer): Promise<void> {
  const cwd = join(server.directory, "client");
  mkdirSync(cwd);
  const data = randomBytes(3 * 1024 * 1024);
  writeFileSync(join(cwd, "sent"), data);
  const inFolder = ["mkdir d", "cd d", "put sent b", "rename b c", "setmode c +h", "cd \\"];
  await demandSmbclient(server, ["put sent a", ...inFolder, "get d\\c got"], { cwd });
  expect(readFileSync(join(cwd, "got")).equals(data)).toBe(true);
  const refused = await runSmbclient(server, ["rename a d\\c"], { cwd });
  expect(refused.output).toContain("NT_STATUS_OBJECT_NAME_COLLISION");
  expect(await demandSmbclient(server, ["allinfo d\\c"], { cwd })).toMatch(/attributes: \w*H/);
  const mount = await mountShare(server, TESTER, "test");
  await putStream(mount, "a:stream", "words");
  expect(await getText(mount, "a:stream")).toBe("words");
  mount.client.close();
  await demandSmbclient(server, ["del a", "del d\\c", "rmdir d"], { cwd });
}

for (const [kernel, calls] of Object.entries(KERNELS)) {
  test.skipIf(!hasSmbclient())(
    `a kernel ${kernel} serves copies, renames, attributes and streams`,
    async () => {
      const server = await startServer({ runner: runnerWithout(calls) });
      try {
        await copyAndRename(server);
      } finally {
        await server.stop();
      }
    },
  );
}

test("a kernel without inotify is named once a client watches a folder", async () => {
  const server = await startServer({ runner: runnerWithout(["inotify_init1"]) });
  const mount = await mountShare(server, TESTER, "test");
  const folder = await createDirectory(mount, "watched");
  await mount.client.start(notifyCall(mount, folder)).interim;
  mount.client.close();
  const line = "clients that watch folders miss some changes by other programs: the kernel has no inotify";
  expect(server.log()).toContain(line);
  await server.stop();
});

test("a kernel without statx is refused with the reason", async () => {
  const started = startServer({ runner: runnerWithout(["statx"]) });
  expect(started).rejects.toThrow("the kernel has no statx(2): minismbd needs Linux 4.11 or newer");
  await started.catch(() => undefined);
});
