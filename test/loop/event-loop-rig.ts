// A process with the server's event loop, for event-loop.test.ts: echoes what sockets send, and uses what the runtime has
// while the loop waits without limit. Prints a line for each thing that happened.
import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { Epoll } from "../../src/linux/epoll.ts";
import { acceptSocket, createListener, portOf, receiveNow, sendNow } from "../../src/linux/socket.ts";
import { parseSocketAddress } from "../../src/linux/socket-address.ts";
import { eventLoop, type Watch } from "../../src/loop/event-loop.ts";
import { timers } from "../../src/loop/timers.ts";

const say = (text: string): void => console.log(text);
const bytes = new Uint8Array(65_536);

/** Each thing that the runtime does for the server, or might. */
const tasks: Readonly<Record<string, () => void>> = {
  timer: () => timers.set(30, () => say("timer")),
  sleep: () => void timers.sleep(5).then(() => say("sleep")),
  soon: () => eventLoop.soon(() => eventLoop.soon(() => say("soon"))),
  immediate: () => setImmediate(() => say("immediate")),
  runtimeTimer: () => setTimeout(() => say("runtimeTimer"), 30),
  file: () => void readFile("/proc/self/stat").then(() => say("file")),
  child: () => void Bun.spawn(["true"]).exited.then(() => say("child")),
  dns: () => void lookup("localhost").then(() => say("dns")),
  worker: () => {
    const url = URL.createObjectURL(new Blob(["onmessage = (event) => postMessage(event.data)"]));
    const worker = new Worker(url);
    let count = 0;
    worker.onmessage = () => {
      if (++count < 20) return worker.postMessage(count);
      worker.terminate();
      say("worker");
    };
    worker.postMessage(0);
  },
  // A callback of the runtime that queues an immediate: the loop may not wait before it.
  nested: () => void readFile("/proc/self/stat").then(() => eventLoop.soon(() => say("nested"))),
  throws: () => {
    throw new Error("thrown by a watcher");
  },
};

function echo(fd: number): void {
  const watch = eventLoop.watch(fd, Epoll.IN, {
    ready() {
      const count = receiveNow(fd, bytes, 0, bytes.length);
      if (count <= 0) return eventLoop.unwatch(watch as Watch);
      sendNow(fd, bytes, 0, count);
      for (const word of new TextDecoder().decode(bytes.subarray(0, count)).split(" ")) tasks[word]?.();
    },
  });
}

process.on("SIGUSR2", () => say("signal"));
process.on("uncaughtException", (error) => say(error.message));
if (!eventLoop.open()) throw new Error("the event loop cannot be opened");
const listener = createListener(parseSocketAddress("127.0.0.1", 0) ?? fail(), 16);
eventLoop.watch(listener, Epoll.IN, {
  ready() {
    const fd = acceptSocket(listener);
    if (fd >= 0) echo(fd);
  },
});
say(`port ${portOf(listener)}`);

function fail(): never {
  throw new Error("no address");
}
