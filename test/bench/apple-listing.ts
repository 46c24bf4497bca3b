// Prints the processor time of the listing of 5,000 names for a Mac, with READ_DIR_ATTR of Apple's extensions, and for
// another client: `node run-bun.mjs test/bench/apple-listing.ts [ROUNDS]`. The ratio should be at most 1.3.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeFile, createDirectory, createFile, listNames, mountShare } from "../e2e/client/raw-files.ts";
import { startServer } from "../e2e/client/server.ts";
import { putStream } from "../e2e/client/stream-calls.ts";
import { afpInfo, INFO, listAsMac, mountAsMac } from "../e2e/mac/mac.ts";
import { TESTER } from "../peer/test-server.ts";
import { threadSeconds } from "./processes.ts";

const NAMES = 5000;
const rounds = Number(process.argv[2] ?? 25);

const server = await startServer({});
const mac = await mountAsMac(server, "test");
const other = await mountShare(server, TESTER, "test");
const nameOf = (number: number): string => `file number ${number}`;

async function makeFolder(folder: string, make: (name: string) => Promise<unknown>): Promise<void> {
  await closeFile(other, await createDirectory(other, folder));
  for (let number = 0; number < NAMES; number++) await make(`${folder}\\${nameOf(number)}`);
}

/** Milliseconds of the server's threads. */
async function costOf(list: () => Promise<{ readonly length: number }>): Promise<number> {
  const before = threadSeconds(server.pid);
  const { length } = await list();
  if (length !== NAMES) throw new Error(`${length} names are listed`);
  return (threadSeconds(server.pid) - before) * 1000;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

const root = server.shares.get("test") ?? "";
const withInfo = async (name: string) => {
  await closeFile(other, await createFile(other, name));
  await putStream(other, name + INFO, afpInfo("TEXTttxt"));
};
const folders = {
  "no attributes": async (name: string) => writeFileSync(join(root, name.replace("\\", "/")), ""),
  "made by clients": async (name: string) => closeFile(other, await createFile(other, name)),
  "Finder information": withInfo,
};

console.log("ms of the server's processor time".padEnd(36), "other", "  Mac", "ratio");
for (const [folder, make] of Object.entries(folders)) {
  await makeFolder(folder, make);
  const costs = { other: [] as number[], mac: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    costs.other.push(await costOf(() => listNames(other, folder)));
    costs.mac.push(await costOf(() => listAsMac(mac, folder)));
  }
  const [plain, forMac] = [medianOf(costs.other), medianOf(costs.mac)];
  console.log(folder.padEnd(36), plain.toFixed(1), forMac.toFixed(1), (forMac / plain).toFixed(2));
}
mac.client.close();
other.client.close();
await server.stop();
