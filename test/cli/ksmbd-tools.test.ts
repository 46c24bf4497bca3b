// The executable under ksmbd-tools' names against the recorded answers of ksmbd-tools: exit status, users and shares
// after each command. Differences are named in a table.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/manager/config/parse.ts";
import { ROOT, run } from "./executable.ts";

interface Case {
  readonly tool: string;
  readonly words: readonly string[];
  readonly conf: string | null;
  readonly db: string | null;
  readonly input?: string;
  readonly status: number | "hangs";
  readonly confAfter: string | null;
  readonly dbAfter: string | null;
}

const { cases } = JSON.parse(readFileSync(join(ROOT, "test/vectors/ksmbd-tools.json"), "utf8")) as {
  cases: readonly Case[];
};

/** Where ours answers otherwise: the command without its files, and why. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "adduser -a -p x visitor":
    "the guest account is not a user of the file: it can be added, and no guest gets its password",
  "adduser -u -p x visitor":
    "as above: there is no such user to update, and ksmbd-tools changes nothing either",
  "adduser -p x visitor": "as above",
  "adduser -a -u -p x anna": "flags that contradict each other are refused; ksmbd-tools takes the last one",
  [String.raw`adduser -a -p x new (5: "anna:qfDdV+Htq1u1WprAqZwV7A==\nx:bad\n")`]:
    "a file with a line that is no hash is not written: whoever made the mistake may still mend it",
  "addshare -u -o browsable = no docs": "Samba's spelling is known; ksmbd-tools leaves it out",
  "addshare -d global": "[global] is not a share; ksmbd-tools says deleted and deletes nothing",
  "addshare -a -o path = /x ipc$": "IPC$ is not a directory",
  "control --ksm": "as -c",
  "control -c": "there is no kernel module to be missing: the version is printed",
};

const directory = mkdtempSync(join(tmpdir(), "minismbd-ksmbd-tools-"));
afterAll(() => rmSync(directory, { recursive: true }));

const nameOf = ({ tool, words, db, conf }: Case, index: number): string => {
  const own = words.filter((word, at) => !["-C", "-P", "CONF", "PWDDB"].includes(word) || at > 3);
  const same = cases.slice(0, index).filter((other) => `${other.tool} ${other.words}` === `${tool} ${words}`);
  const text = `${tool} ${own.join(" ")}`.replaceAll(/(.)\1{20,}/g, (run) => `${run[0]}{${run.length}}`);
  return same.length === 0
    ? text
    : `${text} (${same.length + 1}: ${JSON.stringify(conf === null ? conf : db)})`;
};

/** Users with their hashes, and lines that are none. */
function usersIn(text: string | null): readonly string[] {
  const table = new Map((text ?? "").split("\n").map((line) => line.split(":") as [string, string]));
  return [...table]
    .filter(([name]) => name !== "")
    .map((entry) => entry.join(":"))
    .sort();
}

function sharesIn(text: string | null): unknown {
  try {
    return [...parseConfig(text ?? "", "ksmbd.conf")]
      .map(([name, { entries }]) => [name, entries.map(({ key, value }) => `${key} = ${value}`).sort()])
      .filter(([name, entries]) => name !== "global" || (entries?.length ?? 0) > 0)
      .sort();
  } catch {
    return text;
  }
}

const readOrNull = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : null);

test.each(cases.map((one, index) => [nameOf(one, index), one] as const))("ksmbd.%s", (name, one) => {
  const files = mkdtempSync(join(directory, "case-"));
  const conf = join(files, "ksmbd.conf");
  const db = join(files, "ksmbdpwd.db");
  if (one.conf !== null) writeFileSync(conf, one.conf);
  if (one.db !== null) writeFileSync(db, one.db);
  const words = one.words.map((word) => word.replace("CONF", conf).replace("PWDDB", db));
  const input = one.input === undefined ? {} : { input: one.input };
  const { status } = run(words, { as: `ksmbd.${one.tool}`, ...input });
  const ours = { status, shares: sharesIn(readOrNull(conf)), users: usersIn(readOrNull(db)) };
  const theirs = { status: one.status, shares: sharesIn(one.confAfter), users: usersIn(one.dbAfter) };
  if (name in DIFFERENCES) expect(ours as unknown).not.toEqual(theirs);
  else expect(ours as unknown).toEqual(theirs);
});

test("every difference names a command of the table", () => {
  const names = new Set(cases.map(nameOf));
  expect(Object.keys(DIFFERENCES).filter((name) => !names.has(name))).toEqual([]);
});

/** `--help` of ksmbd-tools 3.5.2: short and long form, and the value's name. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  adduser: [
    ...["-a, --add", "-u, --update", "-d, --delete", "-p, --password PWD", "-P, --pwddb PWDDB"],
    ...["-C, --config CONF", "-v, --verbose", "-V, --version", "-h, --help"],
  ],
  addshare: [
    ...["-a, --add", "-u, --update", "-d, --delete", "-o, --option OPT", "-C, --config CONF"],
    ...["-P, --pwddb PWDDB", "-v, --verbose", "-V, --version", "-h, --help"],
  ],
  control: [
    ...["-s, --shutdown", "-r, --reload", "-l, --list", "-d, --debug COMPONENT", "-c, --ksmbd-version"],
    ...["-v, --verbose", "-V, --version", "-h, --help"],
  ],
  mountd: [
    ...["-p, --port PORT", "-n, --nodetach[=WAY]", "-C, --config CONF", "-P, --pwddb PWDDB"],
    ...["-v, --verbose", "-V, --version", "-h, --help"],
  ],
};

test.each(Object.entries(FLAGS))(
  "ksmbd.%s has each flag of ksmbd-tools, and no other short one",
  (tool, flags) => {
    const { status, out } = run(["-h"], { as: `ksmbd.${tool}` });
    const ours = [...out.matchAll(/^ +(-\w, --\S+(?: [A-Z]+)?)(?= {2})/gm)].map(([, flag = ""]) => flag);
    expect([status, flags.filter((flag) => !ours.includes(flag))]).toEqual([0, []]);
    // `-k` of control is minismbd's own.
    expect(ours.filter((flag) => !flags.includes(flag))).toEqual(
      tool === "control" ? ["-k, --kick WHO"] : [],
    );
  },
);
