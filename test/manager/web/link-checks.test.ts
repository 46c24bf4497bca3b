// What the process of the web page says is checked by the server.
import { expect, test } from "bun:test";
import { readMessage } from "../../../src/manager/web/link-checks.ts";

const ASK = { id: 1, ask: "status", args: {}, credential: {}, address: "192.0.2.1", local: "192.0.2.2" };

test("a request is read with the fields that are known", () => {
  const credential = { session: "s", token: "t", csrf: "c", isAdministrator: true };
  const args = { level: "info" };
  expect(readMessage({ ...ASK, args, credential, caller: "root" })).toEqual({
    ...ASK,
    kind: "ask",
    args,
    credential: { session: "s", token: "t", csrf: "c" },
  });
});

test("the other messages are read", () => {
  expect(readMessage({ id: 3, more: true })).toEqual({ kind: "more", id: 3 });
  expect(readMessage({ id: 3, cancel: true })).toEqual({ kind: "cancel", id: 3 });
  expect(readMessage({ ready: { isFiltered: true, isUnprivileged: "yes" } })).toEqual({
    kind: "ready",
    isFiltered: true,
    isUnprivileged: false,
  });
  expect(readMessage({ say: "x".repeat(10_000) })).toEqual({ kind: "say", text: "x".repeat(500) });
});

const WRONG: readonly unknown[] = [
  ...[null, 1, "text", [], {}, { say: 1 }, { ready: true }, { id: 1 }, { id: "1", more: true }],
  ...[
    { id: 1.5, cancel: true },
    { id: 1, more: 1 },
    { ...ASK, id: Number.NaN },
  ],
  ...[
    { ...ASK, args: [] },
    { ...ASK, args: null },
    { ...ASK, credential: "root" },
    { ...ASK, ask: "" },
  ],
  ...[
    { ...ASK, ask: "x".repeat(65) },
    { ...ASK, address: "" },
    { ...ASK, address: "1".repeat(65) },
  ],
  ...[
    { ...ASK, address: "nobody" },
    { ...ASK, address: "192.0.2.1\nminismbd: " },
  ],
];

test.each<[string, unknown]>(WRONG.map((message) => [JSON.stringify(message).slice(0, 60), message]))(
  "%s is no message",
  (_, message) => {
    expect(readMessage(message)).toBeUndefined();
  },
);

test("secrets that are too long, or no text, are none", () => {
  const credential = { session: "x".repeat(257), token: 5, csrf: "" };
  expect(readMessage({ ...ASK, credential })).toMatchObject({ credential: {} });
});
