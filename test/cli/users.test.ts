// The built executable's adduser, passwd, deluser, users and ksmbd.adduser.
import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE, run } from "./executable.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-cli-users-"));
const db = join(directory, "ksmbdpwd.db");
beforeEach(() => rmSync(db, { force: true }));
afterAll(() => rmSync(directory, { recursive: true }));

// MD4 of "secret" in UTF-16LE, from impacket's ntlm.compute_nthash.
const SECRET = `anna:${Buffer.from("878d8014606cda29677a44efa1353fc7", "hex").toString("base64")}\n`;

test("adduser writes the file in ksmbd's format", () => {
  expect(run(["adduser", "-P", db, "-p", "secret", "anna"])).toEqual({
    status: 0,
    out: "User 'anna' added\n",
    err: "",
  });
  expect(readFileSync(db, "utf8")).toBe(SECRET);
  expect(statSync(db).mode & 0o777).toBe(0o640);
});

test("the password may come from the environment, or twice from standard input", () => {
  expect(run(["adduser", "-P", db, "anna"], { env: { MINISMBD_PASSWORD: "secret" } }).status).toBe(0);
  expect(readFileSync(db, "utf8")).toBe(SECRET);
  rmSync(db);
  const typed = run(["adduser", "-P", db, "anna"], { input: "typo\nsecret\nsecret\nsecret\n" });
  expect(typed.err).toContain("The passwords differ");
  expect(typed.status).toBe(0);
  expect(readFileSync(db, "utf8")).toBe(SECRET);
});

test("adduser without a password changes nothing", () => {
  const refused = run(["adduser", "-P", db, "anna"], { input: "" });
  expect(refused.status).toBe(1);
  expect(refused.err).toEndWith("minismbd: no password was given, nothing was changed\n");
  expect(() => statSync(db)).toThrow();
});

test("adduser refuses an existing user, passwd and deluser a missing one", () => {
  expect(run(["passwd", "-P", db, "-p", "x", "anna"]).err).toBe(
    `minismbd: there is no user 'anna' in ${db}, use adduser to add one\n`,
  );
  expect(run(["adduser", "-P", db, "-p", "x", "anna"]).status).toBe(0);
  expect(run(["adduser", "-P", db, "-p", "x", "ANNA"]).err).toBe(
    `minismbd: user 'ANNA' is in ${db} already as 'anna': names have no case, use passwd to change the password\n`,
  );
  expect(run(["passwd", "-P", db, "-p", "secret", "Anna"]).out).toBe(
    "User 'anna', given as 'Anna', updated\n",
  );
  expect(readFileSync(db, "utf8")).toBe(SECRET);
  expect(run(["users", "-P", db]).out).toBe("anna\n");
  expect(run(["deluser", "-P", db, "anna"]).out).toBe("User 'anna' deleted\n");
  expect(run(["users", "-P", db]).out).toBe("");
  expect(run(["deluser", "-P", db, "anna"]).status).toBe(1);
});

test("ksmbd.adduser takes -a, -u, -d, no flag, and -V", () => {
  const tool = { as: "ksmbd.adduser" };
  expect(run(["-u", "-p", "x", "-P", db, "anna"], tool).status).toBe(1);
  expect(run(["-a", "-p", "x", "-P", db, "anna"], tool).status).toBe(0);
  expect(run(["-a", "-p", "x", "-P", db, "anna"], tool).status).toBe(1);
  expect(run(["--password=secret", `--pwddb=${db}`, "anna"], tool).status).toBe(0);
  expect(readFileSync(db, "utf8")).toBe(SECRET);
  expect(run(["-d", "-P", db, "anna"], tool).status).toBe(0);
  expect(run(["-a", "-d", "-P", db, "anna"], tool).err).toContain("exclude each other");
  expect(run(["-V"], tool).out).toMatch(/version : \S+/);
});

test("ksmbd.adduser tells names apart by case, as ksmbd-tools does; minismbd adduser takes them for a mistake", () => {
  const tool = { as: "ksmbd.adduser" };
  expect(run(["-a", "-p", "x", "-P", db, "anna"], tool).status).toBe(0);
  expect(run(["adduser", "-p", "x", "-P", db, "ANNA"]).status).toBe(1);
  expect(run(["-a", "-p", "x", "-P", db, "ANNA"], tool).status).toBe(0);
  expect(run(["users", "-P", db]).out).toBe("ANNA\nanna\n");
  expect(run(["-u", "-p", "x", "-P", db, "Anna"], tool).status).toBe(1);
  expect(run(["-d", "-P", db, "ANNA"], tool).status).toBe(0);
  expect(run(["users", "-P", db]).out).toBe("anna\n");
});

test.each([
  ["valid users", "anna @staff"],
  ["write list", "Anna"],
  ["read list", "bob, anna"],
])("a user that '%s' of a share names is not deleted", (key, value) => {
  const config = join(directory, "ksmbd.conf");
  writeFileSync(config, `[docs]\npath = /srv\n${key} = ${value}\n`);
  run(["-a", "-p", "x", "-P", db, "anna"], { as: "ksmbd.adduser" });
  for (const words of [
    ["ksmbd.adduser", "-d"],
    ["", "deluser"],
  ]) {
    const [as, verb = ""] = words;
    const refused = run([verb, "-P", db, "-C", config, "anna"], as ? { as } : {});
    expect(refused.err).toBe(
      `minismbd: 'anna' is in '${key}' of share [docs] in ${config}, take the name out there first\n`,
    );
    expect(refused.status).toBe(1);
  }
});

test("ksmbd.adduser does not delete the guest account", () => {
  const config = join(directory, "ksmbd.conf");
  writeFileSync(config, "[global]\nguest account = visitor\n");
  run(["-a", "-p", "x", "-P", db, "visitor"], { as: "ksmbd.adduser" });
  const refused = run(["-d", "-P", db, "-C", config, "visitor"], { as: "ksmbd.adduser" });
  expect(refused.err).toBe(`minismbd: 'visitor' is a guest account of ${config}, change that first\n`);
});

test.each([
  [["a:b"], "a user name must not have a colon"],
  [["x".repeat(48)], "a user name has at most 47 bytes"],
  [[], "one user name is needed"],
  [["a", "b"], "one user name is needed"],
  [["-p", "y".repeat(129), "a"], "a password has at most 128 bytes"],
])("adduser %j fails with a one-line message", (words, message) => {
  const { status, err, out } = run(["adduser", "-P", db, ...words]);
  expect([status, out]).toEqual([1, ""]);
  expect(err).toContain(message);
  expect(err.split("\n")).toHaveLength(2);
});

test("ksmbd.adduser says whether it has added or updated, and which spelling", () => {
  const tool = { as: "ksmbd.adduser" };
  expect(run(["-P", db, "-p", "x", "anna"], tool).out).toBe("User 'anna' added\n");
  expect(run(["-P", db, "-p", "secret", "anna"], tool).out).toBe("User 'anna' updated\n");
  expect(readFileSync(db, "utf8")).toBe(SECRET);
  expect(run(["passwd", "-P", db, "-p", "secret", "ANNA"]).out).toBe(
    "User 'anna', given as 'ANNA', updated\n",
  );
  expect(run(["-d", "-P", db, "anna"], tool).out).toBe("User 'anna' deleted\n");
});

test.each([
  ["a name", `-p x "$(printf 'caf\\351')"`, "a user name must be UTF-8"],
  ["a password", `-p "$(printf 'caf\\351')" anna`, "a password must be UTF-8"],
])("adduser refuses %s with bytes that are not UTF-8", (_what, words, message) => {
  const script = `exec "$0" adduser -P "$1" ${words}`;
  const { exitCode, stderr } = Bun.spawnSync(["/bin/sh", "-c", script, EXECUTABLE, db]);
  expect([exitCode, stderr.toString()]).toEqual([1, `minismbd: ${message}\n`]);
  expect(existsSync(db)).toBe(false);
});

test("adduser refuses a password from the environment or standard input that is not UTF-8", () => {
  const bytes = `"$(printf 'caf\\351')"`;
  const scripts = [
    `MINISMBD_PASSWORD=${bytes} exec "$0" adduser -P "$1" anna`,
    `printf '%s\\n%s\\n' ${bytes} ${bytes} | "$0" adduser -P "$1" anna`,
  ];
  for (const script of scripts) {
    const { exitCode, stderr } = Bun.spawnSync(["/bin/sh", "-c", script, EXECUTABLE, db]);
    expect(exitCode).toBe(1);
    expect(stderr.toString()).toEndWith("minismbd: a password must be UTF-8\n");
  }
  expect(existsSync(db)).toBe(false);
});

test("a corrupt file gives a one-line error and is not changed", () => {
  writeFileSync(db, "anna:oops\n");
  for (const words of [["adduser", "-p", "x", "bob"], ["users"], ["deluser", "anna"]]) {
    const { status, err } = run([...words, "-P", db]);
    expect(status).toBe(1);
    expect(err).toBe(
      `minismbd: ${db}:1: the hash of 'anna' is not the base64 of 16 bytes, ` +
        "take the line out and set the password again\n",
    );
  }
  expect(readFileSync(db, "utf8")).toBe("anna:oops\n");
});

test("concurrent writers lose no user", async () => {
  const names = Array.from({ length: 8 }, (_, i) => `user${i}`);
  const children = names.map((name) =>
    Bun.spawn([EXECUTABLE, "adduser", "-P", db, "-p", "x", name], { stdout: "ignore", stderr: "inherit" }),
  );
  expect(await Promise.all(children.map((child) => child.exited))).toEqual(names.map(() => 0));
  expect(run(["users", "-P", db]).out).toBe(names.map((name) => `${name}\n`).join(""));
});

test("with --json name and password come from standard input, and so does the answer's JSON", () => {
  const ask = (verb: string, input: unknown) => {
    const { status, out, err } = run([verb, "-P", db, "-C", "/nonexistent", "--json"], {
      input: typeof input === "string" ? input : JSON.stringify(input),
    });
    return { status, err, answer: JSON.parse(out) as unknown };
  };
  const done = { status: 0, err: "", answer: { items: [] } };
  // rpcd adds the caller's session.
  const anna = { user: "anna", password: "first", ubus_rpc_session: "0123456789abcdef" };
  expect(ask("adduser", anna)).toEqual(done);
  expect(ask("passwd", { ...anna, password: "secret" })).toEqual(done);
  expect(readFileSync(db, "utf8")).toBe(SECRET);
  expect(ask("adduser", anna)).toMatchObject({
    status: 1,
    answer: { error: expect.stringContaining("already") },
  });
  const refused = [
    [{ user: "bob" }, "standard input has no text 'password'"],
    [{ password: "x" }, "standard input has no text 'user'"],
    [{ user: 7, password: "x" }, "standard input has no text 'user'"],
    [{ user: "a:b", password: "x" }, expect.any(String)],
    ["[]", "standard input: this is no object of JSON"],
    ["{", "standard input: this is no object of JSON"],
    [" ".repeat(20_000), "standard input has more than 16 KiB"],
  ] as const;
  for (const [input, error] of refused)
    expect(ask("adduser", input)).toEqual({ status: 1, err: "", answer: { error } });
  expect(readFileSync(db, "utf8")).toBe(SECRET);
  expect(ask("deluser", { user: "anna" })).toEqual(done);
  expect(readFileSync(db, "utf8")).toBe("");
});

test("with --json neither an operand nor a password on the command line is taken", () => {
  for (const words of [["anna"], ["-p", "secret"]]) {
    const { out, status } = run(["adduser", "-P", db, "--json", ...words], { input: "{}" });
    expect([status, out]).toEqual([1, expect.stringContaining("from standard input alone")]);
  }
});
