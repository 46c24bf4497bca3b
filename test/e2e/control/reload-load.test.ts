// Copies that run through reloads: no client whose share and rights stay notices anything. MINISMBD_LONG=1 has 200 reloads
// under 300 MB in each direction by smbclient.
import { afterEach, expect, test } from "bun:test";
import { appendFileSync, closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, TESTER } from "../../peer/test-server.ts";
import { type ControlledServer, request, startControlled } from "../client/control-rig.ts";
import { closeFile, createFile, mountShare, openFile, readFile, writeFile } from "../client/raw-files.ts";
import { demandSmbclient } from "../client/smbclient.ts";

const isLong = process.env["MINISMBD_LONG"] !== undefined;
const RELOADS = isLong ? 200 : 60;
const COPY_BYTES = isLong ? 300_000_000 : 30_000_000;
const COPY_RELOADS = isLong ? 200 : 40;
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
}, 240_000);

/** Bytes that depend on their offset. */
function makeSample(path: string, bytes: number): void {
  const piece = new Uint32Array(PIECE / 4);
  const fd = openSync(path, "w");
  for (let at = 0; at < bytes; at += PIECE) {
    for (let i = 0; i < piece.length; i++) piece[i] = Math.imul(at + i, 0x9e37_79b1);
    writeSync(fd, new Uint8Array(piece.buffer), 0, Math.min(PIECE, bytes - at));
  }
  closeSync(fd);
}

function digest(path: string): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const piece = new Uint8Array(1 << 20);
  const fd = openSync(path, "r");
  for (let length; (length = readSync(fd, piece)) > 0;) hasher.update(piece.subarray(0, length));
  closeSync(fd);
  return hasher.digest("hex");
}

test.skipIf(Bun.which("smbclient") === null).each([
  ["plain", {}],
  ["encrypted", { "smb3 encryption": "mandatory" }],
])(
  "smbclient's copies in both directions, %s, go through reloads of everything that may change",
  async (_, parameters) => {
    server = await startControlled({ parameters });
    const local = makeDirectory("minismbd-copies");
    const sample = join(local, "film.mkv");
    makeSample(sample, COPY_BYTES);
    const config = join(server.directory, "minismbd.conf");
    let reloads = 0;
    let isDone = false;
    const reloading = (async () => {
      while (!isDone) {
        const text = await Bun.file(config).text();
        const limits = `max open files = ${5000 + reloads}\nsmb2 max credits = ${4096 + reloads}\n`;
        const [first = ""] = text.split("[test]");
        const base = first.replaceAll(/^max open files.*\n|^smb2 max credits.*\n/gm, "");
        await Bun.write(config, `${base}${limits}[test]${text.slice(first.length + 6)}`);
        expect(await request(server.socket, { command: "reload" })).toEqual({ items: [], end: "ok" });
        reloads++;
      }
    })();
    try {
      const back = join(local, "back.mkv");
      const wanted = digest(sample);
      while (reloads < COPY_RELOADS) {
        const before = reloads;
        await demandSmbclient(server, [`put ${sample} film.mkv`, `get film.mkv ${back}`]);
        expect(reloads).toBeGreaterThan(before);
        expect(digest(back)).toBe(wanted);
        expect(digest(join(server.shares.get("test") ?? "", "film.mkv"))).toBe(wanted);
      }
      isDone = true;
      await reloading;
    } finally {
      isDone = true;
      rmSync(local, { recursive: true });
    }
  },
  600_000,
);
