// The first run of a board: `minismbd setup`, the code, and the first administrator, who logs on by SMB.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, startServer } from "../../cli/executable.ts";
import { accessOf } from "../client/config-rig.ts";
import { request } from "../client/control-rig.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-first-run-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("whoever has the password that the machine shows becomes its administrator, once", async () => {
  const at = (name: string): string => join(directory, name);
  const files = ["-P", at("ksmbdpwd.db"), "-C", at("ksmbd.conf")];
  const notice = at("minismbd.txt");
  const first = run(["setup", ...files, "--notice", notice, "--directory", `files=${at("files")}`]);
  const code = /Password: (\S+)/.exec(first.out)?.[1] ?? "";
  const socket = at("control.sock");
  const server = await startServer(["serve", ...files, "--port", "0", "--control", socket]);
  const place = { ...server, host: "127.0.0.1" };
  try {
    await server.waitFor("ready on port");
    const ask = (fields: Record<string, unknown>) => request(socket, { command: "setup", ...fields });
    const anna = { user: "anna", password: "Tulip-Bulb-3" };
    expect(await ask({ ...anna, code: "guessed" })).toMatchObject({ code: "forbidden" });
    expect(await accessOf(place, anna, "files")).toBe("refused");
    expect(existsSync(notice)).toBe(true);
    const done = await ask({ ...anna, code });
    expect([done.message, done.end]).toEqual([undefined, "ok"]);
    expect(await accessOf(place, anna, "files")).toBe("write");
    expect(await accessOf(place, { user: "smb", password: code }, "files")).toBe("refused");
    expect((await request(socket, { command: "users" })).items).toEqual([
      { name: "anna", isAdmin: true, isStored: true },
    ]);
    expect(existsSync(notice)).toBe(false);
    expect(readFileSync(at("ksmbd.setup-done"), "utf8")).not.toContain(code);
    expect(await ask({ ...anna, user: "eve", code })).toMatchObject({ code: "refused" });
    expect(run(["setup", ...files]).out).toBe("minismbd is set up already\n");
  } finally {
    await server.stop();
  }
});
