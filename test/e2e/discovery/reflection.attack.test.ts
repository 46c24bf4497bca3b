// Questions with the address of a victim would have the server send answers to it: they are few, and hardly longer than the
// questions; askers behind a router, whose addresses are on none of the server's links, get none.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeMessage } from "../../../src/manager/discovery/dns-message.ts";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const ASKER = join(import.meta.dir, "asker.py");
const ROUNDS = 2000;
/** Of 20 answers in each of the seconds that the flood touches. */
const MOST_ANSWERS = 60;
const STATUS = `12340000000100000000000020${"434b"}${"41".repeat(30)}0000210001`;
const A_QUERY = encodeMessage({
  id: 1,
  flags: 0,
  questions: [{ name: "BOX", type: "A", wantsUnicast: false }],
});
const made = useNetworks(canMakeNetworks);

const startServer = async () => {
  await made().startServer("-o", "netbios name service = yes").lines.see("ready on port 445");
  await Bun.sleep(2500);
};

test.skipIf(!canMakeNetworks).each([
  ["LLMNR", "224.0.0.252", "5355", Buffer.from(A_QUERY).toString("hex")],
  ["a node's status", "10.88.0.1", "137", STATUS],
])("a flood of questions for %s gets few answers", async (_, address, port, hex) => {
  await startServer();
  const { lines } = made().startThere("python3", ASKER, "10.88.0.2", address, port, String(ROUNDS), hex);
  await lines.see(/sent \d+ answered \d+/);
  const answers = lines.text.match(/^answer /gm)?.length ?? 0;
  expect(answers).toBeGreaterThan(0);
  expect(answers).toBeLessThanOrEqual(MOST_ANSWERS);
  const [, sent, answered] = /sent (\d+) answered (\d+)/.exec(lines.text) ?? [];
  expect(Number(answered)).toBeLessThan(Number(sent) / 3);
});

test.skipIf(!canMakeNetworks)("an asker of another network gets no answer", async () => {
  await startServer();
  // The neighbour asks from an address that the server can only reach by a route.
  const setUp = "ip addr add 172.31.0.2/32 dev eth0";
  await made().startThere("sh", "-c", setUp).child.exited;
  await made().startHere("ip", "route", "add", "172.31.0.2/32", "via", "10.88.0.2").child.exited;
  const ask = (from: string) =>
    made().startThere("python3", ASKER, from, "10.88.0.1", "137", "3", STATUS).lines;
  await ask("10.88.0.2").see(/^answer /m);
  await ask("172.31.0.2").see(/^sent \d+ answered 0$/m);
});
