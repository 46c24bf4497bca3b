// The table of the API's operations in docs/api.md.
import { API_ROOT } from "../src/manager/control/http-routes.ts";
import type { Operation } from "../src/manager/control/operation.ts";
import { OPERATIONS } from "../src/manager/control/operations.ts";

export function operationsTable(): string {
  const rows = Object.entries(OPERATIONS as Readonly<Record<string, Operation>>).map(rowOf);
  return `| HTTP | command | meaning |\n| --- | --- | --- |\n${rows.join("")}`;
}

function rowOf([name, { args, http, isOfWeb, required, summary }]: readonly [string, Operation]): string {
  const given = Object.keys(args).filter((arg) => arg !== "etag" && !http?.path.includes(`{${arg}}`));
  const fields = given.map((arg) => (required.includes(arg) ? arg : `${arg}?`));
  const body =
    http?.body !== undefined ? "{NAME: value, ...}" : fields.length === 0 ? "" : `{${fields.join(", ")}}`;
  const shown =
    http?.method === "GET" && body !== ""
      ? `?${fields.map((field) => field.replace("?", "")).join("=&")}=`
      : ` ${body}`;
  const route =
    http === undefined
      ? name === "metrics"
        ? "`GET /metrics`"
        : ""
      : `\`${http.method} ${API_ROOT}${http.path}${shown.trimEnd()}\``;
  return `| ${route} | ${isOfWeb === true ? "" : `\`${name}\``} | ${summary.replaceAll("|", "\\|")} |\n`;
}
