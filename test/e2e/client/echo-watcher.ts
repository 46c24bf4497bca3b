// A client process that sends an ECHO every 2 ms until its standard input ends, and prints the round trips.
import { Command } from "../../../src/wire/header.ts";
import { TESTER } from "../../peer/test-server.ts";
import { mountShare } from "./raw-files.ts";

const [, , host = "127.0.0.1", port = "445"] = process.argv;
const { client, session } = await mountShare({ host, port: Number(port) }, TESTER, "test");
const waits: number[] = [];
let isOver = false;
const input = (async () => {
  for await (const _ of Bun.stdin.stream()) continue;
  isOver = true;
})();
const echo = async (): Promise<number> => {
  const started = performance.now();
  await client.demand("ECHO", {
    command: Command.ECHO,
    session,
    body: (writer) => {
      writer.u16(4);
      writer.u16(0);
    },
  });
  return performance.now() - started;
};
for (let i = 0; i < 20; i++) await echo();
console.log("ready");
while (!isOver) {
  waits.push(await echo());
  await Bun.sleep(2);
}
await input;
waits.sort((a, b) => a - b);
const at = (part: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] ?? 0;
console.log(JSON.stringify({ count: waits.length, p50: at(0.5), p99: at(0.99), worst: at(1) }));
client.close();
process.exit(0);
