// The tokens of the API, in their file.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiTokens, MAX_TOKENS, tokenFileOf } from "../../../src/manager/administration/api-tokens.ts";

const DAY_MS = 86_400_000;
let directory: string;
let passwords: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "minismbd-tokens-"));
  passwords = join(directory, "ksmbdpwd.db");
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => rmSync(tokenFileOf(passwords), { force: true }));

test("a token is found by its text, and the file has its hash alone", async () => {
  const tokens = new ApiTokens(passwords);
  expect(tokens.list()).toEqual([]);
  const { stored, token } = await tokens.add("Home Assistant", true);
  expect(token).toMatch(/^minismbd_[\w-]{43}$/);
  expect(tokens.find(token)).toMatchObject({ name: "Home Assistant", isReadOnly: true, id: stored.id });
  for (const wrong of ["", "x", token.slice(0, -1), `${token}x`, stored.hash, `minismbd_${stored.hash}`])
    expect(tokens.find(wrong)).toBeUndefined();
  const file = tokenFileOf(passwords);
  expect(readFileSync(file, "utf8")).not.toContain(token.slice(9));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // Another server, or this one after a restart.
  expect(new ApiTokens(passwords).find(token)?.id).toBe(stored.id);
  await tokens.remove(stored.id);
  expect(tokens.find(token)).toBeUndefined();
  await expect(tokens.remove(stored.id)).rejects.toMatchObject({ code: "not-found" });
});

test("the day of the last use is kept, and is written once a day", async () => {
  let now = 20_000 * DAY_MS;
  const tokens = new ApiTokens(passwords, () => now);
  const { token } = await tokens.add("a", false);
  expect(tokens.list()).toMatchObject([{ createdDay: 20_000, usedDay: undefined }]);
  now += DAY_MS;
  tokens.find(token);
  expect(tokens.list()).toMatchObject([{ usedDay: 20_001 }]);
  // A change waits for those before it.
  await tokens.add("b", true);
  const text = readFileSync(tokenFileOf(passwords), "utf8");
  expect(JSON.parse(text)).toMatchObject([{ name: "a", usedDay: 20_001 }, { name: "b" }]);
  const stamp = statSync(tokenFileOf(passwords)).ino;
  for (let i = 0; i < 50; i++) tokens.find(token);
  await tokens.remove("none").catch(() => undefined);
  expect(statSync(tokenFileOf(passwords)).ino).toBe(stamp);
});

test("the number of tokens is bounded, and so is what a name may be", async () => {
  const full = Array.from({ length: MAX_TOKENS }, (_, i) => ({
    id: String(i),
    name: "x",
    hash: "h",
    isReadOnly: true,
    createdDay: 1,
  }));
  writeFileSync(tokenFileOf(passwords), JSON.stringify(full));
  const tokens = new ApiTokens(passwords);
  await expect(tokens.add("one more", true)).rejects.toMatchObject({ code: "too-many" });
  for (const name of [" a", "a\n", "\u202Ea", "x".repeat(65)])
    await expect(tokens.add(name, true)).rejects.toMatchObject({ code: "bad-argument" });
});

test("a damaged file lets nobody in, and is said", () => {
  for (const text of ["{", "[1]", '[{"id":1}]', "x".repeat(70_000)]) {
    writeFileSync(tokenFileOf(passwords), text);
    const tokens = new ApiTokens(passwords);
    expect(tokens.find(`minismbd_${"x".repeat(43)}`)).toBeUndefined();
    expect(() => tokens.list()).toThrow("is damaged");
  }
});

test("without a password file there are no tokens", async () => {
  const tokens = new ApiTokens(null);
  expect(tokens.list()).toEqual([]);
  await expect(tokens.add("a", true)).rejects.toMatchObject({ code: "refused" });
  expect(existsSync(tokenFileOf(passwords))).toBe(false);
});
