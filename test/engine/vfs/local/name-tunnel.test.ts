import { expect, test } from "bun:test";
import { NameTunnel } from "../../../../src/engine/vfs/local/name-tunnel.ts";
import { makeShortName } from "../../../../src/engine/vfs/name/short-names.ts";

const LONG = "Annual report.text";
const shortOf = (name: string): string => makeShortName(name, 1);
const SHORT = shortOf(LONG);

function atTime(): { clock: { ms: number }; tunnel: NameTunnel } {
  const clock = { ms: 1_000 };
  return { clock, tunnel: new NameTunnel(() => clock.ms) };
}

test("a removed name is found by its short name in its directory alone", () => {
  const { tunnel } = atTime();
  tunnel.note(`a/b/${LONG}`);
  expect(tunnel.find("a/b", SHORT, shortOf)).toBe(LONG);
  expect(tunnel.find("a", SHORT, shortOf)).toBeUndefined();
  expect(tunnel.find("a/b/c", SHORT, shortOf)).toBeUndefined();
  expect(tunnel.find("a/b", "OTHER~1", shortOf)).toBeUndefined();
});

test("a name in the root of the share is found", () => {
  const { tunnel } = atTime();
  tunnel.note(LONG);
  expect(tunnel.find("", SHORT, shortOf)).toBe(LONG);
});

test("of two names with that short name the one removed last is found", () => {
  const { tunnel } = atTime();
  for (const name of ["one", "two", "one"]) tunnel.note(`d/${name}`);
  expect(tunnel.find("d", "X", () => "X")).toBe("one");
});

test("a name is forgotten after 15 seconds, counted from its last removal", () => {
  const { clock, tunnel } = atTime();
  tunnel.note(LONG);
  clock.ms += 14_999;
  expect(tunnel.find("", SHORT, shortOf)).toBe(LONG);
  tunnel.note(LONG);
  clock.ms += 14_999;
  expect(tunnel.find("", SHORT, shortOf)).toBe(LONG);
  clock.ms += 1;
  expect(tunnel.find("", SHORT, shortOf)).toBeUndefined();
  expect(tunnel.size).toBe(0);
});

test("names below a directory that lost its path are forgotten, others are not", () => {
  const { tunnel } = atTime();
  tunnel.note(`d/${LONG}`);
  tunnel.note(`d/e/${LONG}`);
  tunnel.note(`dd/${LONG}`);
  tunnel.forgetBelow("d");
  expect(tunnel.find("d", SHORT, shortOf)).toBeUndefined();
  expect(tunnel.find("d/e", SHORT, shortOf)).toBeUndefined();
  expect(tunnel.find("dd", SHORT, shortOf)).toBe(LONG);
});

test("entries and characters are bounded, the newest names stay", () => {
  const { tunnel } = atTime();
  for (let i = 0; i < 5_000; i++) tunnel.note(`d/${i}`);
  expect(tunnel.size).toBe(1024);
  expect(tunnel.find("d", "4999", (name) => name)).toBe("4999");
  for (let i = 0; i < 1024; i++) tunnel.note(`${"x".repeat(4_000)}/${i}`);
  expect(tunnel.size).toBeLessThanOrEqual(32);
});
