// The API's description, OpenAPI 3.1, from the table of operations.
import type { HttpRoute, Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { API_ROOT, STATUS_OF_CODE, statusOfSuccess } from "./http-routes.ts";
import type { Schema } from "./schema.ts";

type Json = Readonly<Record<string, unknown>>;

/** `version`: the server's. */
export function describeApi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, operation] of Object.entries(OPERATIONS) as [string, Operation][]) {
    const { http } = operation;
    if (http === undefined) continue;
    const path = (paths[http.path] ??= {});
    path[http.method.toLowerCase()] = describe(name, operation, http);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "minismbd",
      version,
      license: { name: "MIT", identifier: "MIT" },
      description: "The operations of minismbd's control socket over HTTP.",
    },
    servers: [{ url: API_ROOT }],
    security: [{ session: [], csrf: [] }, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "__Host-minismbd", description: "By POST /session." },
        csrf: {
          type: "apiKey",
          in: "header",
          name: "X-CSRF",
          description: "Of POST /session; for every request that changes something.",
        },
        token: { type: "http", scheme: "bearer", description: "By POST /tokens." },
      },
      schemas: { Error: ERROR },
      responses: { Error: { description: "Why not.", ...content({ $ref: "#/components/schemas/Error" }) } },
    },
  };
}

const ERROR = {
  type: "object",
  required: ["error", "code"],
  properties: {
    error: { type: "string", description: "One sentence for people." },
    code: { type: "string", enum: Object.keys(STATUS_OF_CODE) },
  },
} as const;

function describe(name: string, operation: Operation, http: HttpRoute): Json {
  const inPath = [...http.path.matchAll(/\{(\w+)\}/g)].map(([, argument = ""]) => argument);
  // The etag is a header.
  const rest = Object.entries(operation.args).filter(([name]) => name !== "etag" && !inPath.includes(name));
  const inQuery = http.method === "GET" ? rest : [];
  const parameters = [
    ...inPath.map((argument) => parameter(argument, "path", true, operation.args[argument])),
    ...inQuery.map(([argument, schema]) =>
      parameter(argument, "query", operation.required.includes(argument), schema),
    ),
    ...(isConditional(operation) ? [IF_MATCH] : []),
  ];
  return {
    operationId: name,
    summary: operation.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(http.method !== "GET" && rest.length > 0 && { requestBody: bodyOf(operation, http, rest) }),
    ...(operation.isOpen === true && { security: [] }),
    responses: responsesOf(operation),
  };
}

function isConditional({ changes, isVersioned }: Operation): boolean {
  return changes && isVersioned === true;
}

const IF_MATCH = {
  name: "If-Match",
  in: "header",
  required: true,
  description: "The ETag of what the change was made from; * for whatever is there.",
  schema: { type: "string" },
} as const;

function parameter(
  name: string,
  place: "path" | "query",
  required: boolean,
  schema: Schema | undefined,
): Json {
  return { name, in: place, required, schema: schema ?? { type: "string" } };
}

function bodyOf(
  { required }: Operation,
  http: HttpRoute,
  rest: readonly (readonly [string, Schema])[],
): Json {
  const whole = http.body === undefined ? undefined : rest.find(([name]) => name === http.body)?.[1];
  const needed = required.filter((name) => rest.some(([other]) => other === name));
  const schema = whole ?? {
    type: "object",
    properties: Object.fromEntries(rest),
    ...(needed.length > 0 && { required: needed }),
    additionalProperties: false,
  };
  return { required: needed.length > 0, ...content(schema) };
}

function responsesOf(operation: Operation): Json {
  const { answer, item, isVersioned, summary } = operation;
  const failed = { default: { $ref: "#/components/responses/Error" } };
  const headers = isVersioned === true && { headers: { ETag: { schema: { type: "string" } } } };
  const status = statusOfSuccess(operation);
  if (answer === "none" || item === undefined)
    return { [status]: { description: "Done.", ...headers }, ...failed };
  const schema = answer === "list" ? { type: "array", items: item } : item;
  const body = answer === "stream" ? EVENT_STREAM : content(schema);
  return { [status]: { description: summary, ...headers, ...body }, ...failed };
}

const EVENT_STREAM = { content: { "text/event-stream": { schema: { type: "string" } } } } as const;

function content(schema: unknown): Json {
  return { content: { "application/json": { schema } } };
}
