// Reads a message of the web page's process: its form is checked here, once.
import { parseAddress } from "../config/hosts.ts";
import type { Confinement, Credential } from "./link-messages.ts";

/** A secret of ours has 43 characters; a token's form is the tokens' own. */
const MAX_SECRET = 256;
const MAX_ADDRESS = 64;
const MAX_OPERATION = 64;
const MAX_TEXT = 500;

export interface Ask {
  readonly kind: "ask";
  readonly id: number;
  readonly ask: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly credential: Credential;
  /** The client's, as the process says. */
  readonly address: string;
  /** The address of this machine that the client connected to. */
  readonly local: string;
}

export type Message =
  | Ask
  | { readonly kind: "more" | "cancel"; readonly id: number }
  | ({ readonly kind: "ready" } & Confinement)
  | { readonly kind: "say"; readonly text: string };

type Fields = Readonly<Record<string, unknown>>;

/** Undefined for what no process of ours says. */
export function readMessage(message: unknown): Message | undefined {
  if (!isFields(message)) return undefined;
  const { id, ready, say } = message;
  if (isFields(ready))
    return {
      kind: "ready",
      isUnprivileged: ready["isUnprivileged"] === true,
      isFiltered: ready["isFiltered"] === true,
    };
  if (typeof say === "string") return { kind: "say", text: say.slice(0, MAX_TEXT) };
  if (typeof id !== "number" || !Number.isSafeInteger(id)) return undefined;
  if (message["more"] === true) return { kind: "more", id };
  if (message["cancel"] === true) return { kind: "cancel", id };
  return readAsk(id, message);
}

function readAsk(id: number, { address, args, ask, credential, local }: Fields): Ask | undefined {
  if (!isText(ask, MAX_OPERATION) || !isText(address, MAX_ADDRESS) || !isText(local, MAX_ADDRESS))
    return undefined;
  // Limits and the log name clients by it.
  if (parseAddress(address) === undefined) return undefined;
  if (!isFields(args) || !isFields(credential)) return undefined;
  const { csrf, session, token } = credential;
  return {
    kind: "ask",
    id,
    ask,
    args,
    address,
    local,
    credential: {
      ...(isText(session, MAX_SECRET) && { session }),
      ...(isText(token, MAX_SECRET) && { token }),
      ...(isText(csrf, MAX_SECRET) && { csrf }),
    },
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value !== "" && value.length <= most;
}
