// Two clients change a tree at random, on disks with extended attributes and without, on the event loop and
// in workers: both clients and a third see every file as the model has it. RANDOM_ROUNDS and RANDOM_SEED set
// longer runs.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { canMakePluggedDisk, makePluggedDisk, PLUGGED_KINDS } from "../../peer/plugged-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { RandomChanges } from "./random-changes.ts";
import { type Mount, mountShare } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";

const ROUNDS = Number(process.env["RANDOM_ROUNDS"] ?? 45);
const SEED = Number(process.env["RANDOM_SEED"] ?? 1);

function describeOn(
  kind: string,
  isPossible: boolean,
  makeParent: () => { path: string; remove(): void } | undefined,
): void {
  describe.skipIf(!isPossible)(kind, () => {
    let server: TestServer;
    let disk: { path: string; remove(): void } | undefined;
    beforeAll(async () => {
      disk = makeParent();
      const share = { name: "test", ...(disk && { path: disk.path }), parameters: { "ea support": "yes" } };
      server = await startServer({ shares: [share] });
    });
    afterAll(async () => {
      await server?.stop();
      disk?.remove();
    });

    test(`every file is as in the model after ${ROUNDS} rounds from seed ${SEED}`, async () => {
      const mounts: Mount[] = [];
      for (let i = 0; i < 2; i++) mounts.push(await mountShare(server, TESTER, "test"));
      const changes = new RandomChanges(mounts, SEED);
      await changes.begin();
      try {
        for (let round = 0; round < ROUNDS; round++) {
          await (round % 3 === 2 ? changes.roundOnOne() : changes.round());
          if (round % 10 === 9) await changes.verify(mounts[round % 2] as Mount);
        }
        await changes.verify(await mountShare(server, TESTER, "test"));
        expect(changes.story.length).toBeGreaterThan(ROUNDS);
      } catch (error) {
        throw new Error(`failed after:\n${changes.story.slice(-30).join("\n")}`, { cause: error });
      }
    }, 600_000);
  });
}

describeOn("a disk with extended attributes", true, () => undefined);
for (const kind of PLUGGED_KINDS) describeOn(kind, canMakePluggedDisk(kind), () => makePluggedDisk(kind));
