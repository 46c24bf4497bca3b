// A reply whose buffer a worker may still write to, because its READ was not answered in time.
import { expect, test } from "bun:test";
import type { PooledBuffer } from "../../../src/engine/transport/buffer-pool.ts";
import type { Exchange, Row } from "../../../src/engine/connection/exchange.ts";
import type { TransferBuffer } from "../../../src/engine/vfs/transfer-buffer.ts";
import { Command } from "../../../src/wire/header.ts";
import { Status } from "../../../src/wire/status.ts";
import { compound, FakeConnection, request } from "./connection-rig.ts";

const DATA_BYTES = 1000;

test("responses do not lie where a worker of a timed-out READ may still write", () => {
  const connection = new FakeConnection();
  const inUse: TransferBuffer[] = [];
  const rows: Row[] = [];
  const row = { name: "", bodySize: 4, mayChangeData: false, needs: "nothing" } as const;
  rows[Command.ECHO] = {
    ...row,
    handle: (exchange: Exchange) => {
      exchange.reserve(DATA_BYTES).raw(new Uint8Array(DATA_BYTES).fill(exchange.messageId));
      return Status.SUCCESS;
    },
  };
  rows[Command.READ] = {
    ...row,
    bodySize: 24,
    handle: (exchange: Exchange) => {
      exchange.reserve(DATA_BYTES);
      inUse.push(exchange.replyBuffer);
      exchange.replyBuffer.beginUse();
      return Status.IO_TIMEOUT;
    },
  };
  const late = (bytes: Uint8Array): boolean => bytes.some((byte) => byte === 0xee);
  const { sendReply } = connection;
  // The worker writes at the worst moment: when the reply is complete.
  connection.sendReply = (reply: PooledBuffer, to: number) => {
    for (const { bytes } of inUse) bytes.fill(0xee);
    sendReply.call(connection, reply, to, undefined);
  };
  const sent: Uint8Array[] = [];
  connection.sent.push = (bytes: Uint8Array) => sent.push(bytes);
  const echo = (messageId: number) => request({ command: Command.ECHO, messageId });
  connection.handle(compound(echo(1), request({ command: Command.READ, messageId: 2 }), echo(3)), rows);
  expect(sent).toHaveLength(1);
  expect(late(sent[0] ?? new Uint8Array())).toBe(false);
  expect(sent[0]?.filter((byte) => byte === 1).length).toBeGreaterThanOrEqual(DATA_BYTES);
  const { pool } = connection.context;
  expect(pool.lentBytes).toBeGreaterThan(0);
  for (const buffer of inUse) buffer.endUse();
  expect(pool.lentBytes).toBe(0);
});
