// Secrets that must not leak, and configurations that must not fail open. ksmbd.conf(5), ksmbdpwd.db(5).
import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Status } from "../../../src/wire/status.ts";
import {
  findFreePort,
  isListening,
  makeDirectory,
  readIfPresent,
  removeDirectory,
  TESTER,
  type TestServer,
} from "../../peer/test-server.ts";
import { RawClient } from "../client/raw-client.ts";
import { mountShare } from "../client/raw-files.ts";
import { EXECUTABLE, findFault, formatPasswordDatabase, startServer } from "../client/server.ts";
import { expectOutcome, expectServing, mountTest, outcomeOf, tryLogOn } from "../client/attack-rig.ts";

const place = makeDirectory("minismbd-configuration");
afterAll(() => removeDirectory(place));

interface Attempt {
  readonly status: number | null;
  readonly output: string;
  /** True where it listened on its port; it was then ended with SIGTERM. */
  readonly isServing: boolean;
}

/** Runs `serve` with these files until it ends or listens. */
async function tryServe(
  configuration: string,
  passwords = formatPasswordDatabase([TESTER]),
): Promise<Attempt> {
  const conf = join(place, "minismbd.conf");
  const database = join(place, "ksmbdpwd.db");
  writeFileSync(conf, configuration);
  writeFileSync(database, passwords, { mode: 0o600 });
  const port = await findFreePort();
  const child = Bun.spawn([EXECUTABLE, "serve", "-C", conf, "-P", database, "-n", "-p", String(port)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  let isServing = false;
  while (child.exitCode === null && !isServing) {
    isServing = await isListening("127.0.0.1", port);
    await Bun.sleep(20);
  }
  if (isServing) child.kill("SIGTERM");
  await child.exited;
  return { status: child.exitCode, output: (await output).join(""), isServing };
}

function configuration(globals: string, share = ""): string {
  return `[global]\nbind interfaces only = yes\ninterfaces = 127.0.0.1\n${globals}\n[test]\npath = ${place}\n${share}\n`;
}

function expectClearRefusal({ status, output, isServing }: Attempt, mention: RegExp): void {
  expect(isServing).toBe(false);
  expect(status).toBe(1);
  expect(output).toMatch(mention);
  expect(findFault(output)).toBeUndefined();
  expect(output.trim().split("\n").length).toBeLessThanOrEqual(3);
}

describe("configurations that must not fail open", () => {
  test.each([
    ["server signing", "mandatroy"],
    ["smb3 encryption", "requred"],
    ["map to guest", "bad usr"],
    ["server min protocol", "SMB4"],
    ["crypto provider", "none"],
  ])("the server does not start with an unknown value of `%s`", async (name, value) => {
    expectClearRefusal(await tryServe(configuration(`${name} = ${value}`)), new RegExp(name));
  });

  test("the server does not start with a malformed password file or configuration, and names the line", async () => {
    for (const line of ["tester\n", "tester:abc\n", "tester:!!!!\n", ":AAAAAAAAAAAAAAAAAAAAAA==\n"]) {
      const attempt = await tryServe(configuration(""), line);
      expectClearRefusal(attempt, /ksmbdpwd\.db:1/);
      expect(attempt.output).not.toContain("AAAA");
    }
    const attempt = await tryServe(configuration("").replace("[test]", "[test"));
    expectClearRefusal(attempt, /minismbd\.conf:\d+/);
  });

  test("a server whose port is taken ends with an error that names it", async () => {
    const first = await startServer();
    const child = Bun.spawn(
      [
        EXECUTABLE,
        "serve",
        "-C",
        join(first.directory, "minismbd.conf"),
        "-P",
        join(first.directory, "ksmbdpwd.db"),
        "-n",
        "-p",
        String(first.port),
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const text = (await new Response(child.stderr).text()) + (await new Response(child.stdout).text());
    await child.exited;
    expectClearRefusal(
      { status: child.exitCode, output: text, isServing: false },
      new RegExp(String(first.port)),
    );
    await expectServing(first);
    await first.stop();
  });

  test.each([
    ["valid users = @no-such-group"],
    ["valid users = no-such-user"],
    ["valid users = %S-no-such"],
    [`invalid users = ${TESTER.user}`],
    ["valid users = +no-such-group, &also-none"],
    ["hosts deny = 127.0.0.1"],
  ])("`%s` gives nobody access", refusesEverybody);

  // A server that is not root cannot act as another user.
  test.skipIf(process.getuid?.() !== 0)("`force user = no-such-user` gives nobody access", () =>
    refusesEverybody("force user = no-such-user"),
  );

  async function refusesEverybody(line: string): Promise<void> {
    const [name = "", value = ""] = line.split(" = ");
    const server = await startServer({ shares: [{ name: "test", parameters: { [name]: value } }] });
    const outcome = await outcomeOf(mountTest(server));
    expectOutcome(outcome, Status.ACCESS_DENIED, Status.BAD_NETWORK_NAME, "closed");
    await server.stop();
  }

  test("a client that creates a file on a read-only share gets STATUS_ACCESS_DENIED", async () => {
    const server = await startServer({ shares: [{ name: "test", parameters: { "read only": "yes" } }] });
    expectOutcome(await outcomeOf(expectServing(server)), Status.ACCESS_DENIED);
    await server.stop();
  });

  test("a share whose path is missing is refused, and a symlink made there later does no harm", async () => {
    const secret = join(place, "private");
    mkdirSync(secret, { recursive: true });
    writeFileSync(join(secret, "secret"), "x");
    const path = join(place, "late");
    const server = await startServer({ shares: [{ name: "test" }, { name: "late", path }] });
    expectOutcome(
      await outcomeOf(mountShare(server, TESTER, "late")),
      Status.BAD_NETWORK_NAME,
      Status.ACCESS_DENIED,
    );
    symlinkSync(secret, path);
    // An administrator may share a symlink; the server must not crash or serve another folder than its
    // target.
    const outcome = await outcomeOf(mountShare(server, TESTER, "late"));
    expectOutcome(outcome, Status.SUCCESS, Status.BAD_NETWORK_NAME, Status.ACCESS_DENIED);
    await expectServing(server);
    await server.stop();
    rmSync(path);
  });
});

describe("secrets", () => {
  test("no password, hash or key is in the log of level debug, the arguments or the environment", async () => {
    const server = await startServer({ parameters: { "log level": "debug" } });
    const mounts = [await mountTest(server), await mountTest(server, { protection: "sealed" })];
    await tryLogOn(server, { ...TESTER, password: "a wrong secret" });
    const hash = new Bun.CryptoHasher("md4").update(Buffer.from(TESTER.password, "utf16le")).digest();
    const secrets = [
      TESTER.password,
      "a wrong secret",
      hash.toString("hex"),
      hash.toString("base64"),
      ...mounts.flatMap(({ session }) =>
        Object.values(session.keys).map((key) => Buffer.from(key).toString("hex")),
      ),
    ];
    const seen = [
      server.log(),
      readIfPresent(`/proc/${server.pid}/cmdline`),
      readIfPresent(`/proc/${server.pid}/environ`),
    ];
    expect(server.log()).not.toBe("");
    for (const secret of secrets)
      for (const text of seen) expect(text.toLowerCase()).not.toContain(secret.toLowerCase());
    for (const { client } of mounts) client.close();
    expectNoLeftovers(server);
    await server.stop();
  });

  test("adduser makes a password file that others cannot read, and leaves no temporary file", async () => {
    const conf = join(place, "adduser.conf");
    const database = join(place, "made", "ksmbdpwd.db");
    mkdirSync(join(place, "made"));
    chmodSync(join(place, "made"), 0o755);
    writeFileSync(conf, "[global]\n");
    const child = Bun.spawn(
      [EXECUTABLE, "adduser", "-C", conf, "-P", database, "-a", "-p", "some-password", "somebody"],
      {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const output = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
    await child.exited;
    expect(output).not.toContain("some-password");
    expect(child.exitCode).toBe(0);
    expect(statSync(database).mode & 0o037).toBe(0);
    expect(readFileSync(database, "utf8")).toStartWith("somebody:");
    expect(readdirSync(join(place, "made")).filter((name) => !name.includes("lock"))).toEqual([
      "ksmbdpwd.db",
    ]);
  });

  test("a failed log-on gets the same status for an unknown user and a wrong password", async () => {
    const server = await startServer();
    const answers = new Set<string>();
    for (const user of [
      { ...TESTER, password: "wrong" },
      { user: "nobody", password: "wrong" },
    ]) {
      const client = await RawClient.connect(server);
      await client.negotiate();
      answers.add(String(await outcomeOf(client.logOn(user))));
      client.close();
    }
    expect([...answers]).toEqual([String(Status.LOGON_FAILURE)]);
    await server.stop();
  });
});

/** Expects nothing in the server's folder but what the test put there, locks and pid files. */
function expectNoLeftovers(server: TestServer): void {
  const expected = ["ksmbdpwd.db", "log", "minismbd.conf", "shares"];
  expect(
    readdirSync(server.directory)
      .filter((name) => !/\.lock$|\.pid$/.test(name))
      .sort(),
  ).toEqual(expected);
}
