// `minismbd status --watch`: the throughput of each client, again and again.
import { setTimeout as sleep } from "node:timers/promises";
import { askAll } from "../manager/control/client.ts";
import type { ConnectionRow, SessionRow } from "../port/control.ts";
import { formatTable, sizeText } from "./status-tables.ts";

interface Client {
  readonly address: string;
  readonly user: string;
  readonly received: number;
  readonly sent: number;
  readonly requests: number;
}

/** Prints a table every `seconds` until the reader of standard output is gone, or a signal comes. */
export async function watch(path: string, seconds: number): Promise<number> {
  let before = new Map<number, ConnectionRow>();
  let beforeMs = performance.now();
  let isOver = false;
  process.stdout.on("error", () => (isOver = true));
  while (!isOver) {
    const rows = await askAll<ConnectionRow>(path, "connections");
    const sessions = await askAll<SessionRow>(path, "sessions");
    const now = performance.now();
    const users = new Map(sessions.map(({ id, user }) => [id, user]));
    const clients = rows.map((row) => compare(row, before.get(row.id), users, (now - beforeMs) / 1000));
    const clear = process.stdout.isTTY ? "\x1b[H\x1b[2J" : "";
    process.stdout.write(`${clear}${formatClients(clients)}\n`);
    before = new Map(rows.map((row) => [row.id, row]));
    beforeMs = now;
    await sleep(seconds * 1000);
  }
  return 0;
}

function compare(
  row: ConnectionRow,
  before: ConnectionRow | undefined,
  users: ReadonlyMap<number, string>,
  seconds: number,
): Client {
  const rate = (of: (counted: ConnectionRow["traffic"]) => number): number =>
    before === undefined || seconds <= 0 ? 0 : (of(row.traffic) - of(before.traffic)) / seconds;
  return {
    address: row.remoteAddress,
    user: [...new Set(row.sessions.flatMap((id) => users.get(id) ?? []))].join(", "),
    received: rate(({ receivedBytes }) => receivedBytes),
    sent: rate(({ sentBytes }) => sentBytes),
    requests: rate(({ requests }) => requests),
  };
}

function formatClients(clients: readonly Client[]): string {
  const rows = clients.map(({ address, received, requests, sent, user }) => [
    address,
    user,
    `${sizeText(Math.round(received))}/s`,
    `${sizeText(Math.round(sent))}/s`,
    Math.round(requests),
  ]);
  return formatTable(["Client", "User", "Writes", "Reads", "Requests/s"], rows);
}
