// A neighbour that asks and closes its socket: the kernel reports an ICMP error to the server, which answers others as before.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeMessage } from "../../../src/manager/discovery/dns-message.ts";
import { canMakeNetworks, useNetworks } from "./networks.ts";

const ASKER = join(import.meta.dir, "asker.py");
const PTR = { name: "_smb._tcp.local", type: "PTR", wantsUnicast: false };
const PROBE =
  '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">' +
  "<e:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>" +
  "<a:MessageID>urn:uuid:NUMBER</a:MessageID></e:Header><e:Body></e:Body></e:Envelope>";
const made = useNetworks(canMakeNetworks);

test.skipIf(!canMakeNetworks).each([
  ["multicast DNS", 5353, (number: number) => encodeMessage({ id: number, questions: [PTR] })],
  ["WS-Discovery", 3702, (number: number) => Buffer.from(PROBE.replace("NUMBER", `00${number}`))],
] as const)("%s answers after an asker that was gone", async (_, port, ask) => {
  const server = made().startServer();
  await server.lines.see("ready on port 445");
  await Bun.sleep(2500);
  const hex = (number: number) => Buffer.from(ask(number)).toString("hex");
  const start = (count: string, number: number) =>
    made().startThere("python3", ASKER, "10.88.0.2", "10.88.0.1", String(port), count, hex(number));
  await start("0", 1).child.exited;
  await Bun.sleep(1000);
  // Each waits a second, which a busy machine may need for itself.
  let answers = "";
  for (let number = 2; number < 8 && !answers.startsWith("answer"); number++) {
    const { lines } = start("1", number);
    await lines.see("sent");
    answers = lines.text;
  }
  expect(answers).toMatch(/^answer \d+/m);
  expect(server.lines.text).not.toContain("is not announced there");
});
