// Operations on the configuration: shares, who may do what in them, and the settings of [global].
import { ACCESS, type AccessRow } from "../../administration/access-matrix.ts";
import type { PathCheck } from "../../administration/check-path.ts";
import type { ShareDetail, ShareView } from "../../administration/view-types.ts";
import type { FaultView, ParameterView } from "../../administration/views.ts";
import type { Place } from "../../config/positions.ts";
import type { Operation } from "../operation.ts";
import { flag, integer, listOf, objectOf, oneOf, text, words } from "../schema.ts";
import { MAX_NAME, MAX_PATH } from "./server.ts";

const MAX_VALUE = 8192;
const MAX_PARAMETERS = 256;
const MAX_USERS = 1024;

const PLACE = objectOf<Place>({ file: words("Path of the file."), line: integer("Counted from 1.") });

const FAULT = objectOf<FaultView>(
  {
    parameter: words("The parameter; empty: of none."),
    kind: oneOf(["error", "warning", "info"], "error: the share is left out."),
    message: words("In testparm's words."),
    file: words("The file of the line."),
    line: integer("0: of no line."),
  },
  "file",
);

const SHARE_FIELDS = {
  name: words("The share's name."),
  kind: oneOf(["share", "homes", "volumes", "disk"], "disk: of a plugged-in disk, by [volumes]."),
  path: words("Its directory."),
  comment: words("Text beside the name in lists."),
  readOnly: flag("Nobody but the 'write list' changes anything."),
  guestOk: flag("Guests may connect."),
  browseable: flag("It appears in lists."),
  isOnDisk: flag("It comes and goes with a disk: by 'disk' or [volumes]."),
  isServed: flag("Clients find it now."),
  isEditable: flag("It can be changed here."),
  writtenIn: PLACE,
  faults: listOf(FAULT, "What testparm says of it."),
} as const;

const SHARE = objectOf<ShareView>(SHARE_FIELDS, "writtenIn");

const PARAMETER = objectOf<ParameterView>(
  {
    name: words("The parameter's name."),
    value: words("yes or no for a boolean, otherwise as it is written."),
    default: words("The default, as it would be written, or in words."),
    kind: oneOf(
      ["boolean", "integer", "size", "octal", "text", "list", "veto", "choice"],
      "Kind of the value.",
    ),
    scope: oneOf(["global", "share", "both"], "share: in [global] it is the default of all shares."),
    description: words("What it means."),
    isDefault: flag("Neither the share nor [global] sets it."),
    isSet: flag("The section itself sets it."),
    isEditable: flag("Neither does the command line set it, nor may only root."),
    needsRestart: flag("It takes effect at the next start alone."),
    choices: listOf(words("A value."), "The values of a choice."),
    minimum: integer("The smallest number."),
    maximum: integer("The largest number."),
    file: words("The file that sets it."),
    line: integer("The line that sets it."),
  },
  "choices",
  "minimum",
  "maximum",
  "file",
  "line",
);

const DETAIL = objectOf<ShareDetail>(
  {
    ...SHARE_FIELDS,
    parameters: listOf(PARAMETER, "Its parameters, those with their default included."),
    access: listOf(
      objectOf<AccessRow>({
        user: words("The user's name."),
        access: oneOf(ACCESS, "By the configuration; the rights on the disk may allow less."),
      }),
      "Who may do what.",
    ),
  },
  "writtenIn",
);

const NAME = text(MAX_NAME, "The share's name.");
const ETAG = text(64, "The etag of the configuration that the change was made from.");
const PARAMETERS = {
  type: "object",
  additionalProperties: { type: ["string", "null"], maxLength: MAX_VALUE },
  maxProperties: MAX_PARAMETERS,
  description: "Parameters and their values; null removes one.",
} as const;

export const CONFIGURATION_OPERATIONS = {
  "configured-shares": {
    summary: "The shares of the configuration and of plugged-in disks, with what testparm says of them.",
    args: {},
    required: [],
    item: SHARE,
    answer: "list",
    changes: false,
    isVersioned: true,
    http: { method: "GET", path: "/shares" },
  },
  share: {
    summary: "A share with its parameters and who may do what.",
    args: { name: NAME },
    required: ["name"],
    item: DETAIL,
    answer: "one",
    changes: false,
    isVersioned: true,
    http: { method: "GET", path: "/shares/{name}" },
  },
  "add-share": {
    summary: "Adds a share to the configuration file, and reads it again.",
    args: { name: NAME, parameters: PARAMETERS, etag: ETAG },
    required: ["name", "parameters"],
    item: DETAIL,
    answer: "one",
    makesItem: true,
    changes: true,
    isVersioned: true,
    http: { method: "POST", path: "/shares" },
  },
  "set-share": {
    summary: "Changes parameters of a share where they are written; comments and order stay.",
    args: { name: NAME, parameters: PARAMETERS, etag: ETAG },
    required: ["name", "parameters"],
    item: DETAIL,
    answer: "one",
    changes: true,
    isVersioned: true,
    http: { method: "PUT", path: "/shares/{name}" },
  },
  "remove-share": {
    summary: "Takes a share out of the configuration; its files stay.",
    args: { name: NAME, etag: ETAG },
    required: ["name"],
    answer: "none",
    changes: true,
    isVersioned: true,
    http: { method: "DELETE", path: "/shares/{name}" },
  },
  "set-access": {
    summary:
      "Says who may do what in a share, by its lists of users; users who are not named keep what they have.",
    args: {
      name: NAME,
      access: {
        type: "object",
        additionalProperties: oneOf(ACCESS, "What the user may do."),
        maxProperties: MAX_USERS,
        description: "Users, and what each may do.",
      },
      etag: ETAG,
    },
    required: ["name", "access"],
    item: DETAIL,
    answer: "one",
    changes: true,
    isVersioned: true,
    http: { method: "PUT", path: "/shares/{name}/access", body: "access" },
  },
  settings: {
    summary: "The parameters of [global].",
    args: {},
    required: [],
    item: PARAMETER,
    answer: "list",
    changes: false,
    isVersioned: true,
    http: { method: "GET", path: "/settings" },
  },
  "set-settings": {
    summary: "Changes parameters of [global] where they are written; comments and order stay.",
    args: { parameters: PARAMETERS, etag: ETAG },
    required: ["parameters"],
    item: PARAMETER,
    answer: "list",
    changes: true,
    isVersioned: true,
    http: { method: "PATCH", path: "/settings", body: "parameters" },
  },
  "check-path": {
    summary: "Whether a directory is there and can be shared.",
    args: { path: text(MAX_PATH, "An absolute path.") },
    required: ["path"],
    item: objectOf<PathCheck>({
      exists: flag("There is something."),
      isDirectory: flag("It is a directory."),
      fileSystem: words("Type of its file system."),
      mountPoint: words("Where that is mounted."),
      ownerName: words("The owner's name, or number."),
      message: words("Why it cannot be shared; empty: it can."),
    }),
    answer: "one",
    changes: false,
    http: { method: "POST", path: "/check-path" },
  },
} as const satisfies Readonly<Record<string, Operation>>;
