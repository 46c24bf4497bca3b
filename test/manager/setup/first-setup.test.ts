// The first set-up of a board: what a power cut leaves, and what a further run does.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfiguration } from "../../../src/manager/config/load.ts";
import { makePassword, setUp, type SetupPlan } from "../../../src/manager/setup/first-setup.ts";
import { readSetupRecord, setupFileOf } from "../../../src/manager/setup/setup-record.ts";
import { ntHash } from "../../../src/manager/users/nt-hash.ts";
import { readPasswordFile, updatePasswordFile } from "../../../src/manager/users/password-file.ts";

const base = mkdtempSync(join(tmpdir(), "minismbd-setup-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
function makePlan(changes: Partial<SetupPlan> = {}): { directory: string; plan: SetupPlan } {
  const directory = join(base, String(count++));
  mkdirSync(directory);
  const plan = {
    configFile: join(directory, "ksmbd.conf"),
    passwordFile: join(directory, "ksmbdpwd.db"),
    user: "smb",
    hasShares: true,
    guests: false,
    notices: [join(directory, "minismbd.txt")],
    random: (bytes: number) => randomBytes(bytes),
    ...changes,
  };
  return { directory, plan };
}

function contents(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), "utf8")]),
  );
}

test("one run makes user, SID, shares and notice, and a further one changes nothing", () => {
  const { directory, plan } = makePlan();
  const outcome = setUp(plan);
  if (outcome.state !== "complete") throw new Error(outcome.state);
  const { password } = outcome.record;
  expect(readPasswordFile(plan.passwordFile)).toEqual(new Map([["smb", ntHash(password)]]));
  const { volumes, settings } = loadConfiguration({ file: plan.configFile });
  expect(volumes?.readOnly).toBe(false);
  expect(volumes?.guestOk).toBe(false);
  expect(volumes?.validUsers?.lists("smb")).toBe(true);
  expect(settings.mapToGuest).toBe("never");
  const before = contents(directory);
  expect(Object.keys(before)).toEqual([
    "ksmbd.conf",
    "ksmbd.setup",
    "ksmbd.subauth",
    "ksmbdpwd.db",
    "minismbd.txt",
  ]);
  expect(before["minismbd.txt"]).toContain(`Password: ${password}\r\n`);
  expect(setUp(plan)).toEqual({ state: "pending", record: outcome.record });
  expect(contents(directory)).toEqual(before);
});

test("with a web page the user may log on to it, and is an ordinary user of the shares", () => {
  const { plan } = makePlan({ webPort: 8443 });
  setUp(plan);
  const { volumes, web, webAdministrators } = loadConfiguration({ file: plan.configFile });
  expect([web.port, webAdministrators.lists("smb"), volumes?.adminUsers.lists("smb")]).toEqual([
    8443,
    true,
    false,
  ]);
  const alone = makePlan({ webPort: 8443, hasShares: false });
  setUp(alone.plan);
  const without = loadConfiguration({ file: alone.plan.configFile });
  expect([without.web.port, without.webAdministrators.lists("smb"), without.volumes]).toEqual([
    8443,
    true,
    null,
  ]);
});

test("a run that is killed at any of its steps leaves nothing, or what the next run completes to one account", () => {
  const script = join(import.meta.dir, "kill-at.ts");
  let step = 0;
  for (let isKilled = true; isKilled; step++) {
    const { directory, plan } = makePlan();
    const { signalCode } = Bun.spawnSync([process.execPath, script, directory, String(step)]);
    isKilled = signalCode === "SIGKILL";
    const left = contents(directory);
    const recorded = readSetupRecord(setupFileOf(plan.passwordFile));
    if (recorded === undefined) expect(left).toEqual({});
    const shown = /Password: (\S+)/.exec(left["minismbd.txt"] ?? "")?.[1];
    // Whoever can read the password can log on with it.
    if (shown !== undefined) expect(readPasswordFile(plan.passwordFile).get("smb")).toBe(ntHash(shown));
    const outcome = setUp(plan);
    if (outcome.state !== "complete" && outcome.state !== "pending") throw new Error(outcome.state);
    expect(outcome.record.password).toBe(recorded?.password ?? outcome.record.password);
    expect(shown ?? outcome.record.password).toBe(outcome.record.password);
    expect(readPasswordFile(plan.passwordFile).get("smb")).toBe(ntHash(outcome.record.password));
    expect(readFileSync(join(directory, "ksmbd.subauth"), "utf8")).toBe(`${outcome.record.subauth}\n`);
    expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }
  // Record, SID, users, configuration, notice, record; then the run that comes to its end.
  expect(step).toBe(7);
}, 60_000);

test("where an administrator has made a user, nothing is changed", () => {
  const { directory, plan } = makePlan();
  updatePasswordFile(plan.passwordFile, (table) => table.set("anna", ntHash("secret")));
  const before = contents(directory);
  expect(setUp(plan)).toEqual({ state: "by hand" });
  expect(contents(directory)).toEqual(before);
});

test("a changed password withdraws the notice, and a deleted user is not made again", () => {
  for (const change of [
    (table: Map<string, string>) => table.set("smb", ntHash("mine")),
    (table: Map<string, string>) => table.delete("smb"),
  ]) {
    const { directory, plan } = makePlan();
    setUp(plan);
    updatePasswordFile(plan.passwordFile, (table) => void change(table));
    const users = readFileSync(plan.passwordFile, "utf8");
    expect(setUp(plan)).toEqual({ state: "done", fault: undefined });
    expect(setUp(plan)).toEqual({ state: "done" });
    expect(readdirSync(directory).sort()).toEqual([
      "ksmbd.conf",
      "ksmbd.setup-done",
      "ksmbd.subauth",
      "ksmbdpwd.db",
    ]);
    expect(readFileSync(join(directory, "ksmbd.setup-done"), "utf8")).toContain('"password":""');
    expect(readFileSync(plan.passwordFile, "utf8")).toBe(users);
  }
});

test("guests read only where they are asked for, and the administrator's shares stay", () => {
  const { plan } = makePlan({ guests: true });
  writeFileSync(plan.configFile, "[docs]\n\tpath = /srv/docs\n");
  setUp(plan);
  const { volumes, settings } = loadConfiguration({ file: plan.configFile });
  expect([volumes?.readOnly, volumes?.guestOk, settings.mapToGuest]).toEqual([true, true, "bad-user"]);
  expect(volumes?.writeList?.lists("smb")).toBe(true);
  expect(readFileSync(plan.configFile, "utf8")).toStartWith("[docs]\n\tpath = /srv/docs\n");
});

test("a notice that cannot be written does not keep the account from being made", () => {
  const { plan, directory } = makePlan({ notices: [join(base, "missing", "minismbd.txt")] });
  const outcome = setUp(plan);
  if (outcome.state !== "complete") throw new Error(outcome.state);
  expect(outcome.faults).toEqual([expect.stringContaining("ENOENT")]);
  expect(readdirSync(directory)).toContain("ksmbdpwd.db");
});

test("a record that is damaged is refused, and nothing is changed", () => {
  const { plan, directory } = makePlan();
  for (const text of ["", "{}", '{"user":"a:b"}', "null", "x".repeat(20_000)]) {
    writeFileSync(setupFileOf(plan.passwordFile), text);
    expect(() => setUp(plan)).toThrow("it is damaged, remove it");
  }
  expect(readdirSync(directory)).toEqual(["ksmbd.setup"]);
});

test("a password has four groups of characters that cannot be mistaken for another", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const password = makePassword((bytes) => randomBytes(bytes));
    expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/);
    for (const character of password.replaceAll("-", "")) seen.add(character);
  }
  expect(seen.size).toBe(31);
});
