// Fuzz of ksmbdpwd.db: a mutated file is refused with one line that holds no hash, or gives the users of its own lines.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../src/manager/config/parse.ts";
import { ntHash } from "../../src/manager/users/nt-hash.ts";
import {
  formatPasswordFile,
  type PasswordTable,
  parsePasswordFile,
  readPasswordFile,
  updatePasswordFile,
} from "../../src/manager/users/password-file.ts";
import { createRandom, mutate } from "./bytes.ts";

const seconds = Number(process.env["FUZZ_SECONDS"] ?? "1");
const seed = Number(process.env["FUZZ_SEED"] ?? "20261129");

const directory = mkdtempSync(join(tmpdir(), "minismbd-fuzz-users-"));
const file = join(directory, "ksmbdpwd.db");
afterAll(() => rmSync(directory, { recursive: true }));

const NAMES = ["anna", "Bob", "ZOË", "anna maria", "x".repeat(47), "o'neill", "$%&"];
const WHOLE = formatPasswordFile(new Map(NAMES.map((name) => [name, ntHash(name)])));

/** Text with duplicated, removed, joined and indented lines, line ends of Windows, blanks, characters of every kind. */
function distort(text: string, random: () => number): string {
  const below = (limit: number): number => Math.floor(random() * limit);
  const lines = text.split("\n");
  const inserts = [
    "",
    " ",
    "\t",
    "\r",
    "\0",
    ":",
    "::",
    "=",
    "\u00a0",
    "\u202e",
    "\ufeff",
    "e\u0301",
    "#",
    "a:b",
  ];
  for (let changes = below(4); changes > 0; changes--) {
    const at = below(lines.length);
    const line = lines[at] ?? "";
    const insert = inserts[below(inserts.length)] ?? "";
    const column = below(line.length + 1);
    if (changes === 1) lines.splice(at, 1 + below(2), line, line);
    else lines[at] = line.slice(0, column) + insert + line.slice(column + below(3));
  }
  return lines.join(["\n", "\r\n", "\n\n", ""][below(4)] ?? "\n");
}

/** What the text is read as: its users, or the refusal, of which nothing follows a colon of the file. */
function read(text: string): PasswordTable | undefined {
  try {
    return parsePasswordFile(text, "db");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message.split("\n")).toHaveLength(1);
    expect(error.position).toMatch(/^db:\d+$/);
    const line = text.split("\n")[Number(error.position.slice(3)) - 1]?.trim() ?? "";
    const secret = line.slice(line.indexOf(":") + 1);
    if (secret.length > 8) expect(error.message).not.toContain(secret);
    return undefined;
  }
}

function expectOwnLines(table: PasswordTable, text: string): void {
  const lines = new Set(text.split("\n").map((line) => line.trim()));
  for (const [name, hash] of table) {
    expect(hash).toMatch(/^[0-9a-f]{32}$/);
    expect([...lines]).toContain(`${name}:${Buffer.from(hash, "hex").toString("base64")}`);
  }
  expect(parsePasswordFile(formatPasswordFile(table), "db")).toEqual(table);
}

test("a mutated text gives the users of its own lines, which are written back as they are, or a ConfigError", () => {
  const random = createRandom(seed);
  const end = performance.now() + seconds * 1000;
  const counts = { read: 0, refused: 0 };
  while (performance.now() < end || counts.read + counts.refused < 500) {
    const mutated = random() < 0.5 ? Buffer.from(mutate(Buffer.from(WHOLE), random)).toString() : WHOLE;
    const text = distort(mutated, random);
    const table = read(text);
    if (table) expectOwnLines(table, text);
    counts[table ? "read" : "refused"]++;
  }
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(20);
});

test("a file of any bytes: a change adds the one user, or leaves the file as it is, without a lock", () => {
  const random = createRandom(seed + 1);
  const counts = { changed: 0, refused: 0 };
  while (counts.changed + counts.refused < 300) {
    const bytes = mutate(Buffer.from(WHOLE), random);
    writeFileSync(file, bytes);
    try {
      const before = readPasswordFile(file);
      updatePasswordFile(file, (table) => table.set("new", ntHash("new")));
      expect(readPasswordFile(file)).toEqual(new Map([...before, ["new", ntHash("new")]]));
      counts.changed++;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expect(() => updatePasswordFile(file, (table) => table.set("new", ntHash("new")))).toThrow(ConfigError);
      expect(readFileSync(file).equals(bytes)).toBe(true);
      counts.refused++;
    }
    expect(readdirSync(directory)).toEqual(["ksmbdpwd.db"]);
  }
  expect(counts.refused).toBeGreaterThan(20);
});

test("each file that is cut short is refused or has the users of its whole lines", () => {
  for (let length = 0; length < WHOLE.length; length++) {
    const table = read(WHOLE.slice(0, length));
    if (table) expectOwnLines(table, WHOLE);
  }
});
