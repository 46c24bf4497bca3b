// The first run on the web page, after `minismbd setup`.
import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfiguration } from "../../../src/manager/config/load.ts";
import { setUp } from "../../../src/manager/setup/first-setup.ts";
import { setUpFromPage } from "../../../src/manager/setup/page-setup.ts";
import { readSetupRecord, setupFileOf } from "../../../src/manager/setup/setup-record.ts";
import { ntHash } from "../../../src/manager/users/nt-hash.ts";
import { readPasswordFile } from "../../../src/manager/users/password-file.ts";

const root = mkdtempSync(join(tmpdir(), "minismbd-page-setup-"));
afterAll(() => rmSync(root, { recursive: true }));

let number = 0;
let directory: string;
beforeEach(() => {
  directory = join(root, String(number++));
  mkdirSync(join(directory, "files"), { recursive: true });
});

const at = (name: string): string => join(directory, name);
const files = () => ({ file: at("ksmbd.conf"), overrides: [], passwordFile: at("ksmbdpwd.db") });
const hash = ntHash("Tulip-Bulb-3");
const request = (code: string, more = {}) => ({ files: files(), code, user: "anna", hash, ...more });

/** Runs `minismbd setup`; returns the password that it shows. */
function firstSetup(text = "# mine\n"): string {
  writeFileSync(at("ksmbd.conf"), text);
  const outcome = setUp({
    configFile: at("ksmbd.conf"),
    passwordFile: at("ksmbdpwd.db"),
    user: "smb",
    hasShares: true,
    directory: { share: "files", path: at("files") },
    guests: false,
    notices: [at("minismbd.txt")],
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  });
  if (outcome.state !== "complete") throw new Error(outcome.state);
  return outcome.record.password;
}

test("the code makes the caller the administrator, in the place of the first account", () => {
  const code = firstSetup();
  mkdirSync(at("photos"));
  const typed = code.toUpperCase().replaceAll("-", " ");
  const share = { name: "Photos", path: at("photos") };
  expect(setUpFromPage(request(typed, { share }))).toBeUndefined();
  expect([...readPasswordFile(at("ksmbdpwd.db"))]).toEqual([["anna", hash]]);
  const { shares, volumes, webAdministrators } = loadConfiguration({ file: at("ksmbd.conf") });
  expect(webAdministrators.written).toEqual(["anna"]);
  for (const rules of [shares.get("files"), volumes]) {
    expect(rules?.validUsers?.written).toEqual(["anna"]);
    // Otherwise the files of the administrator would be root's.
    expect(rules?.adminUsers.written).toEqual([]);
  }
  expect(shares.get("photos")).toMatchObject({ path: at("photos"), readOnly: false });
  expect(readFileSync(at("ksmbd.conf"), "utf8")).toStartWith("# mine\n");
  expect(existsSync(at("minismbd.txt"))).toBe(false);
  expect(() => setUpFromPage(request(code))).toThrow("is set up already");
});

test("where an earlier version has made the first account root in all shares, nobody is root in one", () => {
  const code = firstSetup("[global]\nadmin users = smb\n");
  mkdirSync(at("photos"));
  setUpFromPage(request(code, { share: { name: "Photos", path: at("photos") } }));
  const { administrators, shares, volumes, webAdministrators } = loadConfiguration({
    file: at("ksmbd.conf"),
  });
  expect([administrators.written, webAdministrators.written]).toEqual([["anna"], ["anna"]]);
  for (const rules of [shares.get("files"), shares.get("photos"), volumes])
    expect(rules?.adminUsers.written).toEqual([]);
});

test("the first account may keep its name", () => {
  const code = firstSetup();
  setUpFromPage(request(code, { user: "smb" }));
  expect([...readPasswordFile(at("ksmbdpwd.db"))]).toEqual([["smb", hash]]);
});

test.each([
  ["a wrong code", () => request("aaaa-bbbb-cccc-dddd"), "is not the password that the machine shows"],
  ["no code", () => request(""), "is not the password that the machine shows"],
  [
    "a share without a directory",
    (code: string) => request(code, { share: { name: "x", path: "/no/such" } }),
    "does not exist",
  ],
  [
    "a share with a name of its own meaning",
    (code: string) => request(code, { share: { name: "homes", path: "/" } }),
    "meaning",
  ],
  [
    "a share that is there",
    (code: string) => request(code, { share: { name: "files", path: at("files") } }),
    "already",
  ],
])("%s changes nothing", (_, make, message) => {
  const code = firstSetup();
  const before = [readFileSync(at("ksmbd.conf"), "utf8"), readFileSync(at("ksmbdpwd.db"), "utf8")];
  expect(() => setUpFromPage(make(code))).toThrow(message);
  expect([readFileSync(at("ksmbd.conf"), "utf8"), readFileSync(at("ksmbdpwd.db"), "utf8")]).toEqual(before);
  expect(readSetupRecord(setupFileOf(at("ksmbdpwd.db")))?.password).toBe(code);
});

test("users whom somebody has made end the first run", () => {
  const code = firstSetup();
  const text = readFileSync(at("ksmbdpwd.db"), "utf8");
  writeFileSync(at("ksmbdpwd.db"), `${text}bob:${Buffer.alloc(16, 7).toString("base64")}\n`);
  expect(() => setUpFromPage(request(code))).toThrow("there are users already");
});

test("without 'minismbd setup' there is no code that could be right", () => {
  writeFileSync(at("ksmbd.conf"), "");
  for (const code of ["", "x"])
    expect(() => setUpFromPage(request(code))).toThrow("'minismbd setup' has not run");
});
