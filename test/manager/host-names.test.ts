// Host names in `hosts allow` and `hosts deny`: when they are looked up, and what an unknown one means.
import { describe, expect, test } from "bun:test";
import { isHostAllowed as isPeerAllowed, parseHostRule } from "../../src/manager/config/hosts.ts";
import { HostNames } from "../../src/manager/host-names.ts";

const rule = (allow: string, deny = "") => {
  const words = (text: string) => text.split(" ").filter((word) => word !== "");
  return parseHostRule({ words: words(allow), position: "f:1" }, { words: words(deny), position: "f:2" });
};

const isHostAllowed = (of: ReturnType<typeof rule>, address: string, names: HostNames) =>
  isPeerAllowed(of, { address, arrival: "br-lan" }, names);

function makeNames(table: Readonly<Record<string, readonly string[]>>) {
  const state = {
    nowMs: 0,
    asked: 0,
    warnings: [] as string[],
    links: new Set(["br-lan"]),
    table: { ...table },
  };
  const names = new HostNames({
    nowMs: () => state.nowMs,
    warn: (text) => state.warnings.push(text),
    interfaceExists: (name) => state.links.has(name),
    resolve: async (name) => {
      state.asked++;
      const found = state.table[name];
      if (!found) throw new Error("ENOTFOUND");
      return found;
    },
  });
  return { state, names };
}

const TABLE = { laptop: ["10.0.0.7", "fd00::7"], tablet: ["10.0.0.8"] };

describe("a name", () => {
  test.each([
    ["laptop", "", "10.0.0.7", true],
    ["LAPTOP", "", "fd00::7", true],
    ["laptop", "", "10.0.0.8", false],
    ["10. EXCEPT laptop", "", "10.0.0.7", false],
    ["10. EXCEPT laptop", "", "10.0.0.9", true],
    ["", "laptop", "10.0.0.7", false],
    ["", "laptop", "10.0.0.8", true],
    ["", "ALL EXCEPT laptop", "10.0.0.7", true],
    // Nobody knows `ghost`.
    ["ghost", "", "10.0.0.7", false],
    ["ghost tablet", "", "10.0.0.8", true],
    ["10. EXCEPT ghost", "", "10.0.0.7", false],
    ["", "ghost", "10.0.0.7", false],
    ["", "ghost", "127.0.0.1", true],
    ["tablet", "ghost", "10.0.0.8", true],
    ["", "ALL EXCEPT ghost", "10.0.0.7", false],
  ])("hosts allow = '%s', hosts deny = '%s' for %s: %p", async (allow, deny, address, allowed) => {
    const { names } = makeNames(TABLE);
    const parsed = rule(allow, deny);
    await names.prepare(parsed);
    expect(isHostAllowed(parsed, address, names)).toBe(allowed);
  });
});

test("an interface that has not been there yet keeps everybody out by 'hosts deny'; one line says so", () => {
  const { state, names } = makeNames({});
  const wan = rule("", "interface:pppoe-wan");
  for (let i = 0; i < 3; i++) {
    expect(names.prepare(wan)).toBeUndefined();
    expect(isHostAllowed(wan, "10.0.0.7", names)).toBe(false);
  }
  expect(state.warnings).toEqual([
    "'interface:pppoe-wan' in 'hosts allow' or 'hosts deny': this machine has no interface pppoe-wan: " +
      "until it is there, the first admits nobody by it, the second keeps everybody out",
  ]);
  state.links.add("pppoe-wan");
  expect(isHostAllowed(wan, "10.0.0.7", names)).toBe(true);
});

test("an interface that was there and is gone keeps nobody out who comes in over another one", () => {
  const { state, names } = makeNames({});
  const wan = rule("", "interface:pppoe-wan");
  state.links.add("pppoe-wan");
  names.follow([wan]);
  state.links.delete("pppoe-wan");
  expect(isHostAllowed(wan, "10.0.0.7", names)).toBe(true);
  expect(state.warnings).toEqual([]);
});

test("a name without an address that is an interface's is reported with the word for it", async () => {
  const { state, names } = makeNames({});
  await names.prepare(rule("br-lan"));
  expect(state.warnings[0]).toEndWith("; for the interface write interface:br-lan");
});

test("addresses alone are not waited for", () => {
  const { names } = makeNames({});
  expect(names.prepare(rule("10.0.0.1 localhost ALL"), null)).toBeUndefined();
});

test("a name is looked up again after a minute, and once for all who wait", async () => {
  const { state, names } = makeNames(TABLE);
  const laptop = rule("laptop");
  await Promise.all([names.prepare(laptop), names.prepare(laptop)]);
  state.nowMs = 59_000;
  expect(names.prepare(laptop)).toBeUndefined();
  state.nowMs = 60_000;
  state.table["laptop"] = ["10.0.0.70"];
  await names.prepare(laptop);
  expect(state.asked).toBe(2);
  expect(isHostAllowed(laptop, "10.0.0.7", names)).toBe(false);
  expect(isHostAllowed(laptop, "10.0.0.70", names)).toBe(true);
});

test("while the name server is away the last addresses count for ten minutes; one warning says so", async () => {
  const { state, names } = makeNames(TABLE);
  const laptop = rule("laptop");
  await names.prepare(laptop);
  delete (state.table as Record<string, unknown>)["laptop"];
  for (let second = 60; second <= 660; second += 10) {
    state.nowMs = second * 1000;
    await names.prepare(laptop);
    expect(isHostAllowed(laptop, "10.0.0.7", names)).toBe(true);
  }
  state.nowMs = 661_000;
  expect(isHostAllowed(laptop, "10.0.0.7", names)).toBe(false);
  expect(state.warnings).toEqual([
    "'laptop' in 'hosts allow' or 'hosts deny' has no address: the first admits nobody by that name, the second keeps everybody out",
  ]);
});

test("an unknown name is asked for every ten seconds at most", async () => {
  const { state, names } = makeNames({});
  for (state.nowMs = 0; state.nowMs < 30_000; state.nowMs += 100) await names.prepare(rule("ghost"));
  expect(state.asked).toBe(3);
});
