// The control socket where a command of the server's has a bug.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ControlSocket,
  type ControlSocketHost,
  openControl,
} from "../../../src/manager/control/server.ts";
import { request } from "../../e2e/client/control-rig.ts";

let directory: string;
let path: string;
let socket: ControlSocket;
let bugs: unknown[];

function* breakAfterOne(): Iterable<object> {
  yield { id: 1 };
  throw new TypeError("of the second row");
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "control-server-"));
  path = join(directory, "sock");
  bugs = [];
  const tables = {
    connections() {
      throw new TypeError("undefined is not a function");
    },
    sessions: breakAfterOne,
    trees: () => [],
  };
  const host = { engine: { tables }, bug: (error: unknown) => bugs.push(error) };
  socket = await openControl(path, host as unknown as ControlSocketHost);
});
afterEach(() => {
  socket.close();
  rmSync(directory, { recursive: true });
});

const BUG = {
  end: "error",
  code: "failed",
  message: "the server has met a fault of its own, its log says which",
};

test("a command that throws is answered with an error at once, without its text, and reported", async () => {
  expect(await request(path, { command: "connections" })).toEqual({ items: [], ...BUG });
  expect(bugs.map(String)).toEqual(["TypeError: undefined is not a function"]);
});

test("a command that throws after its first item is answered with an error behind it", async () => {
  expect(await request(path, { command: "sessions" })).toEqual({ items: [{ id: 1 }], ...BUG });
  expect(bugs.map(String)).toEqual(["TypeError: of the second row"]);
});

test("the socket goes on serving after that", async () => {
  await request(path, { command: "connections" });
  expect(await request(path, { command: "trees" })).toEqual({ items: [], end: "ok" });
});
