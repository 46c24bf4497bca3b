// Hashes of the names of large directories: a name that is there is never called missing.
import { expect, test } from "bun:test";
import { NameHashes } from "../../../../src/engine/vfs/context/name-hashes.ts";
import { NameTable } from "../../../../src/engine/vfs/context/name-table.ts";
import { foldName as fold } from "../../../../src/engine/vfs/name/names.ts";

function hashesOf(table: NameTable): NameHashes {
  const hashes = new NameHashes(table.count);
  const copy = table.copyHashes(hashes);
  while (copy.next().done !== true);
  return hashes;
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

test("200,000 names are added to hashes that had room for 1,000, at 9 bytes each", () => {
  const hashes = new NameHashes(1_000);
  let worstMs = 0;
  for (let i = 0; i < 200_000; i++) {
    const startMs = performance.now();
    hashes.add(`picture of ${i}`);
    worstMs = Math.max(worstMs, performance.now() - startMs);
  }
  expect(hashes.bytes).toBeLessThan(200_000 * 9);
  // No name costs more than a turn of the event loop, as moving all hashes to a larger set would.
  expect(worstMs).toBeLessThan(10);
  let extra = 0;
  for (let i = 0; i < 200_000; i += 7) {
    expect(hashes.find(fold(`PICTURE OF ${i}`))).toBeUndefined();
    if (hashes.find(fold(`other ${i}`)) === undefined) extra++;
  }
  // One or two by chance.
  expect(extra).toBeLessThan(30);
});
