// The first start on a board: one account with a password of its own, the machine's SID, and a share for
// each disk. A power cut at any point leaves either nothing, or a record from which the next run completes
// the same account; the password is shown when everything else is on disk.
import { existsSync } from "node:fs";
import { ConfigError } from "../config/parse.ts";
import { updateConfigFile } from "../config/config-file.ts";
import { hasSection, type Option, setOptions } from "../config/edit.ts";
import { makeSubauthFile, subauthFileOf } from "../users/machine-sid.ts";
import { ntHash } from "../users/nt-hash.ts";
import { findSpelling, readPasswordFile, updatePasswordFile } from "../users/password-file.ts";
import { withdrawNotices, writeNotice } from "./notices.ts";
import { readSetupRecord, type SetupRecord, setupFileOf, isSetUp, writeSetupRecord } from "./setup-record.ts";

type Dialect = Parameters<typeof setOptions>[3];

export interface SetupPlan {
  readonly configFile: string;
  readonly passwordFile: string;
  readonly user: string;
  /** The configuration gets a section [volumes], and with `directory` a share for it. */
  readonly hasShares: boolean;
  readonly directory?: { readonly share: string; readonly path: string } | undefined;
  /** Guests may read. */
  readonly guests: boolean;
  /** The configuration gets a web page on this port, for the user; undefined: none. */
  readonly webPort?: number | undefined;
  readonly notices: readonly string[];
  /** Random bytes of the kernel. */
  readonly random: (count: number) => Uint8Array;
}

export type SetupOutcome =
  /** This run has completed the set-up; only now the password may be shown. `faults`: notices not written. */
  | { readonly state: "complete"; readonly record: SetupRecord; readonly faults: readonly string[] }
  /** An earlier run has, and nobody has logged on yet. */
  | { readonly state: "pending"; readonly record: SetupRecord }
  /** Somebody has logged on, or changed the password. `fault`: a file that shows it is still there. */
  | { readonly state: "done"; readonly fault?: string | undefined }
  /** An administrator has made users. */
  | { readonly state: "by hand" };

/** Without those that look like another: 31 characters, 79 bits in 16 of them. */
const CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP_LENGTH = 4;
/** Three seconds in all, for a server that makes its SID at the same time. */
const SUBAUTH_WAITS = 60;

/**
 * Sets the machine up, or completes what a power cut has interrupted; a further run changes nothing. `step`
 * is called before each change of the disk. Throws ConfigError.
 */
export function setUp(plan: SetupPlan, step: () => void = () => {}): SetupOutcome {
  const recordFile = setupFileOf(plan.passwordFile);
  if (isSetUp(recordFile)) return { state: "done" };
  const stored = readSetupRecord(recordFile);
  if (stored === undefined && readPasswordFile(plan.passwordFile).size > 0) return { state: "by hand" };
  const record = stored ?? makeRecord(plan);
  if (stored === undefined) {
    step();
    writeSetupRecord(recordFile, record);
  }
  if (record.isComplete) return review(plan, recordFile, record);
  step();
  makeSubauthFile(subauthFileOf(plan.passwordFile), numbersOf(record.subauth), SUBAUTH_WAITS);
  step();
  updatePasswordFile(plan.passwordFile, (table) => {
    if (findSpelling(table, record.user) === undefined) table.set(record.user, ntHash(record.password));
  });
  if (plan.hasShares || plan.webPort !== undefined) {
    step();
    updateConfigFile(plan.configFile, (text, dialect) =>
      addToConfiguration(text, dialect, plan, record.user),
    );
  }
  const faults = record.notices.flatMap((notice) => {
    step();
    return tryNotice(notice, record);
  });
  step();
  const complete = { ...record, isComplete: true };
  writeSetupRecord(recordFile, complete);
  return { state: "complete", record: complete, faults };
}

/** A boot partition that is full or read-only does not keep the account from being made. */
function tryNotice(notice: string, record: SetupRecord): string[] {
  try {
    writeNotice(notice, record);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error.message];
  }
}

function review(plan: SetupPlan, recordFile: string, record: SetupRecord): SetupOutcome {
  const table = readPasswordFile(plan.passwordFile);
  const isValid =
    record.password !== "" && table.get(findSpelling(table, record.user) ?? "") === ntHash(record.password);
  if (isValid) return { state: "pending", record };
  return { state: "done", fault: withdrawNotices(recordFile, record) };
}

function makeRecord({ user, notices, random }: SetupPlan): SetupRecord {
  const numbers = new Uint32Array(random(12).slice().buffer);
  return {
    user,
    password: makePassword(random),
    subauth: numbers.join(":"),
    notices,
    isComplete: false,
  };
}

/** `xxxx-xxxx-xxxx-xxxx`. */
export function makePassword(random: (count: number) => Uint8Array): string {
  const groups = Array.from({ length: GROUPS }, () =>
    Array.from({ length: GROUP_LENGTH }, () => pick(random)).join(""),
  );
  return groups.join("-");
}

/** Bytes beyond the last whole multiple are drawn again, so that all characters are equally likely. */
function pick(random: (count: number) => Uint8Array): string {
  const limit = 256 - (256 % CHARACTERS.length);
  for (;;) {
    const [byte = limit] = random(1);
    if (byte < limit) return CHARACTERS.charAt(byte % CHARACTERS.length);
  }
}

function numbersOf(subauth: string): readonly [number, number, number] {
  const [a = 0, b = 0, c = 0] = subauth.split(":").map(Number);
  return [a, b, c];
}

function addToConfiguration(text: string, dialect: Dialect, plan: SetupPlan, user: string): string {
  const next = plan.hasShares ? addShares(text, dialect, plan, user) : text;
  if (plan.webPort === undefined) return next;
  const page = [
    { key: "web port", value: String(plan.webPort) },
    { key: "web admin users", value: user },
  ];
  return setOptions(next, "global", page, dialect);
}

function addShares(text: string, dialect: Dialect, { directory, guests }: SetupPlan, user: string): string {
  const lists: Option[] = guests
    ? [
        { key: "read only", value: "yes" },
        { key: "write list", value: user },
        { key: "guest ok", value: "yes" },
      ]
    : [
        { key: "read only", value: "no" },
        { key: "valid users", value: user },
      ];
  let next = text;
  if (guests) next = setOptions(next, "global", [{ key: "map to guest", value: "bad user" }], dialect);
  if (!hasSection(next, "volumes", dialect)) next = setOptions(next, "volumes", lists, dialect);
  if (directory === undefined || hasSection(next, directory.share, dialect)) return next;
  if (!existsSync(directory.path))
    throw new ConfigError(directory.path, "there is no such directory, make it first");
  return setOptions(next, directory.share, [{ key: "path", value: directory.path }, ...lists], dialect);
}
