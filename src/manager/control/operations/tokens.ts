// Operations on the API's tokens, and the numbers for Prometheus.
import type { Operation } from "../operation.ts";
import { flag, objectOf, text, words } from "../schema.ts";

export interface TokenItem {
  readonly id: string;
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly created: string;
  readonly owner?: string;
  readonly lastUsed?: string;
}

export interface NewToken extends TokenItem {
  readonly token: string;
}

const FIELDS = {
  id: words("For DELETE."),
  name: words("What it is for."),
  isReadOnly: flag("It may change nothing."),
  created: words("The day, as 2026-11-29."),
  owner: words("The administrator with whose rights it ends; absent: root made it."),
  lastUsed: words("The day; absent: never."),
} as const;

export const TOKEN_OPERATIONS = {
  tokens: {
    summary: "The tokens with which other programs use the API.",
    args: {},
    required: [],
    item: objectOf<TokenItem>(FIELDS, "owner", "lastUsed"),
    answer: "list",
    changes: false,
    http: { method: "GET", path: "/tokens" },
  },
  "add-token": {
    summary: "Makes a token, for the header 'Authorization: Bearer TOKEN'; it is shown this once.",
    args: { name: text(64, "What it is for."), isReadOnly: flag("It may change nothing; by default true.") },
    required: ["name"],
    item: objectOf<NewToken>({ ...FIELDS, token: words("The token itself.") }, "owner", "lastUsed"),
    answer: "one",
    makesItem: true,
    changes: true,
    http: { method: "POST", path: "/tokens" },
  },
  "remove-token": {
    summary: "Ends a token.",
    args: { id: text(64, "The token's id.") },
    required: ["id"],
    answer: "none",
    changes: true,
    http: { method: "DELETE", path: "/tokens/{id}" },
  },
  metrics: {
    summary: "The server's numbers in Prometheus' text format; by HTTP at /metrics, with a token.",
    args: {},
    required: [],
    item: objectOf<{ text: string }>({ text: words("Text exposition format 0.0.4.") }),
    answer: "one",
    changes: false,
  },
} as const satisfies Readonly<Record<string, Operation>>;
