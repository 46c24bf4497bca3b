// Operations of the web server alone: its sessions. The control socket does not have them; manager/web
// carries them out.
import type { Operation } from "../operation.ts";
import { objectOf, text, words } from "../schema.ts";
import { MAX_NAME } from "./server.ts";

export interface WebSession {
  readonly user: string;
  /** For the header X-CSRF. */
  readonly csrf: string;
  readonly serverName: string;
  readonly version: string;
}

const SESSION = objectOf<WebSession>({
  user: words("Who is logged on."),
  csrf: words("For the header X-CSRF of requests that change something."),
  serverName: words("'netbios name'."),
  version: words("The server's version."),
});

export const WEB_OPERATIONS = {
  session: {
    summary: "The session of the cookie.",
    args: {},
    required: [],
    item: SESSION,
    answer: "one",
    changes: false,
    isOfWeb: true,
    isOpen: true,
    http: { method: "GET", path: "/session" },
  },
  "log-on": {
    summary:
      "Begins a session, which is a cookie; for a user whom 'web admin users' names, else 'admin users' of [global].",
    args: {
      user: text(MAX_NAME, "The user's name."),
      password: { type: "string", minLength: 1, maxLength: 1024, writeOnly: true },
    },
    required: ["user", "password"],
    item: SESSION,
    answer: "one",
    changes: true,
    isOfWeb: true,
    isOpen: true,
    http: { method: "POST", path: "/session" },
  },
  "log-off": {
    summary: "Ends the session of the cookie.",
    args: {},
    required: [],
    answer: "none",
    changes: true,
    isOfWeb: true,
    http: { method: "DELETE", path: "/session" },
  },
} as const satisfies Readonly<Record<string, Operation>>;
