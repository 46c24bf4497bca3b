// The names of a directory of any size while it is read: what is sought is found, with a bounded memory.
import { describe, expect, test } from "bun:test";
import { mostBytes, NamesRead, type Sought } from "../../../../src/engine/vfs/context/names-read.ts";
import { foldName as fold } from "../../../../src/engine/vfs/name/names.ts";

const COUNT = 20_000;
const nameAt = (i: number): string => `Entry ${i}`;
const long = (name: string): Sought => ({ name: fold(name), rules: undefined });
/** Short names that need no disk, each of one name. */
const rules = { rule: "digits", shortOf: (name: string) => `${name.slice(6)}~1` };
const short = (i: number): Sought => ({ name: `${i}~1`, rules });

function read(names: NamesRead, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    names.add(nameAt(i));
    if (i % 100 !== 0 || !names.hasTooMany) continue;
    const steps = names.dropNames();
    while (steps.next().done !== true);
  }
}

/** A table takes about 50 bytes a name, hashes 5 to 8. */
describe.each([
  ["the names", 4_000_000, 2_000_000],
  ["their hashes", 400_000, 300_000],
  ["nothing", 100_000, 75_000],
])("a reading that keeps %s", (_what, cacheBytes, mostKept) => {
  test("finds what was wanted before the first name", () => {
    const names = new NamesRead(cacheBytes);
    const sought = [0, 5, 300, 7_000, COUNT - 1].map((i) => long(`ENTRY ${i}`));
    for (const one of [...sought, long("missing")]) expect(names.want(one)).toBe(true);
    read(names, 0, COUNT);
    expect(sought.map((one) => names.find(one))).toEqual(
      [0, 5, 300, 7_000, COUNT - 1].map((i) => [nameAt(i)]),
    );
    expect(names.find(long("missing"))).toEqual([]);
    const { kept } = names;
    expect(kept?.bytes ?? 0).toBeLessThan(mostKept);
    if (kept !== undefined) expect(kept.bytes).toBeLessThanOrEqual(mostBytes(kept, cacheBytes));
  });

  test("finds each name that it takes later, and takes none that it has passed without keeping it", () => {
    for (const joinedAt of [0, 50, 3_000, 9_000, COUNT]) {
      const names = new NamesRead(cacheBytes);
      read(names, 0, joinedAt);
      const taken = [0, 40, 2_000, 8_000, 15_000].filter((i) => names.want(long(`eNTRY ${i}`)));
      const takesMissing = names.want(long("missing"));
      read(names, joinedAt, COUNT);
      for (const i of taken) expect(names.find(long(`eNTRY ${i}`))).toEqual([nameAt(i)]);
      if (takesMissing) expect(names.find(long("missing"))).toEqual([]);
      if (joinedAt <= 50) expect(taken).toHaveLength(5);
    }
  });

  test("has both spellings of a name, and what changed meanwhile", () => {
    const names = new NamesRead(cacheBytes);
    for (const name of ["both", "gone", "made", "moved"]) expect(names.want(long(name))).toBe(true);
    names.add("Both");
    names.add("Gone");
    read(names, 0, COUNT);
    names.add("BOTH");
    names.add("Moved");
    // As the kernel reported them meanwhile.
    names.add("BOTH");
    names.remove("Gone");
    names.remove("Moved");
    names.add("Made");
    expect([...names.find(long("both"))].sort()).toEqual(["BOTH", "Both"]);
    expect(names.find(long("gone"))).toEqual([]);
    expect(names.find(long("moved"))).toEqual([]);
    expect(names.find(long("made"))).toEqual(["Made"]);
    if (names.kept !== undefined) expect(names.kept.find(fold("never"))).toEqual([]);
  });

  test("finds short names that were wanted in time, where it does not keep the names", () => {
    const names = new NamesRead(cacheBytes);
    for (const i of [3, 19_000]) expect(names.want(short(i))).toBe(true);
    read(names, 0, 10_000);
    const isTaken = names.want(short(4));
    read(names, 10_000, COUNT);
    const keepsNames = cacheBytes === 4_000_000;
    expect(isTaken).toBe(keepsNames);
    if (keepsNames) return;
    expect(names.find(short(3))).toEqual([nameAt(3)]);
    expect(names.find(short(19_000))).toEqual([nameAt(19_000)]);
    names.remove(nameAt(3));
    expect(names.find(short(3))).toEqual([]);
  });
});

test("what is wanted while hashes take the names' place is found", () => {
  const names = new NamesRead(3_000_000);
  for (let i = 0; i < COUNT; i++) names.add(nameAt(i));
  let taken = 0;
  for (const steps = names.dropNames(); steps.next().done !== true; taken++)
    expect(names.want(long(`ENTRY ${taken}`)) && names.want(short(taken))).toBe(true);
  expect(taken).toBeGreaterThan(2);
  for (let i = 0; i < taken; i++) {
    expect(names.find(long(`ENTRY ${i}`))).toEqual([nameAt(i)]);
    expect(names.find(short(i))).toEqual([nameAt(i)]);
  }
});

test("however many short names are wanted, each name's short name is made once", () => {
  let made = 0;
  const counted = { ...rules, shortOf: (name: string) => (made++, rules.shortOf(name)) };
  const names = new NamesRead(100_000);
  for (let i = 0; i < 500; i++) expect(names.want({ ...short(i), rules: counted })).toBe(true);
  read(names, 0, 10_000);
  made = 0;
  read(names, 10_000, 20_000);
  expect(made).toBe(10_000);
});
