// The event loop of the server's sockets inside the runtime's: what the runtime does goes on while the loop waits without
// limit, and nothing wakes it up when there is nothing to do.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

const RIG = join(import.meta.dir, "event-loop-rig.ts");

let child: ReturnType<typeof startChild>;
let socket: Socket;
let output = "";
let echoed = "";

function startChild() {
  return Bun.spawn([process.execPath, RIG], { stdout: "pipe", stderr: "inherit" });
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`${what}; the process printed:\n${output}`);
    await Bun.sleep(5);
  }
}

/** How often the process' main thread has gone to sleep. */
function sleepsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, "utf8");
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
}

beforeAll(async () => {
  child = startChild();
  void (async () => {
    for await (const chunk of child.stdout) output += new TextDecoder().decode(chunk);
  })();
  await until(() => /port \d+\n/.test(output), "no port");
  socket = connect(Number(/port (\d+)/.exec(output)?.[1]), "127.0.0.1");
  socket.setNoDelay(true);
  socket.on("data", (chunk) => {
    echoed += String(chunk);
  });
  await new Promise((resolve) => socket.once("connect", resolve));
});
afterAll(() => {
  socket.destroy();
  child.kill("SIGKILL");
});

const printed = (word: string): number => output.split("\n").filter((line) => line === word).length;

describe("while the loop waits without limit", () => {
  test.each([
    "timer",
    "sleep",
    "soon",
    "immediate",
    "runtimeTimer",
    "file",
    "child",
    "dns",
    "worker",
    "nested",
  ])("%s works", async (word) => {
    const before = printed(word);
    socket.write(word);
    await until(() => printed(word) > before, `${word} did not happen`);
  });

  test("a signal is handled", async () => {
    const before = printed("signal");
    child.kill("SIGUSR2");
    await until(() => printed("signal") > before, "no signal");
  });

  test("an error of a watcher is reported, and the others are served", async () => {
    socket.write("throws");
    await until(() => printed("thrown by a watcher") === 1, "no error");
    echoed = "";
    socket.write("again");
    await until(() => echoed.endsWith("again"), "no echo");
  });
});

test("nothing wakes the loop up when there is nothing to do", async () => {
  // The last wait with a limit ends about 3 s after the last event.
  let woken = 1;
  for (let round = 0; round < 6 && woken > 0; round++) {
    const before = sleepsOf(child.pid);
    await Bun.sleep(1500);
    woken = sleepsOf(child.pid) - before;
  }
  expect(woken).toBe(0);
}, 20_000);

test("a thousand messages in a row are echoed in order", async () => {
  echoed = "";
  const words = Array.from({ length: 1000 }, (_, i) => `<${i}>`);
  for (const word of words) socket.write(word);
  await until(() => echoed.length >= words.join("").length, "not all came back");
  expect(echoed).toBe(words.join(""));
});

describe("while a client sends a request at each reply", () => {
  const DEADLINE_MS = 5000;
  let isBusy = true;
  let rounds = 0;

  beforeAll(async () => {
    const busy = connect(Number(/port (\d+)/.exec(output)?.[1]), "127.0.0.1");
    busy.setNoDelay(true);
    busy.on("data", () => {
      rounds++;
      if (isBusy) busy.write("x");
      else busy.destroy();
    });
    await new Promise((resolve) => busy.once("connect", resolve));
    busy.write("x");
  });
  afterAll(() => {
    isBusy = false;
  });

  test.each(["soon", "immediate", "runtimeTimer", "file", "child", "worker", "nested"])(
    "%s works",
    async (word) => {
      const before = [printed(word), rounds] as const;
      const end = performance.now() + DEADLINE_MS;
      socket.write(word);
      await until(() => printed(word) > before[0] || performance.now() > end, `${word} did not happen`);
      expect(printed(word)).toBe(before[0] + 1);
      await until(() => rounds > before[1] + 10, "the busy client is not served");
    },
  );
});
