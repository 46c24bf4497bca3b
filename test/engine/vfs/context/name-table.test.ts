// The names of a directory by folded form and short name, against a plain map.
import { expect, test } from "bun:test";
import { type NameHashes, NameTable } from "../../../../src/engine/vfs/context/name-table.ts";
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

function hashesOf(table: NameTable): NameHashes {
  const copy = table.hashes();
  for (;;) {
    const step = copy.next();
    if (step.done === true) return step.value;
  }
}

test("hashes tell missing names from those that may be there, whatever was added and removed", () => {
  let seed = 11;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const table = new NameTable();
  for (let i = 0; i < 3_000; i++) table.add(`first ${i}`);
  const hashes = hashesOf(table);
  const there = new Set(Array.from({ length: 3_000 }, (_, i) => `first ${i}`));
  for (let i = 0; i < 60_000; i++) {
    const name = `${random(2) === 0 ? "first" : "second"} ${random(4_000)}`;
    if (there.delete(name)) hashes.remove(name);
    else {
      there.add(name);
      hashes.add(name);
    }
  }
  let extra = 0;
  for (const stem of ["first", "second", "never"])
    for (let i = 0; i < 4_000; i++) {
      const name = `${stem} ${i}`;
      const found = hashes.find(fold(name));
      // A name that is there is never called missing.
      if (there.has(name)) expect(found).toBeUndefined();
      else if (found === undefined) extra++;
    }
  expect(extra).toBeLessThan(3);
});

test("a hash of two names, or of one that was added twice, is kept when one is removed", () => {
  const table = new NameTable();
  for (const name of ["Both", "BOTH", "once"]) table.add(name);
  const hashes = hashesOf(table);
  hashes.remove("Both");
  expect(hashes.find(fold("both"))).toBeUndefined();
  hashes.remove("once");
  expect(hashes.find(fold("ONCE"))).toEqual([]);
});

test("hashes take a fraction of the memory of the names", () => {
  const table = new NameTable();
  for (let i = 0; i < 50_000; i++) table.add(`IMG_20260101_${i}.jpg`);
  expect(hashesOf(table).bytes).toBeLessThan(50_000 * 11);
  expect(table.bytes).toBeGreaterThan(50_000 * 30);
});
