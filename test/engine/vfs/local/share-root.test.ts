// The directory of a share: the engine opens the one that the manager has decided about.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../../src/engine/vfs/local/local-store.ts";
import { Errno } from "../../../../src/linux/errno.ts";
import { grantFor, succeeded } from "../share-fixture.ts";

test("a store opens the directory that its grant was decided for, and no other in its place", async () => {
  const share = mkdtempSync(join(tmpdir(), "minismbd-root-"));
  const { dev, ino } = statSync(share, { bigint: true });
  const directory = {
    device: Number((dev >> 8n) & 0xfffn) * 0x10_0000 + Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n)),
    inodeHigh: Number(ino >> 32n),
    inodeLow: Number(ino & 0xffff_ffffn),
  };
  const store = succeeded(await openStore(grantFor(share, { directory })));
  store.close();
  for (const change of [
    { device: directory.device + 1 },
    { inodeHigh: 1 + directory.inodeHigh },
    { inodeLow: 1 },
  ]) {
    const other = grantFor(share, { directory: { ...directory, ...change } });
    expect(await openStore(other)).toBe(-Errno.ESTALE);
  }
  rmSync(share, { recursive: true });
});
