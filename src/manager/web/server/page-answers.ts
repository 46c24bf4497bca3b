// The page's own files, from the executable.
import { pageFile } from "../page-files.ts";
import { answerError } from "./api-answers.ts";
import { ControlError } from "../../control/protocol.ts";
import type { HttpAnswer, HttpRequest } from "./http-connection.ts";

const YEAR = "public, max-age=31536000, immutable";

export async function answerPage(request: HttpRequest, answer: HttpAnswer): Promise<void> {
  const file = pageFile(request.path);
  if (file === undefined) return answerError(answer, new ControlError("there is no such page", "not-found"));
  const body = await file.body.bytes();
  const etag = `"${Bun.hash(body).toString(36)}"`;
  const headers = {
    "Content-Type": file.type,
    "Cache-Control": file.isImmutable ? YEAR : "no-cache",
    ETag: etag,
    Vary: "Accept-Encoding",
  };
  if (hasTag(request.headers.get("if-none-match"), etag)) return answer.send(304, headers);
  const isTaken = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  if (isTaken) answer.send(200, { ...headers, "Content-Encoding": "gzip" }, body);
  else answer.send(200, headers, Bun.gunzipSync(body));
}

/** A list of entity tags, compared weakly, or `*`; RFC 9110 13.1.2. */
function hasTag(given: string | undefined, etag: string): boolean {
  const tags = (given ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes(etag) || tags.includes("*");
}
