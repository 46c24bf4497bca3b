// Copies 1 GiB to the share `docs` of 127.0.0.1 through one durable handle, again and again until its standard input ends:
// where the connection is lost, it reconnects the handle, or fails. Then it reads the file and compares every byte.
import { randomBytes } from "node:crypto";
import type { CreateRequest } from "../../src/wire/command/create.ts";
import { CreateDisposition, OplockLevel } from "../../src/wire/command/create.ts";
import { leaseV2, leasingClient, READ_WRITE_DATA, RWH } from "../e2e/client/lease-rig.ts";
import { closeFile, type Mount, mountShare, openFile, readFile, writeFile } from "../e2e/client/raw-files.ts";

const USER = { user: "anna", password: "secret12" };
const PIECE = 1024 * 1024;
const PIECES = 1024;
/** How often the client tries to connect again, once in 100 ms. */
const TRIES = 300;

const clientGuid = new Uint8Array(randomBytes(16));
const createGuid = new Uint8Array(randomBytes(16));
const data = new Uint8Array(randomBytes(PIECE));
let reconnects = 0;

function connect(): Promise<Mount> {
  return mountShare({ host: "127.0.0.1", port: 445 }, USER, "docs", leasingClient(clientGuid));
}

async function connectAgain(): Promise<Mount> {
  for (let at = 1; ; at++) {
    try {
      return await connect();
    } catch (error) {
      if (at === TRIES) throw error;
      await Bun.sleep(100);
    }
  }
}

function request(contexts: CreateRequest["contexts"]): Partial<CreateRequest> {
  return {
    desiredAccess: READ_WRITE_DATA,
    createDisposition: CreateDisposition.OPEN_IF,
    oplockLevel: OplockLevel.LEASE,
    contexts: { lease: leaseV2(1, RWH), ...contexts },
  };
}

/** Every piece is another one. */
function piece(at: number): Uint8Array {
  new DataView(data.buffer).setUint32(0, at);
  return data;
}

let isEnding = false;
process.stdin.on("end", () => (isEnding = true)).resume();
let mount = await connect();
const { fileId } = await openFile(
  mount,
  "copy",
  request({ durableRequestV2: { timeoutMs: 0, flags: 0, createGuid } }),
);
process.stdout.write("copying\n");
do {
  for (let at = 0; at < PIECES; at++) {
    try {
      await writeFile(mount, fileId, at * PIECE, piece(at));
    } catch {
      mount.client.close();
      mount = await connectAgain();
      const again = await openFile(
        mount,
        "copy",
        request({ durableReconnectV2: { fileId, createGuid, flags: 0 } }),
      );
      if (again.fileId.persistentLow !== fileId.persistentLow) throw new Error("another handle");
      reconnects++;
      at--;
    }
  }
} while (!isEnding);
for (let at = 0; at < PIECES; at++) {
  const read = await readFile(mount, fileId, at * PIECE, PIECE);
  if (read === undefined || !Buffer.from(read).equals(piece(at)))
    throw new Error(`other bytes in piece ${at}`);
}
await closeFile(mount, fileId);
process.stdout.write(`${PIECES} MiB, ${reconnects} reconnect${reconnects === 1 ? "" : "s"}\n`);
process.exit(0);
