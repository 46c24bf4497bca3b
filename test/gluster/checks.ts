// What of SMB holds between clients of two servers on one volume, and what does not.
import { Access } from "../../src/wire/security/access.ts";
import {
  ChangeNotifyFlag,
  CompletionFilter,
  encodeChangeNotifyRequest,
} from "../../src/wire/command/change-notify.ts";
import { CreateDisposition, CreateOption, OplockLevel, ShareAccess } from "../../src/wire/command/create.ts";
import { FileAttribute } from "../../src/wire/fscc/attributes.ts";
import { Command } from "../../src/wire/header.ts";
import { Status } from "../../src/wire/status.ts";
import { EXCLUSIVE_NOW, lockOne } from "../e2e/client/lock-calls.ts";
import { StatusError } from "../e2e/client/raw-client.ts";
import {
  callOn,
  closeFile,
  createFile,
  type Mount,
  openFile,
  READ_WRITE,
  readFile,
  writeFile,
} from "../e2e/client/raw-files.ts";
import type { Volume } from "./volume.ts";

/** Two clients, each of its own server. */
export interface Pair {
  readonly one: Mount;
  readonly other: Mount;
  readonly volume: Volume;
  /** Connects a client of the first server anew. */
  readonly reconnect: () => Promise<Mount>;
}

export interface Check {
  readonly what: string;
  /** What was found when this was written; the README says so. */
  readonly holds: boolean;
  readonly run: (pair: Pair) => Promise<boolean>;
}

const encoder = new TextEncoder();

async function put(mount: Mount, name: string, text: string): Promise<void> {
  const file = await createFile(mount, name);
  await writeFile(mount, file, 0, encoder.encode(text));
  await closeFile(mount, file);
}

async function get(mount: Mount, name: string): Promise<string> {
  const { fileId } = await openFile(mount, name);
  try {
    return new TextDecoder().decode(await readFile(mount, fileId, 0, 65_536));
  } finally {
    await closeFile(mount, fileId);
  }
}

/** True as soon as `test` is, at most after `ms`. */
async function within(ms: number, test: () => Promise<boolean> | boolean): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await Bun.sleep(50))
    if (await test()) return true;
  return false;
}

export const CHECKS: readonly Check[] = [
  {
    what: "a file that one server's client wrote is read from the other",
    holds: true,
    async run({ one, other }) {
      await put(one, "first", "hello");
      return (await get(other, "first")) === "hello";
    },
  },
  {
    what: "new data of a file that the other has read is read there within two seconds",
    holds: true,
    async run({ one, other }) {
      await put(one, "changed", "old");
      await get(other, "changed");
      await put(one, "changed", "new data");
      return within(2000, async () => (await get(other, "changed")) === "new data");
    },
  },
  {
    what: "attributes and streams are the same on both",
    holds: true,
    async run({ one, other }) {
      const { fileId } = await openFile(one, "marked", {
        desiredAccess: READ_WRITE,
        createDisposition: CreateDisposition.CREATE,
        fileAttributes: FileAttribute.HIDDEN,
      });
      await closeFile(one, fileId);
      await put(one, "marked:stream", "beside the data");
      const found = await openFile(other, "MARKED");
      await closeFile(other, found.fileId);
      const isHidden = (found.file.attributes & FileAttribute.HIDDEN) !== 0;
      return isHidden && (await get(other, "marked:stream")) === "beside the data";
    },
  },
  {
    what: "a byte-range lock stops locks of the other server's clients",
    holds: true,
    async run(pair) {
      const { one, other } = pair;
      await put(one, "locked", "0123456789");
      const options = { desiredAccess: READ_WRITE };
      const mine = (await openFile(one, "locked", options)).fileId;
      const theirs = (await openFile(other, "locked", options)).fileId;
      await one.client.demand("lock", lockOne(one, mine, 0, 5, EXCLUSIVE_NOW));
      const refused = await other.client.request(lockOne(other, theirs, 2, 2, EXCLUSIVE_NOW));
      const free = await other.client.request(lockOne(other, theirs, 6, 2, EXCLUSIVE_NOW));
      await closeFile(one, mine);
      await closeFile(other, theirs);
      return refused.status === Status.LOCK_NOT_GRANTED && free.status === Status.SUCCESS;
    },
  },
  {
    what: "a byte-range lock stops writes of the other server's clients",
    holds: false,
    async run({ one, other }) {
      await put(one, "guarded", "0123456789");
      const options = { desiredAccess: READ_WRITE };
      const mine = (await openFile(one, "guarded", options)).fileId;
      const theirs = (await openFile(other, "guarded", options)).fileId;
      await one.client.demand("lock", lockOne(one, mine, 0, 5, EXCLUSIVE_NOW));
      const isStopped = await isRefused(writeFile(other, theirs, 0, encoder.encode("x")));
      await closeFile(one, mine);
      await closeFile(other, theirs);
      return isStopped;
    },
  },
  {
    what: "share modes hold for the other server's clients",
    holds: false,
    async run({ one, other }) {
      await put(one, "mine", "alone");
      const mine = (await openFile(one, "mine", { shareAccess: ShareAccess.READ })).fileId;
      const opening = openFile(other, "mine", { desiredAccess: Access.WRITE_DATA });
      const isStopped = await isRefused(opening);
      if (!isStopped) await closeFile(other, (await opening).fileId);
      await closeFile(one, mine);
      return isStopped;
    },
  },
  {
    what: "an oplock is broken by an open at the other server",
    holds: false,
    async run({ one, other }) {
      await put(one, "cached", "kept");
      const mine = await openFile(one, "cached", {
        oplockLevel: OplockLevel.BATCH,
        desiredAccess: READ_WRITE,
      });
      // Without an oplock nothing is cached, and nothing needs a break.
      if (mine.oplockLevel === OplockLevel.NONE) return true;
      const { fileId } = await openFile(other, "cached", { desiredAccess: READ_WRITE });
      const broken = await one.client.nextUnclaimed(500);
      await closeFile(other, fileId);
      await closeFile(one, mine.fileId);
      return broken !== undefined;
    },
  },
  {
    what: "change notification reports what the other server's clients do",
    holds: false,
    async run({ one, other }) {
      const { fileId } = await openFile(one, "", { createOptions: CreateOption.DIRECTORY_FILE });
      const waiting = one.client.start(
        callOn(one, Command.CHANGE_NOTIFY, (writer) =>
          encodeChangeNotifyRequest(writer, {
            flags: ChangeNotifyFlag.WATCH_TREE,
            outputBufferLength: 8192,
            fileId,
            completionFilter: CompletionFilter.FILE_NAME,
          }),
        ),
      );
      await waiting.interim;
      await put(other, "noticed", "");
      const heard = await Promise.race([waiting.reply.then(() => true), Bun.sleep(1000).then(() => false)]);
      await closeFile(one, fileId);
      return heard;
    },
  },
  {
    what: "files are read and written while a brick is dead",
    holds: true,
    async run({ one, other, volume }) {
      await put(one, "before", "before");
      volume.killBrick(0);
      await put(one, "meanwhile", "meanwhile");
      return (await get(other, "before")) === "before" && (await get(other, "meanwhile")) === "meanwhile";
    },
  },
  {
    what: "the brick gets what it missed within a minute of its return",
    holds: true,
    async run({ volume }) {
      volume.revive();
      return within(60_000, () => volume.isOnBrick(0, "meanwhile", "meanwhile"));
    },
  },
  {
    what: "requests fail, and do not hang, while both bricks are dead",
    holds: true,
    async run({ one, volume }) {
      for (const brick of [0, 1]) volume.killBrick(brick);
      return Promise.race([
        within(20_000, () => isRefused(get(one, "before"))),
        Bun.sleep(40_000).then(() => false),
      ]);
    },
  },
  {
    what: "clients that connect anew have their files again within 30 seconds of the bricks' return",
    holds: true,
    async run({ volume, reconnect }) {
      volume.revive();
      return within(30_000, async () => {
        try {
          return (await get(await reconnect(), "before")) === "before";
        } catch (error) {
          if (error instanceof StatusError) return false;
          throw error;
        }
      });
    },
  },
];

async function isRefused(action: Promise<unknown>): Promise<boolean> {
  try {
    await action;
    return false;
  } catch (error) {
    if (error instanceof StatusError) return true;
    throw error;
  }
}
