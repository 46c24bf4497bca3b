// Guests are never root: a share whose guest account is root is not served, one with 'force user = root' is.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../cli/executable.ts";
import { makeDirectory, removeDirectory, TESTER, type User } from "../../peer/test-server.ts";
import { accessOf, type Permitted, serveFile, type Served, writeFiles } from "../client/config-rig.ts";
import type { LogOnOptions } from "../client/raw-calls.ts";
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

  test("a guest account that is root in [global] lets users in, and guests only where 'force user' says whose rights they have", async () => {
    const path = `path = ${place}/data\nread only = no\nguest ok = yes\n`;
    const globals = "[global]\nmap to guest = bad user\nguest account = root\n";
    writeFiles(join(place, "global"), {
      [file]: `${globals}[usual]\n${path}[only]\n${path}guest only = yes\n[forced]\n${path}force user = root\n`,
    });
    chmodSync(join(place, "data"), 0o777);
    const served = await serveFile(join(place, "global"), file, [TESTER]);
    const anonymous = { user: "", password: "", isAnonymous: true };
    const gets = async (user: LogOnOptions): Promise<Permitted[]> => [
      await accessOf(served, user, "usual"),
      await accessOf(served, user, "only"),
      await accessOf(served, user, "forced"),
    ];
    expect(await gets(GUEST)).toEqual(["refused", "refused", "write"]);
    expect(await gets(anonymous)).toEqual(["refused", "refused", "write"]);
    expect(await gets(TESTER)).toEqual(["write", "refused", "write"]);
    await served.stop();
    expect(served.output()).toContain(
      `${file}:3: 'guest account' is root, who may do everything: [usual], [only] let no guest in, ` +
        "write 'guest account = nobody', or 'force user = root' in a share that is root's for all",
    );
  });
});
