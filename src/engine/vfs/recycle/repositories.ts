// The names of a bin's repositories: the configured one, and those of users who may not write that.
import type { Credentials, RecycleRules } from "../../../port/port.ts";
import { foldCase } from "../name/names.ts";

/** The first component of the repository. */
function topOf({ repository }: RecycleRules): string {
  return repository.split("/")[0] ?? repository;
}

/**
 * The repository that the server makes for a user who may not write the configured one, which is another
 * user's: `.recycle-1001` for `.recycle`. Undefined for root, and where all users act as the server.
 */
export function ownRepositoryOf(rules: RecycleRules, credentials: Credentials | null): string | undefined {
  return credentials === null || credentials.uid === 0 ? undefined : `${topOf(rules)}-${credentials.uid}`;
}

/** Matches a case-folded path, with a leading slash, of something in a repository of any user. */
export function patternOf(rules: RecycleRules): RegExp {
  const [whole = "", first = ""] = [rules.repository, topOf(rules)].map((name) => escaped(foldCase(name)));
  return new RegExp(`/(?:${whole}|${first}-\\d+)/`, "u");
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
