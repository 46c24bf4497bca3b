import { expect, test } from "bun:test";
import { CliError, describeOptions, type Option, parseArguments } from "../../src/cli/arguments.ts";

const OPTIONS: readonly Option[] = [
  { long: "config", short: "C", value: "CONF", help: "c" },
  { long: "nodetach", short: "n", value: "?WAY", help: "n" },
  { long: "verbose", short: "v", help: "v" },
  { long: "version", short: "V", help: "V" },
];

const parse = (text: string) => parseArguments(text.split(" "), OPTIONS);

test("--n is --nodetach, as in OpenWrt's init script", () => {
  expect(parse("--n").value("nodetach")).toBe("");
  expect(parse("--nodetach=0").value("nodetach")).toBe("0");
  expect(parse("-n0").value("nodetach")).toBe("0");
});

test("an optional value is not read from the next word", () => {
  const args = parse("-n x");
  expect(args.value("nodetach")).toBe("");
  expect(args.operands).toEqual(["x"]);
});

test("a value may be separate, attached or after an equals sign; letters may be combined", () => {
  for (const text of ["-C f", "-Cf", "-C=f", "--config f", "--config=f", "--conf f", "-vC f"])
    expect(parse(text).value("config")).toBe("f");
  expect(parse("-vV").has("version")).toBe(true);
  expect(parse("--config=a=b").value("config")).toBe("a=b");
});

test("options may be repeated, and words after -- are operands", () => {
  const args = parse("a -C 1 b -C 2 -- -v --config");
  expect(args.values("config")).toEqual(["1", "2"]);
  expect(args.value("config")).toBe("2");
  expect(args.operands).toEqual(["a", "b", "-v", "--config"]);
  expect(args.has("verbose")).toBe(false);
  expect(parse("-").operands).toEqual(["-"]);
});

test.each([
  ["--frob", "unknown option --frob, see --help"],
  ["-x", "unknown option -x, see --help"],
  ["--ver", "--ver may be --verbose or --version, write it out"],
  ["--verbose=1", "--verbose takes no value"],
  ["-C", "-C needs CONF"],
  ["--config", "--config needs CONF"],
])("%s is refused", (text, message) => {
  expect(() => parse(text)).toThrow(new CliError(message));
});

test("describeOptions aligns the columns", () => {
  expect(describeOptions(OPTIONS).split("\n").slice(0, 2)).toEqual([
    "  -C, --config CONF     c",
    "  -n, --nodetach[=WAY]  n",
  ]);
});
