// The names of a directory by folded form and short name, against a plain map.
import { expect, test } from "bun:test";
import { NameTable } from "../../../../src/engine/vfs/context/name-table.ts";
import { foldName, toClientName } from "../../../../src/engine/vfs/name/names.ts";

const fold = (name: string): string => foldName(toClientName(name));

/** Short names that need no disk: the first three letters. */
const rules = { rule: "three", shortOf: (name: string) => fold(name).slice(0, 3) };

test("names are found by their folded form, whatever was added and removed before", () => {
  const table = new NameTable();
  const model = new Map<string, Set<string>>();
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const stems = ["file", "FILE", "File", "änderung", "ÄNDERUNG", "caf\u00e9", "cafe\u0301", "bad\udc80byte"];
  for (let i = 0; i < 20_000; i++) {
    const name = `${stems[random(stems.length)] ?? ""} ${random(300)}`;
    const folded = fold(name);
    const known = model.get(folded) ?? new Set();
    if (random(3) > 0) {
      known.add(name);
      table.add(name);
    } else {
      known.delete(name);
      table.remove(name);
    }
    model.set(folded, known);
    if (i % 50 === 0) expect([...table.find(folded)].sort()).toEqual([...known].sort());
  }
  let count = 0;
  for (const [folded, known] of model) {
    expect([...table.find(folded)].sort()).toEqual([...known].sort());
    count += known.size;
  }
  expect(table.count).toBe(count);
  expect(table.find(fold("never added"))).toEqual([]);
});

test("a short name is found after the names with it were added, and not after they were removed", () => {
  const table = new NameTable();
  for (let i = 0; i < 1000; i++) table.add(`x${i} and more`);
  while (!table.prepareShort(rules, 0));
  expect(table.findShort("X99")).toStartWith("x99");
  table.add("abc 1");
  expect(table.prepareShort(rules, 1)).toBe(true);
  expect(table.findShort("ABC")).toBe("abc 1");
  table.remove("abc 1");
  expect(table.findShort("ABC")).toBeUndefined();
  expect(table.prepareShort({ rule: "none", shortOf: () => "" }, 100)).toBe(true);
  expect(table.findShort("X99")).toBeUndefined();
});

test("one name that is made and removed again and again stays cheap, and the table says when it is wasteful", () => {
  const table = new NameTable();
  for (let i = 0; i < 100; i++) table.add(`other ${i}`);
  const bytes = table.bytes;
  expect(table.isWasteful).toBe(false);
  for (let i = 0; i < 20; i++) {
    table.add("lock file");
    table.remove("lock file");
  }
  expect(table.isWasteful).toBe(false);
  for (let i = 0; i < 10_000; i++) {
    table.add("lock file");
    table.remove("lock file");
  }
  expect(table.isWasteful).toBe(true);
  expect(table.count).toBe(100);
  expect(table.bytes).toBeLessThan(bytes + 500_000);
});

test("200,000 names of 20 bytes take at most 65 bytes each", () => {
  const table = new NameTable();
  for (let i = 0; i < 200_000; i++) table.add(`picture of ${String(i).padStart(9, "0")}`);
  expect(table.bytes / 200_000).toBeLessThan(65);
  expect(table.find(fold("PICTURE OF 000123456"))).toEqual(["picture of 000123456"]);
});

test("short names of two rules are both prepared, though the table has room for one only", () => {
  const table = new NameTable();
  for (let i = 0; i < 1_000; i++) table.add(`long name ${i}`);
  const of = (rule: string) => ({ rule, shortOf: (name: string) => `${rule}${name.slice(10)}` });
  // As two look-ups that take turns of the event loop.
  const found: (string | undefined)[] = [];
  let waiting = [of("A"), of("B")];
  for (let turn = 0; turn < 200 && waiting.length > 0; turn++)
    waiting = waiting.filter((rules) => {
      if (!table.prepareShort(rules, 0)) return true;
      found.push(table.findShort(`${rules.rule}999`));
      return false;
    });
  expect(found).toEqual(["long name 999", "long name 999"]);
});
