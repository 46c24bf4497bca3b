// Directory enumerations, [MS-FSA] 2.1.5.6.3: every name once, `.` and `..` first, no entry that vanished.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { lstatSync, readdirSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { acquireVolume, releaseVolume } from "../../../../src/engine/vfs/volume/mounted-volume.ts";
import {
  FileKind,
  type DirectoryEntry,
  type DirectoryStream,
  type FileHandle,
  type NextEntry,
  SKIPPED,
} from "../../../../src/engine/vfs/store.ts";
import { FileAttribute } from "../../../../src/wire/fscc/attributes.ts";
import { Fixture, descriptorCount, expectDescriptors, readWrite, succeeded } from "../share-fixture.ts";

let share: Fixture;
let before = 0;
beforeEach(() => {
  before = descriptorCount();
  share = new Fixture();
});
afterEach(async () => {
  share.dispose();
  await expectDescriptors(before);
});

const all = (): boolean => true;

async function entryOf(
  stream: DirectoryStream,
  matches: (name: string) => boolean = all,
): Promise<DirectoryEntry> {
  let entry: NextEntry;
  do entry = await stream.next(matches);
  while (entry === SKIPPED);
  if (entry === undefined || typeof entry === "number") throw new Error(`no entry: ${entry}`);
  return entry;
}

test("`.` and `..` come first, with the stats of their directories", async () => {
  await share.makeDirectory("sub");
  await share.touch("sub", "file");
  const handle = await share.open("sub");
  const stream = handle.list();
  const sub = await share.node("sub");
  const root = await share.node();
  const dot = await entryOf(stream);
  expect([dot.name, dot.stat.inodeLow, dot.stat.kind]).toEqual([".", sub.stat.inodeLow, FileKind.DIRECTORY]);
  const up = await entryOf(stream);
  expect([up.name, up.stat.inodeLow, up.stat.attributes]).toEqual([
    "..",
    root.stat.inodeLow,
    FileAttribute.DIRECTORY,
  ]);
  expect((await entryOf(stream)).name).toBe("file");
  expect(await stream.next(all)).toBeUndefined();
  expect(await stream.next(all)).toBeUndefined();
  for (const one of [sub, root, handle]) one.close();
  stream.close();
});

test("`..` of the root is the root", async () => {
  const handle = await share.open();
  const stream = handle.list();
  const dot = (await entryOf(stream)).stat.inodeLow;
  expect((await entryOf(stream)).stat.inodeLow).toBe(dot);
  stream.close();
  handle.close();
});

test("the filter gets the names that clients see, and only matches are returned", async () => {
  writeFileSync(share.at("a:b"), "12345");
  writeFileSync(share.at("other"), "");
  const handle = await share.open();
  const stream = handle.list();
  const entry = await entryOf(stream, (name) => name === "a\uf022b");
  expect([entry.name, entry.stat.size, entry.stat.attributes]).toEqual([
    "a\uf022b",
    5,
    FileAttribute.ARCHIVE,
  ]);
  expect(await stream.next((name) => name === "a\uf022b")).toBeUndefined();
  stream.close();
  handle.close();
});

test("an entry that was put back is returned again, and an enumeration can be restarted", async () => {
  for (const name of ["a", "b", "c"]) await share.touch(name);
  const handle = await share.open();
  const stream = handle.list();
  const seen: string[] = [];
  for (let i = 0; i < 3; i++) seen.push((await entryOf(stream)).name);
  stream.unread();
  expect((await entryOf(stream)).name).toBe(seen[2] ?? "");
  const rest = [(await entryOf(stream)).name, (await entryOf(stream)).name];
  expect(await stream.next(all)).toBeUndefined();
  expect([...seen, ...rest].sort()).toEqual([".", "..", "a", "b", "c"]);
  await share.touch("d");
  stream.restart();
  const again: string[] = [];
  for (let i = 0; i < 6; i++) again.push((await entryOf(stream)).name);
  expect(again.slice(0, 2)).toEqual([".", ".."]);
  expect(again.sort()).toEqual([".", "..", "a", "b", "c", "d"]);
  stream.close();
  handle.close();
});

test("two enumerations of one handle are independent of each other, and outlive it", async () => {
  for (let i = 0; i < 10; i++) await share.touch(`f${i}`);
  const handle = await share.open();
  const [one, two] = [handle.list(), handle.list()];
  const names: [string[], string[]] = [[], []];
  for (let i = 0; i < 6; i++) names[0].push((await entryOf(one)).name);
  for (let i = 0; i < 12; i++) names[1].push((await entryOf(two)).name);
  handle.close();
  for (let i = 0; i < 6; i++) names[0].push((await entryOf(one)).name);
  expect(names[0].sort()).toEqual(names[1].sort());
  one.close();
  two.close();
  expect(await one.next(all)).toBeNumber();
});

test("names that vanish are skipped", async () => {
  await share.setLively(true);
  for (let i = 0; i < 100; i++) await share.touch(`f${i}`);
  const handle = await share.open();
  const stream = handle.list();
  await entryOf(stream);
  await entryOf(stream);
  const first = (await entryOf(stream)).name;
  // The batch with all names is in memory by now.
  for (let i = 0; i < 100; i++) if (`f${i}` !== first) rmSync(share.at(`f${i}`));
  let next: NextEntry;
  do next = await stream.next(all);
  while (next === SKIPPED);
  expect(next).toBeUndefined();
  stream.close();
  handle.close();
});

/** Milliseconds of processor time, which a busy machine does not lengthen: the least of five. */
async function leastTime(step: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const started = process.cpuUsage();
    await step();
    const { user, system } = process.cpuUsage(started);
    times.push((user + system) / 1000);
  }
  return Math.min(...times);
}

test("5,000 entries with their attributes take a few times what lstat takes", async () => {
  await share.setLively(true);
  mkdirSync(share.at("many"));
  for (let i = 0; i < 5_000; i++) writeFileSync(share.at("many", `photo-${i}.jpeg`), "");
  await share.touch("many", "touched");
  const bare = await leastTime(() => {
    for (const name of readdirSync(share.at("many"))) lstatSync(share.at("many", name));
  });
  const listed = await leastTime(async () => {
    const handle = await share.open("many");
    const stream = handle.list();
    let count = 0;
    while ((await stream.next(all)) !== undefined) count++;
    expect(count).toBe(5_003);
    stream.close();
    handle.close();
  });
  // Measured: 2.5 to 4.4 times.
  expect(listed).toBeLessThan(8 * bare);
});

test("vetoed names and the sidecar are not listed when a disk becomes slow during a listing", async () => {
  const other = new Fixture({ vetoFiles: ["*.secret"] });
  for (let i = 0; i < 100; i++) writeFileSync(other.at(i % 2 === 0 ? `${i}.secret` : `${i}.txt`), "");
  mkdirSync(other.at(".minismbd"));
  const root = await other.node();
  const volume = acquireVolume(root.stat.device);
  const handle = succeeded<FileHandle>(await root.open(readWrite));
  const stream = handle.list();
  const names: string[] = [];
  const slow = spyOn(volume, "isResponsive");
  for (;;) {
    const entry = await stream.next(() => true);
    if (entry === SKIPPED) continue;
    if (entry === undefined) break;
    if (typeof entry === "number") throw new Error(`listing failed with ${entry}`);
    names.push(entry.name);
    if (names.length === 5) slow.mockReturnValue(false);
  }
  slow.mockRestore();
  stream.close();
  handle.close();
  root.close();
  releaseVolume(volume);
  other.dispose();
  const expected = Array.from({ length: 50 }, (_, i) => `${i * 2 + 1}.txt`);
  expect(names.toSorted()).toEqual([".", "..", ...expected].toSorted());
});
