// Snapshot times from directory names, path tokens and snapper's info.xml: the parsers return undefined or a
// time that can be formatted as a token and parsed again. Formats of vfs_shadow_copy2(8) and snapper(8);
// [MS-SMB] 2.2.1.1.1 (tokens).
import { describe, expect, test } from "bun:test";
import {
  compileSnapshotFormat,
  secondsOfSnapperInfo,
  secondsOfToken,
  tokenOf,
} from "../../src/engine/vfs/snapshot/names.ts";
import { createRandom } from "./bytes.ts";
import { readAll, seed, TIMEOUT_MS } from "./reading.ts";

describe("snapshot times", () => {
  const formats = ["@GMT-%Y.%m.%d-%H.%M.%S", "snap%s", "%F_%T", "%y%m%d", "(%Y", "%Q", "%%%Y"];
  const readers = formats.map((format) =>
    compileSnapshotFormat({
      kind: "folder",
      forAll: false,
      folder: "",
      base: "",
      mountPoint: "",
      format,
      prefix: "",
      delimiter: "_",
      isLocalTime: false,
      isAscending: false,
    }),
  );
  /** Expects a time, if there is one, to survive formatting as a token and parsing. */
  const isTold = (seconds: number | undefined): number | undefined => {
    if (seconds !== undefined) expect(secondsOfToken(tokenOf(seconds))).toBe(seconds);
    return seconds;
  };

  test("invalid dates", () => {
    for (const date of [
      "9999-99-99 99:99:99",
      "9999-12-31 23:59:60",
      "0000-00-00 00:00:00",
      "0001-01-01 00:00:00",
    ]) {
      isTold(secondsOfSnapperInfo(`<date>${date}</date>`));
      const [day = "", time = ""] = date.split(" ");
      for (const read of readers) {
        isTold(read(`${day}_${time}`));
        isTold(read(`@GMT-${day.replaceAll("-", ".")}-${time.replaceAll(":", ".")}`));
      }
    }
  });

  test(
    "mutated directory names, tokens and info.xml of snapper",
    async () => {
      const info =
        '<?xml version="1.0"?>\n<snapshot><type>single</type><num>1</num><date>2026-11-22 18:21:32</date></snapshot>';
      const names = [
        "@GMT-2020.01.02-03.04.05",
        "snap1577934245",
        "2020-01-02_03:04:05",
        "200102",
        "(2020",
        "%2020",
      ];
      const digits = "0123456789";
      const random = createRandom(seed + 3);
      const samples = [info, ...names].map((text) => new TextEncoder().encode(text));
      const values = await readAll(samples, (input) => {
        const text = new TextDecoder().decode(input);
        const other = text.replace(/\d/g, (digit) =>
          random() < 0.3 ? (digits[Math.floor(random() * 10)] ?? "0") : digit,
        );
        let found: number | undefined;
        for (const name of [text, other]) {
          found = isTold(secondsOfSnapperInfo(name)) ?? found;
          found = isTold(secondsOfToken(name)) ?? found;
          for (const read of readers) found = isTold(read(name)) ?? found;
        }
        return found;
      });
      expect(values).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );
});
