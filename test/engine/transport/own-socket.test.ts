// Sockets that the server watches: accepting without descriptors, addresses, and what listening fails with.
import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

const RIG = join(import.meta.dir, "listener-rig.ts");

interface Rig {
  readonly port: number;
  readonly output: () => string;
  readonly stop: () => Promise<string>;
}
const started: { kill: () => void }[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const child of started.splice(0)) child.kill();
});

function spawnRig(words: readonly string[]) {
  const child = Bun.spawn([process.execPath, RIG, ...words], { stdout: "pipe", stderr: "inherit" });
  started.push({ kill: () => child.kill("SIGKILL") });
  return child;
}

async function startRig(...words: string[]): Promise<Rig> {
  const child = spawnRig(words);
  let output = "";
  const ended = (async () => {
    for await (const chunk of child.stdout) output += new TextDecoder().decode(chunk);
  })();
  while (!/port \d+\n/.test(output)) await Bun.sleep(5);
  const stop = async (): Promise<string> => {
    child.kill("SIGTERM");
    await ended;
    return output;
  };
  return { port: Number(/port (\d+)/.exec(output)?.[1]), output: () => output, stop };
}

/** Resolves with the greeting, or with "closed". */
function greetingOf(host: string, port: number, timeoutMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    sockets.push(socket);
    socket.on("data", (data) => resolve(String(data)));
    socket.on("error", () => resolve("closed"));
    socket.on("close", () => resolve("closed"));
    setTimeout(() => resolve("nothing"), timeoutMs);
  });
}

test("a listener without descriptors refuses clients, does not spin, and serves once there are some", async () => {
  const rig = await startRig("127.0.0.1", "24");
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => greetingOf("127.0.0.1", rig.port, 1500)),
  );
  const served = answers.filter((answer) => answer === "hello").length;
  expect(served).toBeGreaterThan(0);
  expect(served).toBeLessThan(24);
  expect(answers.filter((answer) => answer === "closed").length).toBeGreaterThan(0);
  for (const socket of sockets.splice(0)) socket.destroy();
  expect(await greetingOf("127.0.0.1", rig.port)).toBe("hello");
  // A loop that spins takes all of the 1.5 s.
  expect(Number(/cpu (\d+)/.exec(await rig.stop())?.[1])).toBeLessThan(1200);
}, 30_000);

test("an IPv4 client of an IPv6 socket has an IPv4 address, an IPv6 client an IPv6 one", async () => {
  const rig = await startRig("::");
  expect(await greetingOf("127.0.0.1", rig.port)).toBe("hello");
  expect(await greetingOf("::1", rig.port)).toBe("hello");
  for (const socket of sockets) socket.end();
  while (rig.output().split("closed").length < 3) await Bun.sleep(5);
  expect(
    rig
      .output()
      .match(/closed .*/g)
      ?.sort(),
  ).toEqual(["closed 127.0.0.1", "closed ::1"]);
});

/** A link-local address of this machine, if it has one. */
const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, found]) =>
  (found ?? []).filter(({ address }) => address.startsWith("fe80")).map(({ address }) => ({ name, address })),
)[0];

test.if(linkLocal !== undefined)(
  "a link-local address is listened on, and clients have its zone",
  async () => {
    const { name = "", address = "" } = linkLocal ?? {};
    const rig = await startRig(address);
    expect(await greetingOf(`${address}%${name}`, rig.port)).toBe("hello");
    for (const socket of sockets) socket.end();
    while (!rig.output().includes("closed")) await Bun.sleep(5);
    expect(rig.output()).toContain(`closed ${address}%${name}`);
  },
);

describe("listening fails with the kernel's reason", () => {
  test.each([
    ["192.0.2.1", "EADDRNOTAVAIL"],
    ["2001:db8::1", "EADDRNOTAVAIL"],
  ])("on %s: %s", async (address, code) => {
    expect((await new Response(spawnRig([address]).stdout).text()).trim()).toBe(code);
  });
});
