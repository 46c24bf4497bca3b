// One row of the table of operations: what an operation takes and answers, over the control socket and HTTP.
import { ControlError, type Request } from "./protocol.ts";
import { checkValue, type ObjectSchema, type Properties, type ValueOf } from "./schema.ts";

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface HttpRoute {
  readonly method: HttpMethod;
  /** Below /api/v1; `{name}` is an argument. */
  readonly path: string;
  /** The argument that is the whole body; by default the body is an object with the arguments. */
  readonly body?: string;
}

export interface Operation {
  /** One sentence for the API's description. */
  readonly summary: string;
  readonly args: Properties;
  /** Names of `args`. */
  readonly required: readonly string[];
  /** Of the item or the items; undefined: the answer has none. */
  readonly item?: ObjectSchema;
  /** `list`: any number of items; `one`: exactly one; `none`; `stream`: items until the client leaves. */
  readonly answer: "list" | "one" | "none" | "stream";
  /** A token that may only read may not do it. */
  readonly changes: boolean;
  /** It is about the configuration: its answer has an ETag, and a change by HTTP needs If-Match. */
  readonly isVersioned?: true;
  /** Its item is made by it: 201 by HTTP. */
  readonly makesItem?: true;
  /** The web server carries it out itself; the control socket does not have it. */
  readonly isOfWeb?: true;
  /** By HTTP it needs neither a session nor a token. */
  readonly isOpen?: true;
  /** A code stands for a session: by HTTP from the local network alone, and failures count as guesses. */
  readonly isByCode?: true;
  /** Undefined: by the control socket alone. */
  readonly http?: HttpRoute;
}

/** The items of an answer; the consumer may stop between two of them. */
export type Items = Iterable<object> | AsyncIterable<object>;

export interface Answer {
  readonly items: Items;
  /** Of the configuration that the answer is about. */
  readonly etag?: string;
  /**
   * The items come as things happen, and are to be sent at once. To be called when their consumer is gone: it
   * ends them without waiting for the next one.
   */
  readonly cancel?: () => void;
}

/** The arguments of an operation as its implementation gets them. */
export type ArgumentsOf<O extends Operation> = {
  readonly [Name in keyof O["args"]]: Name extends O["required"][number]
    ? ValueOf<O["args"][Name]>
    : ValueOf<O["args"][Name]> | undefined;
};

/**
 * Checks the arguments by the table; others are ignored: rpcd adds the number of its caller's session. Throws
 * ControlError.
 */
export function checkArguments({ args, required }: Operation, request: Request): void {
  for (const [name, schema] of Object.entries(args)) {
    const value = Object.hasOwn(request, name) ? request[name] : undefined;
    const isMissing = value === undefined && required.includes(name);
    if (isMissing && !("enum" in schema)) throw new ControlError(`'${name}' is missing`, "bad-argument");
    if (value !== undefined || isMissing) checkValue(name, value, schema);
  }
}
