// Requests that wait on a durable handle when its session ends and the connection stays: they end with the session.
// What they asked for would otherwise be done later, for nobody. [MS-SMB2] 3.3.5.6, 3.3.5.5.3 (PreviousSessionId).
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { LockFlag } from "../../../src/wire/command/lock.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { expectServing, startVictim } from "../client/attack-rig.ts";
import { Durable, DURABLE_KINDS, mountAs } from "../client/durable-rig.ts";
import { EXCLUSIVE_NOW, lockOne } from "../client/lock-calls.ts";
import { callOn, openFile } from "../client/raw-files.ts";

const RANGE = [10, 5] as const;

let server: TestServer;
let files = 0;
beforeAll(async () => {
  server = await startVictim();
});
afterAll(() => server.stop());
afterEach(() => expectServing(server));

const WAYS = ["logs off", "is replaced by the client's next one"] as const;

test.each(DURABLE_KINDS.flatMap((kind) => WAYS.map((way) => ({ ...kind, way }))))(
  "a LOCK on a durable handle, version $version by $by, when the session $way",
  async ({ way, ...kind }) => {
    const durable = await new Durable(kind, `waits ${++files}`, server).open();
    const { mount: old, fileId, clientGuid } = durable;
    await old.client.demand("LOCK", lockOne(old, fileId, ...RANGE, EXCLUSIVE_NOW));
    // Waits for the handle's own lock.
    const waiting = old.client.start(lockOne(old, fileId, ...RANGE, LockFlag.EXCLUSIVE));
    expect((await waiting.interim).status).toBe(Status.PENDING);
    const logoff = callOn(old, Command.LOGOFF, (writer) => writer.u32(4));
    if (way === "logs off") await old.client.demand("LOGOFF", logoff);
    const next = await mountAs(server, clientGuid, TESTER, way === "logs off" ? 0 : old.session.id);
    const again = await openFile(next, durable.name, durable.reconnect());
    const lock = (flags: number) => next.client.outcome(lockOne(next, again.fileId, ...RANGE, flags));
    expect(await lock(LockFlag.UNLOCK)).toBe(Status.SUCCESS);
    expect(await lock(EXCLUSIVE_NOW)).toBe(Status.SUCCESS);
    expect((await waiting.reply).status).toBe(Status.CANCELLED);
    for (const { client } of [old, next]) client.close();
  },
);
