// Every parameter of the schema has a test that shows its effect with a client, so that none comes without one.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { IGNORED } from "../src/manager/config/schema/ignored.ts";
import type { Parameter } from "../src/manager/config/schema/parameter.ts";
import { PARAMETERS, spellingsOf } from "../src/manager/config/schema.ts";
import { EFFECTS } from "./e2e/config/effects/effects.ts";
import { SHOWN_BY, SHOWN_WITHOUT_CLIENT } from "./parameter-effects.ts";

const ignored: ReadonlySet<string> = new Set(IGNORED.map(({ name }) => name));
const parameters = (PARAMETERS as readonly Parameter[]).filter(({ name }) => !ignored.has(name));

test("every parameter that takes effect is in one of the tables, and in no two", () => {
  const named = [
    ...Object.keys(SHOWN_BY),
    ...Object.keys(SHOWN_WITHOUT_CLIENT),
    ...EFFECTS.map((row) => row.parameter),
  ];
  expect(named.toSorted()).toEqual(parameters.map(({ name }) => name).toSorted());
});

test.each(Object.entries(SHOWN_BY))("%s is set by %s.test.ts", (name, file) => {
  const path = new URL(`./e2e/${file}.test.ts`, import.meta.url).pathname;
  const parameter = parameters.find((each) => each.name === name);
  const own = readFileSync(path, "utf8");
  const rigs = [...own.matchAll(/from "\.\.\/(client\/[a-z-]+-rig\.ts)"/g)].map(([, rig]) => `./e2e/${rig}`);
  const text = [own, ...rigs.map((rig) => readFileSync(new URL(rig, import.meta.url), "utf8"))].join("\n");
  const spellings = parameter === undefined ? [] : spellingsOf(parameter);
  expect(spellings.filter((spelling) => isSet(text, spelling))).not.toEqual([]);
});

/** A line `NAME = VALUE`, an option `NAME=VALUE`, or a key of an object of lines. */
function isSet(text: string, spelling: string): boolean {
  const name = spelling.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&");
  return new RegExp(`(?:^|[^a-z0-9:-])${name}(?:["'\`]?: |["'\`][,;]|\\s*=(?!=))`, "im").test(text);
}

test("each row of the table has another outcome with the parameter than without it", () => {
  for (const row of EFFECTS) expect([row.parameter, row.with]).not.toEqual([row.parameter, row.without]);
});

test("the tests without a client exist", () => {
  for (const reason of Object.values(SHOWN_WITHOUT_CLIENT)) {
    const [path] = /test\/\S+\.ts/.exec(reason) ?? [];
    if (path !== undefined) expect(existsSync(new URL(`../${path}`, import.meta.url))).toBe(true);
  }
});
