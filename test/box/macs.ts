// A Mac on a small box: a backup by Time Machine with its restore, and Finder with many windows, icons and previews.
import { decodeReadResponse } from "../../src/wire/command/read.ts";
import { FILE_ID_ALL_ONES, type FileId } from "../../src/wire/file-id.ts";
import { Access } from "../../src/wire/security/access.ts";
import { CreateOption } from "../../src/wire/command/create.ts";
import { BackupMachine, MIB } from "../e2e/mac/backup-machine.ts";
import { MAC_QUERY, queryApple } from "../e2e/mac/mac.ts";
import { MacFiles } from "../e2e/mac/mac-files.ts";
import { leasingClient } from "../e2e/client/lease-rig.ts";
import type { Pending } from "../e2e/client/raw-calls.ts";
import { type Mount, mountShare, openFile, readCall } from "../e2e/client/raw-files.ts";
import { notifyCall } from "../e2e/client/raw-notify.ts";
import { TESTER } from "../peer/test-server.ts";
import { type Ground, type Load, reason } from "./load.ts";
import { BACKUPS, SHARE } from "./root.ts";

/** As hdiutil makes them by default. */
const BAND = 8 * MIB;
const BLOCKS = BAND / 65_536;

async function telling(ground: Ground, run: Load["run"]): Promise<string> {
  try {
    return await run(ground);
  } catch (error) {
    ground.fail(reason(error));
    return "not done";
  }
}

/** The first backup, one of what has changed, and a restore of all, compared. */
export const backup: Load["run"] = (ground) => telling(ground, backUp);

async function backUp(ground: Ground): Promise<string> {
  const bands = ground.isQuick ? 4 : 24;
  const machine = await BackupMachine.connect(ground.server, {
    share: BACKUPS,
    name: "Mac",
    bandBytes: BAND,
  });
  const start = performance.now();
  await machine.makeBundle();
  for (let band = 0; band < bands; band++) await machine.backUp(band, 0, BLOCKS);
  const middle = performance.now();
  for (let band = 0; band < bands; band += 2) await machine.backUp(band, 16, 32);
  await machine.detach();
  const end = performance.now();
  const { faults, blocks } = await machine.restore();
  for (const fault of faults) ground.fail(`restore: ${fault}`);
  if (blocks !== bands * BLOCKS) ground.fail(`${blocks} blocks restored`);
  machine.cut();
  const rate = (bytes: number, ms: number): string => `${((bytes / MIB) * (1000 / ms)).toFixed(1)} MiB/s`;
  const restored = rate(bands * BAND, performance.now() - end);
  return `${bands} bands: ${rate(bands * BAND, middle - start)}, again ${rate(bands * MIB, end - middle)}, restore ${restored}`;
}

const WINDOWS = 60;
const FILTER = 0x747;

/** Windows that wait for changes, while one is filled with pictures and asks for their Finder information and previews. */
export const finder: Load["run"] = (ground) => telling(ground, browse);

async function browse(ground: Ground): Promise<string> {
  const count = ground.isQuick ? 100 : 600;
  const mount: Mount = await mountShare(ground.server, TESTER, SHARE, leasingClient());
  await queryApple(mount, MAC_QUERY);
  const files = new MacFiles(mount);
  const start = performance.now();
  const windows: Pending[] = [];
  const open = async (name: string): Promise<FileId> => {
    await files.makeFolder(name);
    const options = {
      desiredAccess: Access.READ_DATA | Access.READ_ATTRIBUTES,
      createOptions: CreateOption.DIRECTORY_FILE,
    };
    const { fileId } = await openFile(mount, name, options);
    windows.push(mount.client.start(notifyCall(mount, fileId, { filter: FILTER, outputBytes: 65_536 })));
    return fileId;
  };
  for (let i = 0; i < WINDOWS; i++) await open(`window ${i}`);
  const picture = (i: number): Uint8Array => new Uint8Array(20_000).fill(i);
  for (let i = 0; i < count; i++) await files.write(`window 0\\IMG_${i}.JPG`, picture(i));
  const preview = async (i: number): Promise<void> => {
    const name = `window 0\\IMG_${i}.JPG`;
    await files.chain(
      `${name}:AFP_AfpInfo`,
      { desiredAccess: Access.READ_DATA },
      readCall(mount, FILE_ID_ALL_ONES, 0, 60),
    );
    const [head] = await files.within(
      name,
      { desiredAccess: Access.READ_DATA },
      readCall(mount, FILE_ID_ALL_ONES, 0, 20_000),
    );
    if (head === undefined || Buffer.compare(decodeReadResponse(head.message).data, picture(i)) !== 0)
      ground.fail(`preview of ${name}`);
  };
  for (let round = 0; round < 3; round++) {
    if ((await files.list("window 0")).length !== count) ground.fail("names are missing");
    for (let i = 0; i < count; i += 10)
      await Promise.all(Array.from({ length: 10 }, (_, j) => preview(i + j)));
  }
  const seconds = (performance.now() - start) / 1000;
  mount.client.close();
  return `${WINDOWS} windows, ${count} pictures, listed and shown three times: ${seconds.toFixed(1)} s`;
}
