// What `deadtime` closes, by the clock alone.
import { expect, test } from "bun:test";
import { FORGOTTEN_MS, isDead } from "../../../src/engine/connection/idle.ts";
import type { Open } from "../../../src/engine/state/open.ts";
import { OpenTable } from "../../../src/engine/state/open-table.ts";
import type { Session } from "../../../src/engine/state/session.ts";
import { Access } from "../../../src/wire/security/access.ts";

const MINUTE = 60_000;
const FILE = { isDirectory: false, deleteOnClose: false, grantedAccess: Access.READ_DATA, id: 1 };
const FOLDER = { ...FILE, isDirectory: true };

function judge(open: Partial<Open> | undefined, idleMs: number, isWatched = false): boolean {
  const session = {} as Session;
  const opens = new OpenTable();
  opens.ofSession = () => new Set(open === undefined ? [] : [open as Open]);
  const connection = { lastUsedMs: 0, sessions: new Map([[1, session]]) };
  return isDead(connection, opens, { has: () => isWatched }, idleMs, 15 * MINUTE);
}

test("a connection without opens is closed after the time, and not before", () => {
  expect([judge(undefined, 15 * MINUTE), judge(undefined, 16 * MINUTE)]).toEqual([false, true]);
});

test("an open folder keeps no connection, a watched one and a file do", () => {
  expect(judge(FOLDER, 16 * MINUTE)).toBe(true);
  expect(judge(FOLDER, 16 * MINUTE, true)).toBe(false);
  expect(judge(FILE, 16 * MINUTE)).toBe(false);
});

test("after a day only files that are open for changes, or locked, keep a connection", () => {
  const later = FORGOTTEN_MS + 1;
  expect([judge(FILE, later), judge(FOLDER, later, true)]).toEqual([true, true]);
  expect(judge({ ...FILE, grantedAccess: Access.WRITE_DATA }, later)).toBe(false);
  expect(judge({ ...FILE, deleteOnClose: true }, later)).toBe(false);
  const locks = { countOf: () => 1 };
  expect(judge({ ...FILE, file: { locks } as unknown as NonNullable<Open["file"]> }, later)).toBe(false);
});

test("deadtime 0 closes nothing", () => {
  const connection = { lastUsedMs: 0, sessions: new Map<number, Session>() };
  expect(isDead(connection, new OpenTable(), { has: () => false }, 10 * FORGOTTEN_MS, 0)).toBe(false);
});
