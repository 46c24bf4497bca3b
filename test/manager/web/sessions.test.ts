// Sessions of the web page, by a clock of the test's.
import { beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { isSameSecret } from "../../../src/manager/secret-hash.ts";
import {
  IDLE_MS,
  LONGEST_MS,
  MAX_SESSIONS,
  MAX_SESSIONS_PER_USER,
  WebSessions,
} from "../../../src/manager/web/sessions.ts";

let nowMs = 0;
let gone: string[] = [];
let sessions: WebSessions;

beforeEach(() => {
  nowMs = 1000;
  gone = [];
  const isCurrent = ({ user }: { user: string }): boolean => !gone.includes(user);
  sessions = new WebSessions({ nowMs: () => nowMs, randomBytes, isCurrent });
});

test("a session is found by its secret alone, and each has others", () => {
  const first = sessions.begin("anna", 1);
  const second = sessions.begin("anna", 1);
  expect(first.secret).toMatch(/^[\w-]{43}$/);
  expect(sessions.find(first.secret)).toBe(first.session);
  expect(first.secret).not.toBe(second.secret);
  expect(first.session.csrf).not.toBe(second.session.csrf);
  for (const other of ["", first.session.csrf, `${first.secret}=`, first.secret.slice(1)])
    expect(sessions.find(other)).toBeUndefined();
});

test("it ends after half an hour without a request, and what a page does by itself is none", () => {
  const { secret } = sessions.begin("anna", 1);
  nowMs += IDLE_MS - 1;
  expect(sessions.find(secret, false)).toBeDefined();
  expect(sessions.find(secret)).toBeDefined();
  nowMs += IDLE_MS - 1;
  expect(sessions.find(secret, false)).toBeDefined();
  nowMs += 1;
  expect(sessions.find(secret)).toBeUndefined();
  expect(sessions.size).toBe(0);
});

test("it ends twelve hours after the log-on, however busy", () => {
  const { secret } = sessions.begin("anna", 1);
  for (const end = nowMs + LONGEST_MS; nowMs < end; nowMs += IDLE_MS / 2)
    expect(sessions.find(secret)).toBeDefined();
  expect(sessions.find(secret)).toBeUndefined();
});

test("it ends when its user is no administrator any more, and by the log-off", () => {
  const { secret } = sessions.begin("anna", 1);
  const other = sessions.begin("ben", 1);
  gone.push("anna");
  expect(sessions.find(secret)).toBeUndefined();
  gone = [];
  expect(sessions.find(secret)).toBeUndefined();
  expect(sessions.end(other.secret)).toBe(true);
  expect(sessions.find(other.secret)).toBeUndefined();
  expect(sessions.end(other.secret)).toBe(false);
});

test("a user's oldest session gives way to one more, and so does the oldest of all", () => {
  const ofAnna = Array.from({ length: MAX_SESSIONS_PER_USER + 1 }, () => sessions.begin("anna", 1).secret);
  expect(ofAnna.map((secret) => sessions.find(secret) !== undefined)).toEqual([
    false,
    ...Array.from({ length: MAX_SESSIONS_PER_USER }, () => true),
  ]);
  for (let i = 0; i < MAX_SESSIONS; i++) sessions.begin(`user${i}`, 1);
  expect(sessions.size).toBe(MAX_SESSIONS);
  expect(sessions.find(ofAnna[1] ?? "")).toBeUndefined();
});

test("secrets are compared as a whole", () => {
  expect(isSameSecret("abc", "abc")).toBe(true);
  for (const other of ["", "ab", "abd", "abcd", "ABC"]) expect(isSameSecret(other, "abc")).toBe(false);
});
