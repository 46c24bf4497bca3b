// A process that listens as the server does and greets each client, for own-socket.test.ts: it may get few descriptors.
import { InheritedSockets } from "../../../src/engine/transport/inherited-sockets.ts";
import { listenTcp } from "../../../src/engine/transport/listener.ts";
import type { Accept } from "../../../src/engine/transport/stream-socket.ts";
import { raiseOpenFileLimit, setOpenFileLimit } from "../../../src/linux/limits.ts";

const [address = "", limit = ""] = process.argv.slice(2);
raiseOpenFileLimit();
const bytes = new TextEncoder().encode("hello");
const open = new Set<string>();

try {
  const accept: Accept = (socket, remoteAddress) => {
    open.add(remoteAddress);
    socket.write(bytes, 0, bytes.length);
    const room = new Uint8Array(100);
    return {
      readable: () => void socket.receive(room, 0, room.length),
      drained: () => {},
      ended: () => socket.end(),
      closed: () => console.log(`closed ${remoteAddress}`),
    };
  };
  const listener = listenTcp(address, 0, accept, new InheritedSockets([]));
  if (limit !== "") setOpenFileLimit({ soft: Number(limit), hard: Number(limit) });
  console.log(`port ${listener.port}`);
  process.on("SIGTERM", () => {
    console.log(`cpu ${Math.round(process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000)}`);
    process.exit(0);
  });
} catch (error) {
  console.log((error as { code?: string }).code);
}
