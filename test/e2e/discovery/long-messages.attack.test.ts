// Messages of DNS that take long to read: clients do not wait while a neighbour sends them, and the server answers afterwards.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeMessage } from "../../../src/manager/discovery/dns-message.ts";
import { pointerChain } from "../../manager/discovery/worst-messages.ts";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const ASKER = join(import.meta.dir, "asker.py");
const PINGER = join(import.meta.dir, "pinger.py");
const ROUNDS = "100";
/** Of a client's negotiation on a busy machine; each of these messages took 200 ms by itself. */
const LIMIT_MS = 700;
const made = useNetworks(canMakeNetworks);

test.skipIf(!canMakeNetworks).each([
  ["multicast DNS", "5353", { name: "_smb._tcp.local", type: "PTR", wantsUnicast: false }],
  ["LLMNR", "5355", { name: "BOX", type: "A", wantsUnicast: false }],
])("clients do not wait for a flood of %s, which answers afterwards", async (_, port, question) => {
  await made().startServer().lines.see("ready on port 445");
  await Bun.sleep(2500);
  const start = (count: string, ...messages: Uint8Array[]) => {
    const texts = messages.map((bytes) => Buffer.from(bytes).toString("hex"));
    return made().startThere("python3", ASKER, "10.88.0.2", "10.88.0.1", port, count, ...texts).lines;
  };
  const pinger = made().startThere("python3", PINGER, "10.88.0.1", "4").lines;
  await pinger.see("pinging");
  await start(ROUNDS, pointerChain(290, 2300, 0), pointerChain(120, 400, 120)).see("sent");
  await pinger.see(/slowest \d+/);
  expect(Number(/slowest (\d+)/.exec(pinger.text)?.[1])).toBeLessThan(LIMIT_MS);
  const lines = start("1", encodeMessage({ id: 5, flags: 0, questions: [question] }));
  await lines.see("sent");
  expect(lines.text).toMatch(/^answer \d+/m);
});
