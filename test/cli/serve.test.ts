// The built executable's serve, ksmbd.mountd, ksmbd.control, testparm and version, with smbclient as the
// client.
import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, startServer } from "./executable.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-cli-serve-"));
chmodSync(directory, 0o755);
const config = join(directory, "ksmbd.conf");
const db = join(directory, "ksmbdpwd.db");
const docs = join(directory, "docs");
const lock = join(directory, "ksmbd.lock");
const FILES = ["-C", config, "-P", db];
const hasClient = Bun.which("smbclient") !== null;

beforeEach(() => {
  rmSync(docs, { recursive: true, force: true });
  mkdirSync(docs);
  // For everybody: the machine may have an account of a user's name.
  chmodSync(docs, 0o777);
  for (const file of [config, db, lock]) rmSync(file, { force: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

function smbclient(port: number, share: string, user: string, password: string, command: string) {
  const target = command === "-L" ? ["-L", "127.0.0.1"] : [`//127.0.0.1/${share}`, "-c", command];
  const result = Bun.spawnSync(["smbclient", ...target, "-p", String(port), "-U", user], {
    env: { PATH: process.env.PATH ?? "", PASSWD: password },
    stdout: "pipe",
    stderr: "pipe",
  });
  return { status: result.exitCode, out: result.stdout.toString() + result.stderr.toString() };
}

test("version and help are printed", () => {
  const version = (
    JSON.parse(readFileSync(join(import.meta.dir, "../../package.json"), "utf8")) as { version: string }
  ).version;
  expect(run(["version"]).out).toStartWith(`minismbd ${version}`);
  expect(run(["--version"]).out).toBe(run(["version"]).out);
  expect(run([]).out).toContain("Usage: minismbd COMMAND");
  expect(run(["-V"], { as: "ksmbd.mountd" }).out).toMatch(/version : \S+/);
  for (const verb of ["serve", "adduser", "passwd", "deluser", "users", "testparm"]) {
    const { status, out } = run([verb, "--help"]);
    expect(status).toBe(0);
    expect(out).toStartWith(`Usage: minismbd ${verb}`);
  }
});

test.each([
  [["frobnicate"], "there is no command 'frobnicate', see minismbd help"],
  [["serve", "--frob"], "unknown option --frob, see --help"],
  [["serve", "extra"], "'extra' is not an option of serve, see serve --help"],
  [["serve", "--share", "docs"], "--share 'docs' is not NAME=PATH"],
  [["serve", "--share", "docs=/no/such"], "--share: there is no folder /no/such, make it or name another"],
  [["serve", "--share", "docs=/etc/passwd"], "--share: /etc/passwd is not a folder, name one"],
  [["serve", "--share", "docs=/tmp", "-p", "70000"], "'70000' is not a port, write 1 to 65535"],
  [["serve", "--share", "docs=/tmp", "--user", "a\tb:x"], "--user: a user name must be printable"],
  [
    ["serve", "--share", "docs=/tmp", "-o", "server signing = sometimes"],
    "--option: 'sometimes' is not a value of",
  ],
  [
    ["serve", "-C", "/no/such.conf"],
    "/no/such.conf: there is no such configuration file, name another with -C",
  ],
])("%j fails with a one-line message and status 1", (words, message) => {
  const { status, out, err } = run(words);
  expect([status, out]).toEqual([1, ""]);
  expect(err).toStartWith(`minismbd: ${message}`);
  expect(err.split("\n")).toHaveLength(2);
});

test("serve fails on an invalid configuration or password file", () => {
  writeFileSync(config, "[global\n");
  expect(run(["serve", ...FILES]).err).toBe(
    `minismbd: ${config}:1: '[global' is not a section, write [NAME]\n`,
  );
  writeFileSync(config, `[docs]\npath = ${docs}\n`);
  writeFileSync(db, "garbage\n");
  const { status, err } = run(["serve", ...FILES]);
  expect(status).toBe(1);
  expect(err).toBe(`minismbd: ${db}:1: not USER:HASH, take the line out or set the password again\n`);
});

test("serve fails on a port in use", () => {
  const other = Bun.listen({ hostname: "::", port: 0, socket: { data() {} } });
  const { status, err } = run([
    "serve",
    "--share",
    `docs=${docs}`,
    "--user",
    "anna:x",
    "-p",
    String(other.port),
  ]);
  other.stop(true);
  expect(status).toBe(1);
  expect(err).toStartWith("minismbd: ");
  expect(err).toContain(String(other.port));
  expect(err.split("\n")).toHaveLength(2);
});

test.skipIf(!hasClient)(
  "serve --share --user lists, writes, reads, and refuses wrong names and passwords",
  async () => {
    const server = await startServer([
      "serve",
      "--share",
      `docs=${docs}`,
      "--user",
      "anna:secret",
      "-p",
      "0",
    ]);
    try {
      expect(smbclient(server.port, "", "anna", "secret", "-L").out).toMatch(/docs\s+Disk[\s\S]*IPC\$\s+IPC/);
      const put = smbclient(server.port, "docs", "anna", "secret", `put ${import.meta.path} file.ts`);
      expect(put.status).toBe(0);
      expect(readFileSync(join(docs, "file.ts"))).toEqual(readFileSync(import.meta.path));
      expect(smbclient(server.port, "docs", "anna", "wrong", "ls").out).toContain("NT_STATUS_LOGON_FAILURE");
      expect(smbclient(server.port, "docs", "eve", "secret", "ls").out).toContain("NT_STATUS_LOGON_FAILURE");
      expect(smbclient(server.port, "nope", "anna", "secret", "ls").out).toContain(
        "NT_STATUS_BAD_NETWORK_NAME",
      );
      await server.waitFor("log-on of 'eve'");
      expect(server.output()).not.toContain("secret");
    } finally {
      expect(await server.stop()).toBe(0);
    }
  },
);

test.skipIf(!hasClient)(
  "a connection above a share's max connections gets STATUS_REQUEST_NOT_ACCEPTED; [MS-SMB2] 3.3.5.7",
  async () => {
    writeFileSync(
      config,
      `[global]\ntcp port = 0\n[docs]\npath = ${docs}\nread only = no\nmax connections = 1\n[user:anna]\npassword = x\n`,
    );
    const server = await startServer(["serve", ...FILES]);
    const words = ["smbclient", "//127.0.0.1/docs", "-p", String(server.port), "-U", "anna%x"];
    const ready = join(docs, "connected");
    const first = Bun.spawn(words, { stdin: "pipe", stdout: "ignore", stderr: "ignore" });
    first.stdin.write("mkdir connected\n");
    await first.stdin.flush();
    try {
      for (let i = 0; i < 100 && !existsSync(ready); i++) await Bun.sleep(20);
      expect(smbclient(server.port, "docs", "anna", "x", "ls").out).toContain(
        "NT_STATUS_REQUEST_NOT_ACCEPTED",
      );
      first.kill("SIGKILL");
      await first.exited;
      await server.waitFor("logged off");
      expect(smbclient(server.port, "docs", "anna", "x", "ls").status).toBe(0);
    } finally {
      first.kill("SIGKILL");
      expect(await server.stop()).toBe(0);
    }
  },
);

test("a random password is printed once; one from the environment is not printed", async () => {
  const words = ["serve", "--share", `docs=${docs}`, "--user", "anna", "-p", "0"];
  const random = await startServer(words);
  expect(random.output()).toMatch(/the password of anna is [A-Za-z2-9]{16}\n/);
  expect(await random.stop()).toBe(0);
  const given = await startServer(words, { env: { MINISMBD_PASSWORD: "fromenvironment" } });
  expect(given.output()).not.toContain("password of anna");
  expect(given.output()).not.toContain("fromenvironment");
  expect(await given.stop()).toBe(0);
});

test.skipIf(!hasClient)(
  "quick start creates a folder and a lasting user, and prints lines to paste",
  async () => {
    const start = () => startServer(["serve", "--quick-start", "-p", "0"], { cwd: directory });
    const first = await start();
    await first.waitFor("Ctrl-C");
    const password = /Password (\S+)/.exec(first.output())?.[1] ?? "";
    expect(statSync(join(directory, "share")).isDirectory()).toBe(true);
    expect(statSync(join(directory, ".minismbd-user")).mode & 0o777).toBe(0o600);
    expect(smbclient(first.port, "share", "smb", password, `put ${import.meta.path} x; ls`).status).toBe(0);
    for (const line of [
      `PASSWD='${password}' smbclient //`,
      `/share -p ${first.port} -U smb`,
      "net use Z: \\\\",
      "smb://smb@",
      "sudo mount -t cifs //",
    ])
      expect(first.output()).toContain(line);
    expect(await first.stop()).toBe(0);
    const second = await start();
    await second.waitFor("Ctrl-C");
    expect(second.output()).toContain(`Password ${password} `);
    expect(await second.stop()).toBe(0);
  },
);

test.skipIf(!hasClient)(
  "SIGHUP loads new shares and users; an invalid configuration changes nothing",
  async () => {
    const share = `[docs]\npath = ${docs}\n`;
    writeFileSync(config, `[global]\ntcp port = 0\n${share}`);
    run(["adduser", "-P", db, "-p", "secret", "anna"]);
    const server = await startServer(["serve", ...FILES]);
    try {
      expect(smbclient(server.port, "more", "anna", "secret", "ls").out).toContain(
        "NT_STATUS_BAD_NETWORK_NAME",
      );
      writeFileSync(config, `[global]\ntcp port = 0\n${share}[more]\npath = ${docs}\nworkgruop = x\n`);
      server.signal("SIGHUP");
      await server.waitFor("did you mean 'workgroup'?");
      expect(smbclient(server.port, "more", "anna", "secret", "ls").status).toBe(0);
      writeFileSync(config, "[global]\nread only = perhaps\n[more]\npath = /\n");
      server.signal("SIGHUP");
      await server.waitFor("the configuration stays as it was");
      expect(smbclient(server.port, "more", "anna", "secret", "ls").status).toBe(0);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  },
);

test("ksmbd.mountd --n in the foreground takes and releases the lock", async () => {
  writeFileSync(config, `[global]\ntcp port = 0\n[docs]\npath = ${docs}\n`);
  const words = ["--n", ...FILES, "--lock", lock];
  writeFileSync(lock, "999999999\n");
  const server = await startServer(words, { as: "ksmbd.mountd" });
  expect(readFileSync(lock, "utf8")).toBe(`${server.pid}\n`);
  const second = run(words, { as: "ksmbd.mountd" });
  expect(second.err).toBe(`minismbd: ${lock}: another server runs (process ${server.pid}), stop it first\n`);
  expect(second.status).toBe(1);
  expect(await server.stop()).toBe(0);
  expect(existsSync(lock)).toBe(false);
});

test("ksmbd.mountd goes to the background once it serves, or fails with a message", async () => {
  writeFileSync(config, `[global]\ntcp port = 0\n[docs]\npath = ${docs}\n`);
  const words = [...FILES, "--lock", lock];
  expect(run(words, { as: "ksmbd.mountd" })).toEqual({ status: 0, out: "", err: "" });
  const pid = Number(readFileSync(lock, "utf8"));
  // The pipes to the starting process are closed by now: writing to them must not end the server.
  for (let i = 0; i < 3; i++) {
    process.kill(pid, "SIGHUP");
    await Bun.sleep(100);
  }
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  process.kill(pid, "SIGTERM");
  for (let i = 0; i < 100 && existsSync(lock); i++) await Bun.sleep(50);
  expect(existsSync(lock)).toBe(false);
  writeFileSync(config, "[global]\nserver signing = x\n");
  const failed = run(words, { as: "ksmbd.mountd" });
  expect(failed.status).toBe(1);
  expect(failed.err).toContain("'x' is not a value of 'server signing'");
});

test("ksmbd.control prints its version, and refuses what it does not know", () => {
  expect(run([], { as: "ksmbd.control" }).err).toBe("minismbd: nothing to do, see ksmbd.control --help\n");
  expect(run(["-x"], { as: "ksmbd.control" }).status).toBe(1);
  expect(run(["-c"], { as: "ksmbd.control" }).out).toMatch(/version : \S+/);
});

test("testparm prints the parameters that are set, warns, and fails where the server would", () => {
  writeFileSync(
    config,
    `[global]\nworkgroup = HOME\nsocket options = X\n[docs]\npath = ${docs}\nwritable = yes\n[gone]\npath = /no/such\n` +
      "[user:anna]\npassword = secret\n",
  );
  const { status, out, err } = run(["testparm", "-s", config]);
  expect(status).toBe(0);
  expect(out).toBe(
    `[global]\n\tworkgroup = HOME\n\n[docs]\n\tpath = ${docs}\n\tread only = no\n\n[gone]\n\tpath = /no/such\n\n[user:anna]\n\n`,
  );
  expect(err).toContain(`note: ${config}:3: 'socket options' has no effect: the server sets`);
  expect(err).toContain(`warning: ${config}:8: share [gone]: /no/such does not exist\n`);
  expect(err).not.toContain("secret");
  expect(run(["testparm", "-v", config]).out).toContain("\tserver min protocol = SMB2_02\n");
  expect(run(["testparm", "--parameter-name", "server signing", config]).out).toBe("auto\n");
  expect(run(["testparm", "--section-name=docs", "--parameter-name=browsable", config]).out).toBe("yes\n");
  writeFileSync(config, "[global]\nguest ok = perhaps\n");
  const refused = run(["testparm", config]);
  expect(refused.status).toBe(1);
  expect(refused.err).toBe(
    `minismbd: ${config}:2: 'perhaps' is not a value of 'guest ok', write yes or no\n`,
  );
});
