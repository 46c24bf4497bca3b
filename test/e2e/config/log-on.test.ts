// `username map` and `ntlm auth`: by which names and in which way users log on.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import { run } from "../../cli/executable.ts";
import { makeDirectory, removeDirectory, TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { tryLogOn } from "../client/attack-rig.ts";
import { accessOf } from "../client/config-rig.ts";
import { startServer } from "../client/server.ts";

const base = makeDirectory("minismbd-log-on");
const map = join(base, "users.map");
afterAll(() => removeDirectory(base));

describe("username map", () => {
  let server: TestServer;
  beforeAll(async () => {
    writeFileSync(
      map,
      `# a comment\n!${TESTER.user} = administrator "Anna Example" @no-such-group\n${TESTER2.user} = bob\n; off = x\nbroken\n`,
    );
    const parameters = { "valid users": TESTER.user, "read only": "no" };
    server = await startServer({
      parameters: { "username map": map },
      shares: [{ name: "test", parameters }],
    });
  });
  afterAll(() => server.stop());

  const as = (user: string, { password } = TESTER) => accessOf(server, { user, password }, "test");

  test("a client logs on by each name of the line, with the user's password and rights", async () => {
    for (const name of ["administrator", "ADMINISTRATOR", "Anna Example", TESTER.user])
      expect(await as(name)).toBe("write");
    expect(await as("bob", TESTER2)).toBe("refused");
  });

  test("another name, or another user's password, is refused", async () => {
    expect(await tryLogOn(server, { user: "anna", password: TESTER.password })).toBe(Status.LOGON_FAILURE);
    expect(await tryLogOn(server, { user: "bob", password: TESTER.password })).toBe(Status.LOGON_FAILURE);
  });
});

describe("ntlm auth", () => {
  let server: TestServer | undefined;
  afterEach(() => server?.stop());

  test("disabled: a right password by NTLM is refused", async () => {
    server = await startServer({ parameters: { "ntlm auth": "disabled", "kerberos support": "yes" } });
    // SPNEGO ends without a mechanism in common.
    expect(await tryLogOn(server, TESTER)).toBe(Status.INVALID_PARAMETER);
    expect(await tryLogOn(server, { ...TESTER, isRaw: true })).toBe(Status.LOGON_FAILURE);
  });

  test("the spellings of NTLMv1 mean NTLMv2, with a word", async () => {
    server = await startServer({ parameters: { "ntlm auth": "yes" } });
    expect(await accessOf(server, TESTER, "test")).toBe("write");
    expect(server.log()).toContain("NTLMv1 is never accepted");
  });

  test("disabled without Kerberos refuses to start", () => {
    const file = join(base, "smb.conf");
    writeFileSync(file, "[global]\nntlm auth = disabled\n");
    const { status, err } = run(["testparm", file]);
    expect([status, err]).toEqual([1, expect.stringContaining("smb.conf:2: 'ntlm auth = disabled' needs")]);
    server = undefined;
  });
});
