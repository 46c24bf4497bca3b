// Operations on the users of the password file.
import type { Operation } from "../operation.ts";
import { flag, objectOf, text, words } from "../schema.ts";
import { MAX_NAME, MAX_PATH } from "./server.ts";

export interface UserItem {
  readonly name: string;
  readonly isAdmin: boolean;
  readonly isStored: boolean;
}

const USER = objectOf<UserItem>({
  name: words("The user's name."),
  isAdmin: flag("The user may administrate: 'web admin users', else 'admin users' of [global], names him."),
  isStored: flag(
    "The user is in the password file, and can be changed here; others are in the configuration.",
  ),
});

const NAME = text(MAX_NAME, "The user's name.");
const PASSWORD = { type: "string", minLength: 1, maxLength: 1024, writeOnly: true } as const;

export const USER_OPERATIONS = {
  users: {
    summary: "The users who can log on.",
    args: {},
    required: [],
    item: USER,
    answer: "list",
    changes: false,
    http: { method: "GET", path: "/users" },
  },
  "add-user": {
    summary: "Adds a user to the password file.",
    args: { name: NAME, password: PASSWORD },
    required: ["name", "password"],
    item: USER,
    answer: "one",
    makesItem: true,
    changes: true,
    http: { method: "POST", path: "/users" },
  },
  "set-password": {
    summary: "Gives a user another password; his sessions end.",
    args: { name: NAME, password: PASSWORD },
    required: ["name", "password"],
    answer: "none",
    changes: true,
    http: { method: "PUT", path: "/users/{name}" },
  },
  "remove-user": {
    summary: "Deletes a user, whose sessions end; his files stay.",
    args: { name: NAME },
    required: ["name"],
    answer: "none",
    changes: true,
    http: { method: "DELETE", path: "/users/{name}" },
  },
  setup: {
    summary:
      "The first run of a board that 'minismbd setup' has set up: the password that it shows makes the caller the " +
      "administrator, with a name and password of his own. Later there is no such operation.",
    args: {
      code: { type: "string", minLength: 1, maxLength: 64, writeOnly: true },
      user: NAME,
      password: PASSWORD,
      share: {
        type: "object",
        properties: {
          name: text(MAX_NAME, "Its name."),
          path: text(MAX_PATH, "Its directory, which is there."),
        },
        required: ["name", "path"],
        description: "Also shares a directory.",
      },
    },
    required: ["code", "user", "password"],
    answer: "none",
    changes: true,
    isOpen: true,
    isByCode: true,
    http: { method: "POST", path: "/setup" },
  },
} as const satisfies Readonly<Record<string, Operation>>;
