// Floods a web page for a time: handshakes of TLS and requests from many addresses of loopback, as many as the
// page admits. A process of its own, so that the test's other clients are not delayed by it.
import { connect } from "node:tls";

const [port = "", milliseconds = ""] = process.argv.slice(2);
const CLIENTS = 32;
const REQUESTS = 5;
const end = performance.now() + Number(milliseconds);
let answers = 0;

async function client(index: number): Promise<void> {
  while (performance.now() < end) await once(`127.0.2.${1 + index}`);
}

/** One connection with a few requests. */
function once(localAddress: string): Promise<void> {
  return new Promise((resolve) => {
    const options = { host: "127.0.0.1", port: Number(port), localAddress, rejectUnauthorized: false };
    const socket = connect(options, () => ask());
    let left = REQUESTS;
    const ask = (): void => {
      socket.write("GET /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    };
    socket.on("data", (bytes: Uint8Array) => {
      if (!Buffer.from(bytes).toString("latin1").includes("HTTP/1.1 ")) return;
      answers++;
      if (--left > 0 && performance.now() < end) ask();
      else socket.destroy();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve());
  });
}

await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
process.stdout.write(`${answers}\n`);
process.exit(0);
