// Floods from an address of their own: connections, unfinished messages, NEGOTIATEs. That the server refuses them is
// right; the load fails only by what it does to others.
import { RawClient } from "../e2e/client/raw-client.ts";
import { RawSocket } from "../e2e/client/raw-socket.ts";
import type { Ground, Load } from "./load.ts";

/** A second address of the clients' end of the cable. */
export const FLOOD_ADDRESS = "10.77.0.3";

const AT_ONCE = 100;

/** Runs `one` from `AT_ONCE` places again and again, until the time is over; returns how often. */
async function flood(ground: Ground, one: (seconds: number) => Promise<void>): Promise<number> {
  const seconds = ground.isQuick ? 4 : 12;
  const end = performance.now() + seconds * 1000;
  let count = 0;
  const place = async (): Promise<void> => {
    while (performance.now() < end) {
      await one((end - performance.now()) / 1000).catch(() => Bun.sleep(10));
      count++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, place));
  return count;
}

export const connections: Load["run"] = async (ground) => {
  const count = await flood(ground, async () => {
    const socket = await RawSocket.connect(ground.server, FLOOD_ADDRESS);
    await Promise.race([socket.closed, Bun.sleep(200)]);
    socket.destroy();
  });
  return `${count} connections`;
};

/** Each connection announces 8 MiB and sends one of them. */
export const unfinished: Load["run"] = async (ground) => {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, 8 * 1024 * 1024);
  const part = new Uint8Array(64 * 1024);
  part.set([0xfe, 0x53, 0x4d, 0x42, 64, 0]);
  const count = await flood(ground, async () => {
    const socket = await RawSocket.connect(ground.server, FLOOD_ADDRESS);
    socket.send(head);
    for (let i = 0; i < 16; i++) socket.send(part);
    await Promise.race([socket.closed, Bun.sleep(1000)]);
    socket.destroy();
  });
  return `${count} connections`;
};

export const negotiates: Load["run"] = async (ground) => {
  const count = await flood(ground, async () => {
    const client = await RawClient.connect(ground.server, FLOOD_ADDRESS);
    await client.negotiate().catch(() => undefined);
    client.close();
  });
  return `${count} connections`;
};
