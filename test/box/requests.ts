// Loads by raw clients in this process: mixed small work, large listings, large streams.
import { InfoType } from "../../src/wire/command/query-info.ts";
import { FileInfoClass } from "../../src/wire/fscc/info-class.ts";
import {
  closeFile,
  createFile,
  deleteCall,
  listDirectory,
  type Mount,
  mountShare,
  openFile,
  queryInfoCall,
  readFile,
  writeFile,
} from "../e2e/client/raw-files.ts";
import { TESTER } from "../peer/test-server.ts";
import { FOLDERS } from "./image.ts";
import { type Ground, type Load, reason } from "./load.ts";
import { SHARE } from "./root.ts";

const MIXED_BYTES = 64 * 1024;
const STREAM_PART = 64 * 1024;
const STREAM_MIB = 16;

/** Runs `work` for each client at once, on a connection of its own; failures are told with the client's number. */
async function eachClient(
  ground: Ground,
  count: number,
  work: (mount: Mount, index: number) => Promise<void>,
): Promise<void> {
  const one = async (index: number): Promise<void> => {
    let mount: Mount | undefined;
    try {
      mount = await mountShare(ground.server, TESTER, SHARE);
      await work(mount, index);
    } catch (error) {
      ground.fail(`client ${index}: ${reason(error)}`);
    } finally {
      mount?.client.close();
    }
  };
  await Promise.all(Array.from({ length: count }, (_, index) => one(index)));
}

/** Each client writes, reads, asks, and deletes a file, again and again. */
export const mixed: Load["run"] = async (ground) => {
  const seconds = ground.isQuick ? 8 : 30;
  const data = new Uint8Array(MIXED_BYTES).fill(0x6d);
  let operations = 0;
  const end = performance.now() + seconds * 1000;
  await eachClient(ground, ground.clients, async (mount, index) => {
    for (let round = 0; performance.now() < end; round++) {
      const file = await createFile(mount, `mixed-${index}-${round % 4}`);
      for (let part = 0; part < 4; part++) await writeFile(mount, file, part * MIXED_BYTES, data);
      for (let part = 0; part < 4; part++) {
        const got = await readFile(mount, file, part * MIXED_BYTES, MIXED_BYTES);
        if (!Buffer.from(got).equals(data)) throw new Error("read what was not written");
      }
      await mount.client.demand("query", queryInfoCall(mount, file, InfoType.FILE, FileInfoClass.ALL));
      await mount.client.demand("delete", deleteCall(mount, file));
      await closeFile(mount, file);
      operations += 12;
    }
  });
  return `${ground.clients} clients: ${(operations / seconds).toFixed(0)} requests/s`;
};

/** Clients list a folder of many names, and look up names that are not there. */
export const listing: Load["run"] = async (ground) => {
  const folder = ground.isQuick ? "some names" : "names";
  const clients = ground.isQuick ? 3 : 1;
  const start = performance.now();
  await eachClient(ground, clients, async (mount, index) => {
    const { fileId } = await openFile(mount, folder);
    const records = await listDirectory(mount, fileId);
    if (records.length < FOLDERS[folder]) throw new Error(`${records.length} names of ${FOLDERS[folder]}`);
    await closeFile(mount, fileId);
    for (let round = 0; round < 20; round++) {
      const missing = await openFile(mount, `${folder}\\missing ${index} ${round}`).then(
        () => false,
        () => !mount.client.socket.isClosed,
      );
      if (!missing) throw new Error("a missing name was not answered as such");
    }
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  return `${clients} × ${FOLDERS[folder]} names, each with 20 missing ones: ${seconds} s`;
};

/** Three clients write a large stream each and read it back. */
export const streams: Load["run"] = async (ground) => {
  const parts = ((ground.isQuick ? 4 : STREAM_MIB) * 1024 * 1024) / STREAM_PART;
  const start = performance.now();
  await eachClient(ground, 3, async (mount, index) => {
    const name = `streams-${index}:large`;
    const file = await createFile(mount, name);
    for (let part = 0; part < parts; part++) {
      const data = new Uint8Array(STREAM_PART).fill(part + index);
      await writeFile(mount, file, part * STREAM_PART, data);
    }
    await closeFile(mount, file);
    const { fileId } = await openFile(mount, name);
    for (let part = 0; part < parts; part++) {
      const got = await readFile(mount, fileId, part * STREAM_PART, STREAM_PART);
      const wanted = new Uint8Array(STREAM_PART).fill(part + index);
      if (!Buffer.from(got).equals(wanted)) throw new Error(`part ${part} of the stream differs`);
    }
    await closeFile(mount, fileId);
  });
  const mib = (3 * parts * STREAM_PART) / 1024 / 1024;
  return `${mib} MiB written and read: ${((performance.now() - start) / 1000).toFixed(1)} s`;
};
