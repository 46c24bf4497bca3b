// The methods that a path of the page's server has; RFC 9110 9.1, 10.2.1.
import { API_ROOT, methodsOf } from "../../control/http-routes.ts";
import { pageFile } from "../page-files.ts";

export const DESCRIPTION = `${API_ROOT}/openapi.json`;
export const METRICS = "/metrics";

/** For the header Allow; empty: there is no such path. HEAD is wherever GET is, OPTIONS everywhere. */
export function methodsAt(path: string): readonly string[] {
  const own = ownMethods(path);
  if (own.length === 0) return [];
  return [...own, ...(own.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}

function ownMethods(path: string): readonly string[] {
  if (path === METRICS || path === DESCRIPTION) return ["GET"];
  if (path.startsWith("/api/")) return methodsOf(path);
  return pageFile(path) === undefined ? [] : ["GET"];
}
