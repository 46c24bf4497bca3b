import { expect, test } from "bun:test";
import { checkArguments, type Operation } from "../../../src/manager/control/operation.ts";
import { OPERATIONS } from "../../../src/manager/control/operations.ts";
import type { Schema } from "../../../src/manager/control/schema.ts";

const ROW: Operation = {
  summary: "",
  args: {
    name: { type: "string", maxLength: 5 },
    level: { type: "string", enum: ["low", "high"] },
    count: { type: "integer", minimum: 1, maximum: 9 },
    flag: { type: "boolean" },
    list: { type: "array", maxItems: 2, items: { type: "string" } },
    place: {
      type: "object",
      properties: { name: { type: "string" }, count: { type: "integer" } },
      required: ["name", "count"],
    },
    map: {
      type: "object",
      maxProperties: 2,
      additionalProperties: { type: ["string", "null"], maxLength: 3 },
    },
  },
  required: ["name"],
  answer: "none",
  changes: false,
};

function faultOf(args: Record<string, unknown>, row: Operation = ROW): string {
  try {
    checkArguments(row, { version: 1, command: "x", ...args });
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

test("arguments that fit pass, and those of nobody are ignored", () => {
  const all = { name: "anna", level: "low", count: 9, flag: false, list: ["a"], map: { a: "b", c: null } };
  expect(faultOf({ ...all, ubus_rpc_session: "17" })).toBe("");
  expect(faultOf({ name: "anna" })).toBe("");
});

test.each([
  [{}, "'name' is missing"],
  [{ name: "" }, "'name' is not a text"],
  [{ name: 5 }, "'name' is not a text"],
  [{ name: "annabel" }, "'name' has more than 5 characters"],
  [{ name: "a", level: "middle" }, "'level' is one of low, high"],
  [{ name: "a", count: 0 }, "'count' is not a number"],
  [{ name: "a", count: 1.5 }, "'count' is not a number"],
  [{ name: "a", count: "7" }, "'count' is not a number"],
  [{ name: "a", count: 10 }, "'count' is more than 9"],
  [{ name: "a", flag: "yes" }, "'flag' is neither true nor false"],
  [{ name: "a", list: "a" }, "'list' is not a list"],
  [{ name: "a", list: ["a", "b", "c"] }, "'list' has more than 2 entries"],
  [{ name: "a", list: ["a", 1] }, "'list' has an entry that is not a text"],
  [{ name: "a", place: [] }, "'place' is not an object"],
  [{ name: "a", place: { name: "x" } }, "'place' has a field 'count' that is not a number"],
  [{ name: "a", place: { name: "x", count: 1, more: 1 } }, "'place' has no field 'more'"],
  [{ name: "a", map: [] }, "'map' is not an object"],
  [{ name: "a", map: { a: "b", c: "d", e: "f" } }, "'map' has more than 2 entries"],
  [{ name: "a", map: { a: "long" } }, "'map' has an entry 'a' that has more than 3 characters"],
  [{ name: "a", map: { a: 1 } }, "'map' has an entry 'a' that is neither a text nor null"],
])("%j is refused: %s", (args, fault) => {
  expect(faultOf(args)).toBe(fault);
});

test("a missing choice says what there is to choose from", () => {
  expect(faultOf({}, OPERATIONS.loglevel)).toBe("'level' is one of error, warn, info, debug");
});

test("every argument of every operation has a bound", () => {
  const isBound = (schema: Schema): boolean =>
    schema.type === "boolean" ||
    "enum" in schema ||
    "maxLength" in schema ||
    (schema.type === "array" && schema.maxItems !== undefined && isBound(schema.items)) ||
    ("properties" in schema && Object.values(schema.properties).every(isBound)) ||
    ("additionalProperties" in schema && isBound(schema.additionalProperties)) ||
    // A safe integer.
    schema.type === "integer";
  const unbound = Object.entries(OPERATIONS).flatMap(([name, { args }]) =>
    Object.entries(args as Record<string, Schema>).flatMap(([arg, schema]) =>
      isBound(schema) ? [] : [`${name} ${arg}`],
    ),
  );
  expect(unbound).toEqual([]);
});

test("required arguments are arguments, and those of a path are required", () => {
  const faults = Object.entries(OPERATIONS as Record<string, Operation>).flatMap(([name, row]) => {
    const inPath = [...(row.http?.path.matchAll(/\{(\w+)\}/g) ?? [])].map(([, argument = ""]) => argument);
    const body = row.http?.body === undefined ? [] : [row.http.body];
    const missing = [...row.required, ...inPath, ...body].filter((argument) => !(argument in row.args));
    const optional = inPath.filter((argument) => !row.required.includes(argument));
    return [...missing, ...optional].map((argument) => `${name} ${argument}`);
  });
  expect(faults).toEqual([]);
});
