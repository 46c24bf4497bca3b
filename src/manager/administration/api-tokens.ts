// ksmbd.tokens, beside the password file: the tokens with which other programs use the API. A token is 256
// random bits, of which only the hash is stored.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isPrintable } from "../../wire/printable.ts";
import { Refusal } from "../refusal.ts";
import { hashOfSecret } from "../secret-hash.ts";
import { stampOf } from "../users/file-stamp.ts";
import { isText } from "../users/user-name.ts";
import { changeTokenFile, type StoredToken } from "./token-change.ts";

export const MAX_TOKENS = 32;
export const MAX_TOKEN_NAME = 64;
const MAX_BYTES = 65_536;
const SECRET_BYTES = 32;
/** By which a token is recognised where it should not be, such as in a repository. */
const PREFIX = "minismbd_";
const DAY_MS = 86_400_000;

export function tokenFileOf(passwordFile: string): string {
  return join(dirname(passwordFile), "ksmbd.tokens");
}

/** Throws Refusal for a file that no version has written. */
export function parseTokens(text: string, file: string): readonly StoredToken[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.length <= MAX_TOKENS && value.every(isToken)) return value;
  } catch {
    // Reported below.
  }
  throw new Refusal("failed", `${file} is damaged: remove it, and make the tokens anew`);
}

function isToken(value: unknown): value is StoredToken {
  if (typeof value !== "object" || value === null) return false;
  const { createdDay, hash, id, isReadOnly, name, owner, usedDay } = value as Record<string, unknown>;
  return (
    [hash, id, name].every((text) => typeof text === "string") &&
    typeof isReadOnly === "boolean" &&
    typeof createdDay === "number" &&
    (owner === undefined || typeof owner === "string") &&
    (usedDay === undefined || typeof usedDay === "number")
  );
}

/** Throws Refusal. */
export function readTokens(file: string): readonly StoredToken[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw new Refusal("failed", `${file} cannot be read (${code}): correct its owner and mode`);
  }
  if (text.length > MAX_BYTES) throw new Refusal("failed", `${file} is damaged: remove it`);
  return parseTokens(text, file);
}

export class ApiTokens {
  private readonly file: string | null;
  private readonly nowMs: () => number;
  private stamp: string | undefined;
  private tokens: readonly StoredToken[] = [];
  /** By id: the day of the last use, as far as it is not stored. */
  private readonly used = new Map<string, number>();

  constructor(passwordFile: string | null, nowMs: () => number = Date.now) {
    this.file = passwordFile === null ? null : tokenFileOf(passwordFile);
    this.nowMs = nowMs;
  }

  /** Throws Refusal. */
  list(): readonly StoredToken[] {
    this.follow();
    return this.tokens.map((token) => ({ ...token, usedDay: this.used.get(token.id) ?? token.usedDay }));
  }

  /** The token of that text; undefined where there is none. */
  find(text: string): StoredToken | undefined {
    if (!text.startsWith(PREFIX)) return undefined;
    try {
      this.follow();
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
    // Of hashes, the time of a comparison tells nothing that helps to guess a token.
    const hash = hashOf(text);
    const found = this.tokens.find((token) => token.hash === hash);
    if (found !== undefined) this.noteUse(found);
    return found;
  }

  /** Returns the token's text, which is never shown again. Throws Refusal. */
  async add(
    name: string,
    isReadOnly: boolean,
    owner?: string,
  ): Promise<{ readonly token: string; readonly stored: StoredToken }> {
    if (name !== name.trim() || !isText(name) || !isPrintable(name) || name.length > MAX_TOKEN_NAME)
      throw new Refusal("bad-argument", "a token's name must be printable, without blanks around it");
    const token = `${PREFIX}${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const id = randomBytes(6).toString("hex");
    const stored = { id, name, hash: hashOf(token), isReadOnly, owner, createdDay: this.today() };
    await changeTokenFile({ kind: "add", file: this.place(), stored });
    return { token, stored };
  }

  /** Throws Refusal. */
  async remove(id: string): Promise<void> {
    await changeTokenFile({ kind: "remove", file: this.place(), id });
    this.used.delete(id);
  }

  private place(): string {
    if (this.file === null) throw new Refusal("refused", "the server runs without a password file");
    return this.file;
  }

  private today(): number {
    return Math.floor(this.nowMs() / DAY_MS);
  }

  /** Stored once a day: a flash is not worn out by a program that asks every second. */
  private noteUse({ id, usedDay }: StoredToken): void {
    const today = this.today();
    if ((this.used.get(id) ?? usedDay) === today || this.file === null) return;
    this.used.set(id, today);
    void changeTokenFile({ kind: "use", file: this.file, id, day: today }).catch(() => undefined);
  }

  private follow(): void {
    if (this.file === null) return;
    const stamp = readStamp(this.file);
    if (stamp === this.stamp) return;
    this.tokens = [];
    this.stamp = undefined;
    this.tokens = readTokens(this.file);
    this.stamp = stamp;
  }
}

function readStamp(file: string): string | undefined {
  try {
    return stampOf(file);
  } catch {
    return "";
  }
}

function hashOf(token: string): string {
  return hashOfSecret(token).toString("base64url");
}
