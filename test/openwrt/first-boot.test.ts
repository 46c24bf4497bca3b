// ImageBuilder's script of the first start, by busybox's shell with stubs of minismbd and uci.
import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SEARCH_PATH } from "../tools.ts";

const SCRIPT = join(import.meta.dir, "../../board/openwrt/imagebuilder/files/etc/uci-defaults/99-minismbd");
const directory = mkdtempSync(join(tmpdir(), "minismbd-first-boot-"));
const calls = join(directory, "calls");
afterAll(() => rmSync(directory, { recursive: true }));

beforeEach(() => {
  writeFileSync(calls, "");
  writeFileSync(join(directory, "minismbd"), `#!/bin/sh\necho "minismbd $*" >>"$CALLS"\nexit $STATUS\n`, {
    mode: 0o755,
  });
  writeFileSync(
    join(directory, "uci"),
    `#!/bin/sh\n[ "$2" = get ] && echo "$SHARED" && exit\necho "uci $*" >>"$CALLS"\n`,
    { mode: 0o755 },
  );
});

function boot(status: string, shared: string): { status: number; calls: string[] } {
  const env = { PATH: `${directory}:${SEARCH_PATH}`, CALLS: calls, STATUS: status, SHARED: shared };
  const { exitCode } = Bun.spawnSync(["busybox", "sh", SCRIPT], { env, stdout: "ignore", stderr: "ignore" });
  return { status: exitCode, calls: readFileSync(calls, "utf8").split("\n").slice(0, -1) };
}

test("the first start makes the user, shares disks for writing, and shows the web page", () => {
  expect(boot("0", "0")).toEqual({
    status: 0,
    calls: [
      "minismbd setup --no-shares",
      "uci -q set ksmbd.@globals[0].auto_share=1",
      "uci -q set ksmbd.@globals[0].auto_share_write=1",
      "uci -q set ksmbd.@globals[0].web_port=8443",
      "uci -q set ksmbd.@globals[0].web_admin_users=smb",
      "uci -q commit ksmbd",
    ],
  });
});

test("where the user cannot be made, nothing is shared, and the script is run again at the next start", () => {
  expect(boot("1", "0")).toEqual({ status: 1, calls: ["minismbd setup --no-shares"] });
});

test("an image that shares disks already keeps its choice", () => {
  expect(boot("0", "1").calls).toEqual(["minismbd setup --no-shares"]);
});
