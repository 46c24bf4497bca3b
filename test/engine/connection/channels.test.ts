// Which connections are channels of a session; [MS-SMB2] 3.3.1.14.
import { expect, test } from "bun:test";
import { type Channel, channelsOf } from "../../../src/engine/connection/channels.ts";
import { Session } from "../../../src/engine/state/session.ts";

test("the open connections of the session, the newest channel first", () => {
  const session = new Session(1, { revision: 0x0311, cipher: 0, signingAlgorithm: 1, clientGuid: "" });
  const connections = new Map([1, 2, 3, 4].map((id) => [id, { isClosed: id === 2 } as Channel]));
  expect(channelsOf(connections, session)).toEqual([]);
  // 9 is no longer in the table, 2 is closed.
  for (const id of [3, 9, 2, 1]) session.connectionIds.add(id);
  const found = channelsOf(connections, session);
  expect(found).toHaveLength(2);
  expect(found[0]).toBe(connections.get(1) as Channel);
  expect(found[1]).toBe(connections.get(3) as Channel);
});
