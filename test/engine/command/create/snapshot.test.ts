// The snapshot that a CREATE names by TWrp or an @GMT token, and what it may do there; [MS-SMB2] 2.2.13.2.7,
// 3.3.5.9.
import { describe, expect, test } from "bun:test";
import { checkSnapshotRequest, findTime } from "../../../../src/engine/command/create/snapshot.ts";
import type { SnapshotRules } from "../../../../src/port/port.ts";
import { CreateDisposition, CreateOption } from "../../../../src/wire/command/create.ts";
import type { Time } from "../../../../src/wire/filetime.ts";
import { Status, statusName } from "../../../../src/wire/status.ts";
import { grantFor } from "../../vfs/share-fixture.ts";
import { requestFor } from "./create-fixture.ts";

const TOKEN = "@GMT-2024.02.29-12.00.00";
const SECONDS = Date.UTC(2024, 1, 29, 12) / 1000;
const OTHER_TOKEN = "@GMT-2024.03.01-12.00.00";
/** FILETIME zero: 1601. */
const ZERO: Time = { seconds: Date.UTC(1601, 0, 1) / 1000, nanoseconds: 0 };

const rules: SnapshotRules = {
  kind: "folder",
  forAll: false,
  folder: ".snapshots",
  base: "",
  mountPoint: "",
  format: "@GMT-%Y.%m.%d-%H.%M.%S",
  prefix: "",
  delimiter: "_GMT",
  isLocalTime: false,
  isAscending: false,
};

interface Expected {
  readonly seconds: number | undefined;
  readonly components: readonly string[];
}

function timeOf(
  path: string,
  timewarp: Time | undefined,
  snapshots: SnapshotRules | null,
): Expected | string {
  const request = requestFor({ contexts: timewarp === undefined ? {} : { timewarp } });
  const components = path === "" ? [] : path.split("/");
  const grant = grantFor("/srv/share", { snapshots });
  const found = findTime(request, { components, stream: undefined, kind: "any" }, grant);
  if (typeof found === "number") return statusName(found);
  return { seconds: found.seconds, components: found.path.components };
}

const at = { seconds: SECONDS, nanoseconds: 0 };

describe("the snapshot time of a CREATE, [MS-SMB2] 2.2.13.2.7, with", () => {
  test.each<[string, string, Time | undefined, Expected | string]>([
    ["no time", "dir/file", undefined, { seconds: undefined, components: ["dir", "file"] }],
    ["TWrp", "dir/file", at, { seconds: SECONDS, components: ["dir", "file"] }],
    ["TWrp of FILETIME zero", "file", ZERO, { seconds: undefined, components: ["file"] }],
    ["a leading token", `${TOKEN}/dir/file`, undefined, { seconds: SECONDS, components: ["dir", "file"] }],
    [
      "a token inside the path",
      `dir/${TOKEN}/file`,
      undefined,
      { seconds: SECONDS, components: ["dir", "file"] },
    ],
    ["a token alone", TOKEN, undefined, { seconds: SECONDS, components: [] }],
    ["a token and TWrp of the same time", `${TOKEN}/file`, at, { seconds: SECONDS, components: ["file"] }],
    ["a token and TWrp of FILETIME zero", `${TOKEN}/file`, ZERO, { seconds: SECONDS, components: ["file"] }],
    ["a token and TWrp of different times", `${OTHER_TOKEN}/file`, at, "STATUS_OBJECT_NAME_NOT_FOUND"],
    ["the same token twice", `${TOKEN}/${TOKEN}/file`, undefined, { seconds: SECONDS, components: ["file"] }],
    ["two different tokens", `${TOKEN}/${OTHER_TOKEN}/file`, undefined, "STATUS_OBJECT_NAME_NOT_FOUND"],
    [
      "a token of a day that does not exist",
      "@GMT-2023.02.29-12.00.00/file",
      undefined,
      { seconds: undefined, components: ["@GMT-2023.02.29-12.00.00", "file"] },
    ],
    [
      "a token right below the snapshot folder",
      `.snapshots/${TOKEN}/file`,
      undefined,
      { seconds: undefined, components: [".snapshots", TOKEN, "file"] },
    ],
    [
      "a token deeper in the snapshot folder",
      `.snapshots/dir/${TOKEN}/file`,
      undefined,
      { seconds: SECONDS, components: [".snapshots", "dir", "file"] },
    ],
  ])("%s", (_, path, timewarp, expected) => {
    expect(timeOf(path, timewarp, rules)).toEqual(expected);
  });

  test.each<[string, string, string, Expected]>([
    [
      "below the share",
      "/srv/share/.zfs/snapshot",
      `.zfs/snapshot/${TOKEN}`,
      { seconds: undefined, components: [".zfs", "snapshot", TOKEN] },
    ],
    [
      "outside the share",
      "/srv/snapshots",
      `snapshots/${TOKEN}`,
      { seconds: SECONDS, components: ["snapshots"] },
    ],
    [
      "of a share whose name begins alike",
      "/srv/share2/snapshots",
      `2/snapshots/${TOKEN}`,
      { seconds: SECONDS, components: ["2", "snapshots"] },
    ],
  ])("a token behind an absolute snapshot folder %s", (_, folder, path, expected) => {
    expect(timeOf(path, undefined, { ...rules, folder })).toEqual(expected);
  });

  test("a token on a share without snapshots, where it is an ordinary name", () => {
    expect(timeOf(`${TOKEN}/file`, undefined, null)).toEqual({
      seconds: undefined,
      components: [TOKEN, "file"],
    });
  });
});

const { DELETE_ON_CLOSE } = CreateOption;

describe("in a snapshot", () => {
  test.each([
    ["FILE_OPEN", CreateDisposition.OPEN, 0, Status.SUCCESS],
    ["FILE_OPEN_IF", CreateDisposition.OPEN_IF, 0, Status.SUCCESS],
    ["FILE_CREATE", CreateDisposition.CREATE, 0, Status.MEDIA_WRITE_PROTECTED],
    ["FILE_SUPERSEDE", CreateDisposition.SUPERSEDE, 0, Status.MEDIA_WRITE_PROTECTED],
    ["FILE_OVERWRITE", CreateDisposition.OVERWRITE, 0, Status.MEDIA_WRITE_PROTECTED],
    ["FILE_OVERWRITE_IF", CreateDisposition.OVERWRITE_IF, 0, Status.MEDIA_WRITE_PROTECTED],
    ["FILE_DELETE_ON_CLOSE", CreateDisposition.OPEN, DELETE_ON_CLOSE, Status.MEDIA_WRITE_PROTECTED],
  ])("%s", (_, createDisposition, createOptions, expected) => {
    const status = checkSnapshotRequest(requestFor({ createDisposition, createOptions }));
    expect(statusName(status)).toBe(statusName(expected));
  });
});
