// The first run of a board, with neighbours who guess its code and two people who have it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, startServer } from "../../cli/executable.ts";
import { findFreePort } from "../../peer/test-server.ts";
import { ask, type WebAnswer } from "../client/web-rig.ts";

const HOLD_MS = 1500;
const GUESSER = "127.0.0.66";

const board = mkdtempSync(join(tmpdir(), "minismbd-board-"));
const at = (name: string): string => join(board, name);
let server: Awaited<ReturnType<typeof startServer>>;
let webPort: number;
let code: string;

beforeAll(async () => {
  webPort = await findFreePort();
  writeFileSync(at("ksmbd.conf"), `[global]\n\tweb port = ${webPort}\n\tlogon failure delay = ${HOLD_MS}\n`);
  const files = ["-P", at("ksmbdpwd.db"), "-C", at("ksmbd.conf")];
  code = /Password: (\S+)/.exec(run(["setup", ...files, "--notice", at("minismbd.txt")]).out)?.[1] ?? "";
  server = await startServer(["serve", ...files, "--port", "0"]);
  await server.waitFor("the web page is ");
});
afterAll(async () => {
  await server?.stop();
  rmSync(board, { recursive: true, force: true });
});

const setUp = (user: string, given: string, more = {}, from = "127.0.0.1"): Promise<WebAnswer> =>
  ask({ webPort }, "/api/v1/setup", {
    method: "POST",
    body: { code: given, user, password: "Tulip-Bulb-3", ...more },
    from,
  });

test("who guesses does not keep out who has the code, and of two who have it one is first", async () => {
  const guesses = Array.from({ length: 12 }, (_, i) => setUp("eve", `guess-${i}`, {}, GUESSER));
  const share = { name: "System", path: "/etc" };
  const forbidden = await Promise.all([setUp("anna", code, { share }), setUp("a\nb", code)]);
  expect(forbidden.map(({ status }) => status)).toEqual([400, 400]);
  const both = await Promise.all([setUp("anna", code), setUp("bert", code)]);
  expect(both.map(({ status }) => status).sort()).toEqual([204, 400]);
  const statuses = (await Promise.all(guesses)).map(({ status }) => status);
  // Those whose turn comes afterwards are told that the first run is over.
  expect(statuses.filter((status) => ![400, 403, 429].includes(status))).toEqual([]);
  expect((await setUp("eve", code)).status).toBe(400);
}, 60_000);

test("what it leaves is for root alone, and shows no password", async () => {
  for (const name of ["ksmbd.conf", "ksmbdpwd.db", "ksmbd-web.pem", "ksmbd.setup-done"])
    expect({ name, others: statSync(at(name)).mode & 0o007 }).toEqual({
      name,
      others: name === "ksmbd.conf" ? 4 : 0,
    });
  const left = [...new Bun.Glob("**").scanSync({ cwd: board, dot: true })];
  expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  for (const name of left) {
    const text = await Bun.file(at(name)).text();
    expect({ name, shows: text.includes(code) || text.includes("Tulip-Bulb-3") }).toEqual({
      name,
      shows: false,
    });
  }
});
