// Multicast DNS between two networks of the test's own: the neighbour is python3-zeroconf.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const PYTHON = "/usr/bin/python3";
const NEIGHBOUR = join(import.meta.dir, "neighbour.py");
const canRun = canMakeNetworks && existsSync("/usr/lib/python3/dist-packages/zeroconf");
const made = useNetworks(canMakeNetworks);

const startServer = (...options: string[]) => made().startServer(...options);
const startNeighbour = (...words: string[]) => made().startThere(PYTHON, NEIGHBOUR, ...words);

test.skipIf(!canRun)(
  "a neighbour sees the server come with name, port, address and TXT record, and go",
  async () => {
    const { lines } = startNeighbour("browse", "10.88.0.2", "50");
    await lines.see("browsing");
    const server = startServer();
    await lines.see(/^found BOX \S+\.local\. 445 10\.88\.0\.1 1$/m);
    server.child.kill("SIGTERM");
    await lines.see("gone BOX");
  },
);

test.skipIf(!canRun)("a server that starts first is found by a neighbour that asks later", async () => {
  const server = startServer();
  await server.lines.see("ready on port 445");
  await Bun.sleep(3000);
  const { lines } = startNeighbour("browse", "10.88.0.2", "50");
  await lines.see(/^found BOX \S+\.local\. 445 10\.88\.0\.1 1$/m);
});

test.skipIf(!canRun)(
  "the name of another machine stays that machine's: the server takes another",
  async () => {
    const holder = startNeighbour("hold", "10.88.0.2", "50", "BOX");
    await holder.lines.see("holding");
    const server = startServer();
    await server.lines.see(
      "another machine has the server's name in the network, so it is announced as 'BOX (2)'",
    );
    const { lines } = startNeighbour("browse", "10.88.0.2", "50");
    await lines.see(/^found BOX \(2\) \S+\.local\. 445 10\.88\.0\.1 1$/m);
  },
);

test.skipIf(!canRun)(
  "beside another responder of the system, with the parameter off, or on another port nothing is announced",
  async () => {
    const { lines } = startNeighbour("browse", "10.88.0.2", "50");
    await lines.see("browsing");
    await startServer("-o", "multicast dns register = no").lines.see("ready on port 445");
    await startServer("-p", "4450").lines.see("ready on port 4450");
    const other = made().startHere(PYTHON, NEIGHBOUR, "browse", "10.88.0.1", "50");
    await other.lines.see("browsing");
    await startServer("-p", "4451", "-o", "multicast dns register = yes").lines.see(
      "another program answers multicast DNS here, so the server does not",
    );
    await Bun.sleep(2500);
    expect(lines.text).not.toContain("found");
  },
);

test.skipIf(!canMakeNetworks)("of two servers of one name the second takes another", async () => {
  const first = made().startServer();
  await first.lines.see("ready on port 445");
  await Bun.sleep(2500);
  const second = made().startServerThere();
  await second.lines.see(
    "another machine has the server's name in the network, so it is announced as 'BOX (2)'",
  );
  await Bun.sleep(2500);
  expect(first.lines.text).not.toContain("another machine has");
  expect(second.lines.text).not.toContain("BOX (3)");
});
