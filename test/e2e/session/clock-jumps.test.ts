// The wall clock jumps by years while clients work: sessions, opens, caches, waits and time limits go by the
// monotonic clock. The clock is that of libfaketime in the server's process alone.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OplockLevel } from "../../../src/wire/command/create.ts";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Status } from "../../../src/wire/status.ts";
import { giveToTester, type TestServer } from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import {
  closeFile,
  createCall,
  createFile,
  listDirectory,
  type Mount,
  openFile,
  READ_WRITE,
  readFile,
  writeFile,
} from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { tryCreate } from "../client/stream-calls.ts";

const library = [...new Bun.Glob("usr/lib/*/faketime/libfaketimeMT.so.1").scanSync({ cwd: "/" })][0];
const BREAK_SECONDS = 3;

const directory = mkdtempSync(join(tmpdir(), "minismbd-clock-"));
const clockFile = join(directory, "clock");
/** Sets the server's clock: an offset such as `+10y`, from the machine's time. */
const setClock = (offset: string): void => writeFileSync(clockFile, offset);

let server: TestServer;
beforeAll(async () => {
  if (library === undefined) return;
  setClock("+0");
  server = await startServer({
    parameters: { "oplock break timeout": String(BREAK_SECONDS), "logon timeout": "10" },
    environment: {
      LD_PRELOAD: `/${library}`,
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    },
  });
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true });
});

/** The year of the server's clock, as NEGOTIATE tells it. */
const yearOf = ({ client }: Mount): number =>
  new Date((client.negotiated?.systemTime.seconds ?? 0) * 1000).getUTCFullYear();

const thisYear = new Date().getUTCFullYear();

/** Reads the folder as a client that the server has not told anything yet. */
async function listedNames(mount: Mount, folder: string): Promise<string[]> {
  const { fileId } = await openFile(mount, folder);
  const records = await listDirectory(mount, fileId);
  await closeFile(mount, fileId);
  return records.map(({ name }) => name);
}

describe.skipIf(library === undefined).each([
  ["ten years forward", "+10y", thisYear + 10],
  ["forty years back, before anything was made", "-40y", thisYear - 40],
])("a clock that jumps %s", (_, offset, year) => {
  test("ends no session, open, lock or wait, and lets new clients in", async () => {
    setClock("+0");
    const early = await mountTest(server);
    const file = await createFile(early, "early");
    await writeFile(early, file, 0, new Uint8Array([1, 2, 3]));
    await early.client.demand("LOCK", lockOne(early, file, 0, 1, EXCLUSIVE_NOW));
    const second = (await openFile(early, "early", { desiredAccess: READ_WRITE })).fileId;
    const waiting = early.client.start(lockOne(early, second, 0, 1, LockFlag.EXCLUSIVE));
    expect((await waiting.interim).status).toBe(Status.PENDING);
    setClock(offset);
    // Longer than the server's sweep of its time limits.
    await Bun.sleep(6000);
    expect(await readFile(early, file, 0, 3)).toEqual(new Uint8Array([1, 2, 3]));
    const late = await mountTest(server);
    expect(yearOf(late)).toBe(year);
    expect(await listedNames(late, "")).toContain("early");
    await early.client.demand("UNLOCK", lockOne(early, file, 0, 1, LockFlag.UNLOCK));
    expect((await waiting.reply).status).toBe(Status.SUCCESS);
    early.client.close();
    late.client.close();
  }, 30_000);

  test("neither shortens nor prolongs the time for an oplock break", async () => {
    setClock("+0");
    const holder = await mountTest(server);
    await closeFile(holder, await createFile(holder, "held"));
    await openFile(holder, "held", { oplockLevel: OplockLevel.BATCH, desiredAccess: READ_WRITE });
    const other = await mountTest(server);
    const started = performance.now();
    const pending = other.client.start(createCall(other, "held", { desiredAccess: READ_WRITE }));
    expect((await pending.interim).status).toBe(Status.PENDING);
    setClock(offset);
    expect((await pending.reply).status).toBe(Status.SUCCESS);
    const waitedMs = performance.now() - started;
    expect(waitedMs).toBeGreaterThan(BREAK_SECONDS * 1000 - 200);
    expect(waitedMs).toBeLessThan(BREAK_SECONDS * 1000 + 5000);
    holder.client.close();
    other.client.close();
  }, 30_000);

  test("leaves no cached listing that misses changes of other programs", async () => {
    setClock("+0");
    const mount = await mountTest(server);
    const share = server.shares.get("test") ?? "";
    const look = (name: string) => tryCreate(mount, name);
    for (const [round, at] of ["+0", offset, "+0", offset].entries()) {
      setClock(at);
      const name = `other program ${offset} ${round}`;
      // A change by the server makes its cache of the folder; the next one is not the server's.
      await closeFile(mount, await createFile(mount, `own ${round}`));
      expect(await look(name.toUpperCase())).toBe("STATUS_OBJECT_NAME_NOT_FOUND");
      writeFileSync(join(share, name), "");
      giveToTester(join(share, name));
      expect(await look(name.toUpperCase())).toBe("STATUS_SUCCESS");
      expect(await listedNames(mount, "")).toContain(name);
    }
    mount.client.close();
  }, 30_000);
});
