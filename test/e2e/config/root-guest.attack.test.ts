// Guests are never root: a share whose guest account is root is not served, one with 'force user = root' is.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../cli/executable.ts";
import { makeDirectory, removeDirectory, TESTER, type User } from "../../peer/test-server.ts";
import { accessOf, serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import { createFile, mountShare } from "../client/raw-files.ts";

const GUEST: User = { user: "nobody knows me", password: "x" };
const base = makeDirectory("minismbd-root-guest");
afterAll(() => removeDirectory(base));

describe.skipIf(process.getuid?.() !== 0).each(["ksmbd.conf", "smb.conf"])("%s", (file) => {
  const place = join(base, file);
  let server: Served;

  beforeAll(async () => {
    const share = (name: string, line: string): string =>
      `[${name}]\npath = ${place}/data\nread only = no\nguest ok = yes\n${line}\n`;
    const shares = share("guests", "guest account = root") + share("forced", "force user = root");
    writeFiles(place, { [file]: `[global]\nmap to guest = bad user\n${shares}` });
    mkdirSync(join(place, "data"));
    server = await serveFile(place, file, [TESTER]);
  });
  afterAll(() => server.stop());

  test("a share whose guests would be root is left out, and testparm says so", async () => {
    expect(await accessOf(server, GUEST, "guests")).toBe("absent");
    const { status, err } = run(["testparm", join(place, file)]);
    expect(status).toBe(2);
    expect(err).toContain(`${file}:7: 'guest account' is root, who may do everything`);
  });

  test("a guest of a share with 'force user = root' acts as root", async () => {
    const mount = await mountShare(server, GUEST, "forced");
    await createFile(mount, "made");
    mount.client.close();
    expect(statSync(join(place, "data/made")).uid).toBe(0);
  });

  test("a guest account that is root in [global] refuses the start", () => {
    writeFiles(join(place, "global"), { [file]: "[global]\nguest account = root\n" });
    const { status, err } = run(["serve", "-n", "-C", join(place, "global", file)]);
    expect(status).not.toBe(0);
    expect(err).toContain(`${file}:2: 'guest account' is root, who may do everything`);
  });
});
