// Which extended attributes QUERY_INFO returns; [MS-FSA] 2.1.5.12.10, [MS-SMB2] 2.2.37.
import { describe, expect, test } from "bun:test";
import { scanStart, selectNamed } from "../../../../src/engine/command/query/extended-attributes.ts";
import { QueryInfoFlag } from "../../../../src/wire/command/query-info.ts";
import { Status } from "../../../../src/wire/status.ts";

const { RESTART_SCAN, INDEX_SPECIFIED } = QueryInfoFlag;

describe("scanStart", () => {
  test.each([
    ["the first query begins with the first entry", 0, 0, 0, 0],
    ["the next query continues after the entries returned", 2, 0, 0, 2],
    ["SL_RESTART_SCAN begins anew", 2, RESTART_SCAN, 0, 0],
    ["SL_INDEX_SPECIFIED counts from 1", 2, INDEX_SPECIFIED, 1, 0],
    ["SL_INDEX_SPECIFIED overrides SL_RESTART_SCAN", 0, INDEX_SPECIFIED | RESTART_SCAN, 3, 2],
    ["an index one beyond the last entry is the end of the scan", 0, INDEX_SPECIFIED, 4, 3],
    ["an index further beyond is refused", 0, INDEX_SPECIFIED, 5, undefined],
    ["index 0 is refused", 0, INDEX_SPECIFIED, 0, undefined],
  ])("[MS-FSA] 2.1.5.12.10: %s", (_, nextAttribute, flags, additionalInformation, expected) => {
    const start = scanStart({ nextAttribute }, { flags, additionalInformation }, 3);
    expect(start).toBe(expected);
  });
});

describe("selectNamed", () => {
  const one = { flags: 0, name: "ONE", value: Uint8Array.of(1) };
  const two = { flags: 0, name: "two", value: Uint8Array.of(2) };
  const absent = { flags: 0, name: "absent", value: new Uint8Array(0) };
  test.each([
    ["in the order of the request", ["two", "ONE"], [two, one]],
    ["in any case", ["one", "TWO"], [one, two]],
    ["each once", ["one", "ONE", "two"], [one, two]],
    ["with an empty value for one that the file lacks", ["absent", "two"], [absent, two]],
  ])("returns attributes %s", (_, names, expected) => {
    expect(selectNamed([one, two], names)).toEqual(expected);
  });

  test.each([["a:b"], ["a*b"], [""]])("[MS-FSCC] 2.4.15: %p is no name of an attribute", (name) => {
    expect(selectNamed([one, two], [name])).toBe(Status.INVALID_EA_NAME);
  });
});
