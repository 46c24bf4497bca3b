// QUERY_INFO answers of unknown length: complete, or truncated to the client's buffer. [MS-SMB2] 3.3.5.20,
// 2.2.38.
import { expect, test } from "bun:test";
import { answerQuery } from "../../../../src/engine/command/query/answer.ts";
import { Writer } from "../../../../src/wire/cursor.ts";
import { RESPONSE_BUFFER } from "../../../../src/wire/command/buffer-response.ts";
import { statusName } from "../../../../src/wire/status.ts";

/** StructureSize, OutputBufferOffset and OutputBufferLength. */
const FIXED_BYTES = 8;

function answer(size: number, outputBufferLength: number) {
  let writer = new Writer(new Uint8Array(0));
  const exchange = {
    reserve: (bytes: number) => {
      writer = new Writer(new Uint8Array(bytes));
      return writer;
    },
  };
  const status = answerQuery(exchange, { outputBufferLength }, (target) => {
    for (let i = 0; i < size; i++) target.u8(i + 1);
  });
  const view = writer.view;
  return {
    status: statusName(status),
    offset: view.getUint16(2, true),
    length: view.getUint32(4, true),
    data: [...writer.bytes.subarray(FIXED_BYTES, writer.position)],
  };
}

test.each([
  [4, 100, "SUCCESS", [1, 2, 3, 4]],
  [4, 4, "SUCCESS", [1, 2, 3, 4]],
  [5, 4, "BUFFER_OVERFLOW", [1, 2, 3, 4]],
  [200, 2, "BUFFER_OVERFLOW", [1, 2]],
] as const)(
  "[MS-SMB2] 3.3.5.20: %d bytes for a buffer of %d get STATUS_%s",
  (size, outputBufferLength, status, data) => {
    expect(answer(size, outputBufferLength)).toEqual({
      status: `STATUS_${status}`,
      offset: RESPONSE_BUFFER,
      length: data.length,
      data: [...data],
    });
  },
);

test.each([
  ["without data", 0, 10, "SUCCESS"],
  ["truncated to nothing", 3, 0, "BUFFER_OVERFLOW"],
] as const)(
  "[MS-SMB2] 2.2.38: an answer %s has OutputBufferOffset 0",
  (_, size, outputBufferLength, status) => {
    const expected = { status: `STATUS_${status}`, offset: 0, length: 0, data: [] };
    expect(answer(size, outputBufferLength)).toEqual(expected);
  },
);
