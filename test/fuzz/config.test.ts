// Fuzz of the configuration: mutated, huge, deep and circular files end in a configuration or in a ConfigError, soon, and
// never in a share that is open wider than the file says.
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { effectiveSection } from "../../src/manager/config/effective.ts";
import { buildConfiguration, type Configuration, loadConfiguration } from "../../src/manager/config/load.ts";
import { ConfigError, type Dialect, parseConfig } from "../../src/manager/config/parse.ts";
import { Report } from "../../src/manager/config/report.ts";
import { PARAMETERS } from "../../src/manager/config/schema.ts";
import { readMachine } from "../../src/manager/config/settings.ts";
import { BOXES } from "../e2e/config/posted/boxes.ts";
import { STORAGE } from "../e2e/config/posted/storage.ts";
import { createRandom, mutate } from "./bytes.ts";

const seconds = Number(process.env["FUZZ_SECONDS"] ?? "1");
const seed = Number(process.env["FUZZ_SEED"] ?? "20261122");
const MACHINE = readMachine();
/** One file must not hold up the event loop; generous, because the machine may be busy. */
const MAX_MS = 2000;

const samples = [...BOXES, ...STORAGE].flatMap(({ files }) => Object.values(files));

/** Reads a text as the server does; each `include` reads the text itself or another sample. */
function read(text: string, dialect: Dialect): Configuration | ConfigError {
  const report = new Report();
  let included = 0;
  const readIncluded = (name: string) =>
    included++ < 200 ? { file: name, text: samples[name.length % samples.length] ?? text } : undefined;
  const start = performance.now();
  try {
    const sections = parseConfig(text, "fuzz", { dialect, readIncluded });
    const configuration = buildConfiguration(sections, MACHINE, report);
    for (const name of sections.keys()) if (!name.startsWith("user:")) effectiveSection(sections, name);
    return configuration;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message.split("\n")).toHaveLength(1);
    return error;
  } finally {
    expect(performance.now() - start).toBeLessThan(MAX_MS);
  }
}

const DIALECTS: readonly Dialect[] = ["ksmbd", "samba"];

test.each(DIALECTS)("mutated files, %s", (dialect) => {
  const random = createRandom(seed);
  const end = performance.now() + seconds * 1000;
  let runs = 0;
  while (performance.now() < end || runs < 200) {
    const sample = samples[Math.floor(random() * samples.length)] ?? "";
    const bytes = mutate(Buffer.from(sample), random);
    read(Buffer.from(bytes).toString("latin1"), dialect);
    runs++;
  }
  expect(runs).toBeGreaterThanOrEqual(200);
});

test.each(DIALECTS)("any value of any parameter, %s", (dialect) => {
  const random = createRandom(seed + 1);
  const odd = [
    "",
    "\\",
    '"',
    "%",
    "%%",
    "%S%U%",
    "-1",
    "9".repeat(400),
    "yes,no",
    "@",
    "/",
    "//",
    "\ufffd",
    "a".repeat(5000),
  ];
  for (const { name } of PARAMETERS)
    for (let i = 0; i < 6; i++) {
      const value = odd[Math.floor(random() * odd.length)] ?? "";
      read(`[global]\n${name} = ${value}\n[a]\npath = /srv\n`, dialect);
      read(`[a]\npath = /srv\n${name} = ${value}\n`, dialect);
    }
});

describe("what protects is in force, or the share is not there:", () => {
  const SHARE = [
    "path = /srv",
    "valid users = anna",
    "hosts deny = 10.0.0.0/8",
    "read only = yes",
    "guest ok = no",
  ];
  test.each(DIALECTS)("one character is removed, added or replaced, %s", (dialect) => {
    const whole = SHARE.join("\n");
    const characters = ["", " ", ";", "#", "=", "\\", "x", '"', "%"];
    // The names of users and addresses are the file's own affair, and so are line breaks and comments.
    const names = /anna|10\.0\.0\.0\/8|\/srv|\n/g;
    const spared = [...whole.matchAll(names)].map(
      ({ index, 0: word }) => [index, index + word.length] as const,
    );
    for (let at = 0; at < whole.length; at++) {
      if (spared.some(([from, to]) => at >= from && at < to)) continue;
      const beginsLine = at === 0 || whole[at - 1] === "\n";
      for (const character of characters) {
        if (beginsLine && /[;#]/.test(character)) continue;
        const text = `[docs]\n${whole.slice(0, at)}${character}${whole.slice(at + 1)}\n`;
        const found = read(text, dialect);
        if (found instanceof ConfigError) continue;
        const share = found.shares.get("docs");
        if (!share) continue;
        const { validUsers, hosts, readOnly, guestOk } = share;
        expect([text, validUsers !== null, hosts !== null, readOnly, guestOk]).toEqual([
          text,
          true,
          true,
          true,
          false,
        ]);
      }
    }
  });
});

describe("files that include each other", () => {
  const directory = mkdtempSync(join(tmpdir(), "minismbd-fuzz-config-"));
  const main = join(directory, "smb.conf");
  const load = (): Configuration | ConfigError => {
    const start = performance.now();
    try {
      return loadConfiguration({ file: main, machine: MACHINE });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error;
    } finally {
      expect(performance.now() - start).toBeLessThan(MAX_MS * 2);
    }
  };
  const refusal = (): string => {
    const outcome = load();
    return outcome instanceof ConfigError ? outcome.message : "served";
  };

  test("a file that includes itself, by another name or a link", () => {
    writeFileSync(main, "[global]\ninclude = smb.conf\n");
    expect(refusal()).toContain("includes itself");
    writeFileSync(main, "[global]\ninclude = ./x/../smb.conf\n");
    mkdirSync(join(directory, "x"));
    expect(refusal()).toMatch(/includes itself|files include each other/);
  });

  test("a chain of 200 files", () => {
    for (let i = 0; i < 200; i++)
      writeFileSync(join(directory, `c${i}`), `include = c${i + 1}\n[s${i}]\npath = /srv\n`);
    writeFileSync(main, "[global]\ninclude = c0\n");
    expect(refusal()).toContain("more than 32 files include each other");
  });

  test("files that include two others each", () => {
    for (let i = 0; i < 30; i++)
      writeFileSync(join(directory, `d${i}`), `include = d${i + 1}\ninclude = d${i + 1}\n`);
    writeFileSync(main, "[global]\ninclude = d0\n");
    expect(refusal()).toContain("files or 8 MiB are included");
  });

  test("a directory, a device and a FIFO", () => {
    for (const name of [directory, "/dev/zero"]) {
      writeFileSync(main, `[global]\ninclude = ${name}\n`);
      expect(refusal()).toContain("is not a file");
    }
    Bun.spawnSync(["mkfifo", join(directory, "fifo")]);
    writeFileSync(main, "[global]\ninclude = fifo\n");
    expect(refusal()).toContain("is not a file");
  });

  test("a file of 20 MB, one line of 8 MB and a continued line without an end", () => {
    const large = join(directory, "large");
    writeFileSync(large, Buffer.alloc(20 * 1024 * 1024, "; a comment\n"));
    writeFileSync(main, "[global]\ninclude = large\n");
    expect(refusal()).toContain("has more than 8 MiB, take some out");
    writeFileSync(main, `[global]\nserver string = ${"x".repeat(8 * 1024 * 1024)}\n`);
    expect(refusal()).toBe("served");
    writeFileSync(main, "a\\\n".repeat(100_000));
    expect(refusal()).toMatch(/is not 'NAME = VALUE'/);
    rmSync(directory, { recursive: true });
  });
});
