// Copies that run through reloads: no client whose share and rights stay notices anything.
import { afterEach, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { TESTER } from "../../peer/test-server.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { closeFile, createFile, mountShare, openFile, readFile, writeFile } from "../client/raw-files.ts";

const RELOADS = 60;
const PIECE = 65_536;

let server: ControlledServer;
afterEach(() => server.stop());

test("a copy goes through dozens of reloads byte for byte, with the limits and names changing under it", async () => {
  server = await startControlled();
  const mount = await mountShare(server, TESTER, "test");
  const file = await createFile(mount, "film.mkv");
  let isDone = false;
  let pieces = 0;
  const copying = (async () => {
    for (; !isDone; pieces++)
      await writeFile(mount, file, pieces * PIECE, new Uint8Array(PIECE).fill(pieces & 255));
  })();
  for (let i = 0; i < RELOADS; i++) {
    appendFileSync(join(server.directory, "minismbd.conf"), `[more${i}]\npath = /tmp\n`);
    expect(await request(server.socket, { command: "reload" })).toEqual({ items: [], end: "ok" });
  }
  isDone = true;
  await copying;
  await closeFile(mount, file);
  expect(pieces).toBeGreaterThan(RELOADS / 2);
  const { fileId: again } = await openFile(mount, "film.mkv");
  for (let i = 0; i < pieces; i++) {
    const data = await readFile(mount, again, i * PIECE, PIECE);
    if (data.some((byte) => byte !== (i & 255))) throw new Error(`piece ${i} differs`);
  }
  const [status] = (await request(server.socket, { command: "status" })).items;
  expect(status).toMatchObject({ connections: 1, sessions: 1 });
  expect((await request(server.socket, { command: "shares" })).items).toHaveLength(RELOADS + 1);
}, 90_000);
