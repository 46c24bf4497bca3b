// Man pages and README match the schema; the schema is consistent.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generatedFiles } from "../man/generate.ts";
import { LIMITS } from "../man/limits.ts";
import { foreignNames, REFUSED_PARAMETERS } from "../src/manager/config/foreign.ts";
import { findParameter, PARAMETERS, spellingsOf } from "../src/manager/config/schema.ts";
import type { Parameter } from "../src/manager/config/schema/parameter.ts";

const ROOT = join(import.meta.dir, "..");
const parameters = PARAMETERS as readonly Parameter[];

test.each([...generatedFiles().keys()])("%s is up to date, else: npm run docs", (path) => {
  expect(readFileSync(join(ROOT, path), "utf8") === generatedFiles().get(path)).toBe(true);
});

test("every spelling belongs to one parameter", () => {
  const spellings = parameters.flatMap((parameter) => spellingsOf(parameter));
  expect(new Set(spellings).size).toBe(spellings.length);
  for (const parameter of parameters)
    for (const spelling of spellingsOf(parameter)) expect(findParameter(spelling)?.name).toBe(parameter.name);
  const foreign = [...foreignNames(), ...REFUSED_PARAMETERS.keys()];
  expect(foreign.filter((name) => findParameter(name) !== undefined)).toEqual([]);
  expect(foreign.filter((name, index) => foreign.indexOf(name) !== index)).toEqual([]);
});

test("defaults are valid values of their parameter", () => {
  for (const { name, type, choices, default: standard, defaultHelp } of parameters) {
    if (defaultHelp !== undefined) continue;
    if (type === "boolean") expect([name, ["yes", "no"].includes(standard)]).toEqual([name, true]);
    if (type === "choice")
      expect([
        name,
        Object.values(choices ?? {})
          .flat()
          .includes(standard),
      ]).toEqual([name, true]);
  }
});

test("every limit of the README's table names a parameter and a test that exist", () => {
  const sources = new Map<string, string>();
  const missing = LIMITS.filter(({ option, standard, test: id }) => {
    const [path = "", title = ""] = id.split("#");
    const source = sources.get(path) ?? readFileSync(join(ROOT, path), "utf8");
    sources.set(path, source);
    const row = option === undefined ? undefined : findParameter(option);
    if (option !== undefined && row === undefined) return true;
    // A default that is a number is the parameter's; a share has its own of some.
    const number = /^\d+/.exec(standard)?.[0];
    const isStale =
      row !== undefined && number !== undefined && /^\d+$/.test(row.default) && row.default !== number;
    return title === "" || !source.includes(title) || (isStale && row?.scope !== "both");
  });
  expect(missing.map(({ name, per, test: id }) => `${name} of one ${per}: ${id}`)).toEqual([]);
});

test("every parameter of ksmbd.conf(5) is known", () => {
  const names = readFileSync(join(ROOT, "test/vectors/ksmbd-parameters.txt"), "utf8").trim().split("\n");
  const known = names.filter((name) => !name.startsWith("#"));
  expect(known.length).toBeGreaterThan(60);
  expect(known.filter((name) => findParameter(name) === undefined)).toEqual([]);
});

test.skipIf(Bun.which("groff") === null)("groff formats the man pages without warnings", () => {
  for (const path of ["man/minismbd.8", "man/minismbd.conf.5"]) {
    const result = Bun.spawnSync(["groff", "-man", "-ww", "-z", join(ROOT, path)], {
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(result.stderr.toString()).toBe("");
  }
});

test("links of the README lead to existing files", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? "");
  expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
