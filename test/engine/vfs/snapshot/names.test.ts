// @GMT tokens and names of snapshot directories. [MS-SMB2] 2.2.32.2; vfs_shadow_copy2(8); snapper's info.xml.
import { describe, expect, test } from "bun:test";
import {
  compileSnapshotFormat,
  secondsOfSnapperInfo,
  secondsOfToken,
  tokenOf,
} from "../../../../src/engine/vfs/snapshot/names.ts";
import type { SnapshotRules } from "../../../../src/port/port.ts";

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

/** date -u -d '2020-01-02 03:04:05' +%s */
const SECONDS = 1_577_934_245;

describe("tokens", () => {
  test("are converted to seconds and back", () => {
    expect(secondsOfToken("@GMT-2020.01.02-03.04.05")).toBe(SECONDS);
    expect(tokenOf(SECONDS)).toBe("@GMT-2020.01.02-03.04.05");
    expect(secondsOfToken("@GMT-1970.01.01-00.00.00")).toBe(0);
  });

  test("secondsOfToken returns undefined for invalid dates and other names", () => {
    for (const name of [
      "@GMT-2020.02.30-00.00.00",
      "@GMT-2020.13.01-00.00.00",
      "@GMT-2020.01.02-24.00.00",
      "@GMT-2020.01.02-03.04.05.1",
      "@gmt-2020.01.02-03.04.05",
      "x@GMT-2020.01.02-03.04.05",
      "@GMT-2020.1.2-3.4.5",
      "@GMT-2020.01.02-03.04.05\n",
      "@GMT-",
    ]) {
      expect(secondsOfToken(name)).toBeUndefined();
    }
  });
});

describe("formats", () => {
  const read = (format: string, name: string, change: Partial<SnapshotRules> = {}) =>
    compileSnapshotFormat({ ...rules, format, ...change })(name);

  test("of common snapshot tools are read", () => {
    expect(read("@GMT-%Y.%m.%d-%H.%M.%S", "@GMT-2020.01.02-03.04.05")).toBe(SECONDS);
    expect(read("daily_%F_%T", "daily_2020-01-02_03:04:05")).toBe(SECONDS);
    expect(read("auto-%y%m%d-%R", "auto-200102-03:04")).toBe(SECONDS - 5);
    expect(read("%s", String(SECONDS))).toBe(SECONDS);
    expect(read("100%%-%Y", "100%-1999")).toBe(Date.UTC(1999, 0, 1) / 1000);
    expect(read("%y", "69")).toBe(Date.UTC(1969, 0, 1) / 1000);
  });

  test("do not match other names, and their punctuation is literal", () => {
    expect(read("a.b-%Y", "a.b-2020")).toBeDefined();
    expect(read("a.b-%Y", "axb-2020")).toBeUndefined();
    expect(read("(%Y", "(2020")).toBeDefined();
    expect(read("%Y", "2020x")).toBeUndefined();
    expect(read("%Y-%m", "2020-13")).toBeUndefined();
    expect(read("%H", "12")).toBeUndefined();
    expect(read("%Q%Y", "%Q2020")).toBeUndefined();
  });

  test("follow a prefix that ends at the delimiter", () => {
    const change = { prefix: "^(hourly|daily)$", delimiter: "_GMT" };
    expect(read("_GMT-%Y.%m.%d", "daily_GMT-2020.01.02", change)).toBe(Date.UTC(2020, 0, 2) / 1000);
    expect(read("_GMT-%Y.%m.%d", "weekly_GMT-2020.01.02", change)).toBeUndefined();
    expect(read("_GMT-%Y.%m.%d", "daily", change)).toBeUndefined();
  });

  test("with local time use the machine's time zone", () => {
    const name = "2020.06.02-03.04.05";
    const local = new Date(2020, 5, 2, 3, 4, 5).getTime() / 1000;
    expect(read("%Y.%m.%d-%H.%M.%S", name, { isLocalTime: true })).toBe(local);
  });
});

test("secondsOfSnapperInfo returns the date, or undefined for an invalid one", () => {
  // As snapper 0.10 writes it.
  const info =
    '<?xml version="1.0"?>\n<snapshot>\n  <type>single</type>\n  <num>1</num>\n' +
    "  <date>2020-01-02 03:04:05</date>\n  <cleanup>timeline</cleanup>\n</snapshot>\n";
  expect(secondsOfSnapperInfo(info)).toBe(SECONDS);
  expect(secondsOfSnapperInfo("<date>yesterday</date>")).toBeUndefined();
});
