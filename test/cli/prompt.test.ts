// The password prompt on a terminal: no echo, erasing, end of input and Ctrl-C.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "./executable.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-prompt-"));
afterAll(() => rmSync(directory, { recursive: true }));

// MD4 of "secret" in UTF-16LE, from impacket's ntlm.compute_nthash.
const SECRET = `anna:${Buffer.from("878d8014606cda29677a44efa1353fc7", "hex").toString("base64")}\n`;

/** Runs adduser and types each answer when its question appears. */
async function adduser(db: string, answers: readonly [question: string, keys: string][]) {
  let screen = "";
  let asked = 0;
  const rest = [...answers];
  const child = Bun.spawn([EXECUTABLE, "adduser", "-P", db, "anna"], {
    terminal: {
      cols: 80,
      rows: 24,
      data(terminal, bytes) {
        screen += bytes.toString();
        const [question, keys] = rest[0] ?? ["", ""];
        const at = question === "" ? -1 : screen.indexOf(question, asked);
        if (at < 0) return;
        asked = at + question.length;
        rest.shift();
        terminal.write(keys);
      },
    },
  });
  const status = await child.exited;
  child.terminal?.close();
  return { status, screen };
}

test("a password typed twice, with an erased letter, is set and never shown", async () => {
  const db = join(directory, "typed");
  const { status, screen } = await adduser(db, [
    ["New password:", "secreX\u007ft\r"],
    ["Retype password:", "junk\u0015secret\r"],
  ]);
  expect(status).toBe(0);
  expect(screen).not.toContain("secre");
  expect(readFileSync(db, "utf8")).toBe(SECRET);
});

test("two different passwords are asked for again", async () => {
  const db = join(directory, "differ");
  const { status, screen } = await adduser(db, [
    ["New password:", "secret\r"],
    ["Retype password:", "secrets\r"],
    ["New password:", "secret\r"],
    ["Retype password:", "secret\r"],
  ]);
  expect(status).toBe(0);
  expect(screen).toContain("The passwords differ");
  expect(readFileSync(db, "utf8")).toBe(SECRET);
});

test.each([
  ["Ctrl-C", "abc\u0003"],
  ["Ctrl-D", "\u0004"],
])("%s changes nothing", async (_, keys) => {
  const db = join(directory, "ended");
  const { status, screen } = await adduser(db, [["New password:", keys]]);
  expect(status).toBe(1);
  expect(screen).toContain("no password was given, nothing was changed");
  expect(existsSync(db)).toBe(false);
});
