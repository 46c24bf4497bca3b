// The table of src/engine/connection/README.md, walked at the socket: every event in every state of a session.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { EVENTS, startServers, STATES } from "../client/session-states.ts";

const DOCUMENT = resolve(import.meta.dir, "../../../src/engine/connection/README.md");

interface Row {
  readonly event: string;
  readonly states: readonly string[];
  readonly result: string;
  readonly clause: string;
}

/** The rows of the table with the head `event | states | result | clause`. */
function readRows(): Row[] {
  const lines = readFileSync(DOCUMENT, "utf8").split("\n");
  const from = lines.indexOf("| event | states | result | clause |") + 2;
  const to = lines.findIndex((line, at) => at > from && !line.startsWith("| "));
  return lines.slice(from, to).map((line) => {
    const [event = "", states = "", result = "", clause = ""] = line.slice(2, -2).split(" | ");
    return { event, states: states.split("; "), result, clause };
  });
}

const rows = readRows();
let servers: Awaited<ReturnType<typeof startServers>>;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());

test("the document has every event in every state once, with a clause", () => {
  const pairs = rows.flatMap(({ event, states }) => states.map((state) => `${event} / ${state}`));
  const all = Object.keys(EVENTS).flatMap((event) =>
    Object.keys(STATES).map((state) => `${event} / ${state}`),
  );
  expect(pairs.toSorted()).toEqual(all.toSorted());
  expect(rows.filter(({ clause }) => clause === "")).toEqual([]);
});

test.each(Object.entries(EVENTS))("%s", async (event, act) => {
  const outcomes = await Promise.all(
    Object.entries(STATES).map(async ([state, enter]) => {
      const stage = await enter(servers.serverFor(state));
      const outcome = await act(stage);
      for (const client of [stage.client, ...stage.others]) client.close();
      return [state, outcome] as const;
    }),
  );
  const expected = Object.keys(STATES).map((state) => {
    const row = rows.find((each) => each.event === event && each.states.includes(state));
    return [state, row?.result];
  });
  expect(outcomes as readonly unknown[]).toEqual(expected);
});
