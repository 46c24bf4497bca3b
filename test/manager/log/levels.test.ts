// `log level` with components, as ksmbd and Samba name them, and what an administrator sets while the server runs.
import { describe, expect, test } from "bun:test";
import { COMPONENTS, LevelOverride, type Levels, readLevels } from "../../../src/manager/log/levels.ts";

const ALL_BUT_SMB: Levels["debugComponents"] = COMPONENTS.filter((component) => component !== "smb");

test.each([
  ["info", "info", [], undefined],
  ["debug", "debug", ALL_BUT_SMB, undefined],
  ["warning auth:debug", "warn", ["auth"], undefined],
  ["1 auth:3 smb2:10 locking:5", "warn", ["smb", "auth", "oplock"], undefined],
  ["debug oplock:info smb:debug", "debug", COMPONENTS.filter((name) => name !== "oplock"), undefined],
  ["0 all:3", "error", COMPONENTS, undefined],
  ["vfs:debug", "info", ["vfs"], undefined],
  ["1 winbind:5 dns:3", "warn", [], undefined],
  ["loud", "info", [], "loud"],
  ["1 auth:loud", "warn", [], "auth:loud"],
  ["1 auth:3@/tmp/x:y", "warn", [], "auth:3@/tmp/x:y"],
] as const)("log level %s", (text, logLevel, debugComponents, unknown) => {
  expect(readLevels(text)).toEqual({ logLevel, debugComponents: [...debugComponents], unknown });
});

describe("toggled", () => {
  const INFO: Levels = { logLevel: "info", debugComponents: [] };
  const toggled = (levels: Levels, ...names: string[]) => {
    const override = new LevelOverride();
    for (const name of names) override.toggle(levels, name);
    return override.over(levels).debugComponents;
  };

  test.each([
    [["smb"], ["smb"]],
    [["smb", "smb"], []],
    [
      ["rdma", "auth"],
      ["auth", "rdma"],
    ],
    [["all"], COMPONENTS],
    [["all", "all"], []],
    [["smb", "all"], COMPONENTS],
    [["all", "ipc"], COMPONENTS.filter((name) => name !== "ipc")],
    [["nothing", ""], []],
    [["toString"], []],
  ])("%j", (names, on) => {
    expect(toggled(INFO, ...names)).toEqual([...on] as never);
  });

  test("components of the configuration are switched off", () => {
    expect(toggled({ logLevel: "debug", debugComponents: ALL_BUT_SMB }, "vfs")).not.toContain("vfs");
  });

  test("a reload takes back the level and not the components; another level takes back the components", () => {
    const override = new LevelOverride();
    override.set("debug");
    expect(override.over(INFO)).toEqual({ logLevel: "debug", debugComponents: ALL_BUT_SMB });
    override.toggle(INFO, "smb");
    override.reset();
    expect(override.over(INFO)).toEqual({ logLevel: "info", debugComponents: COMPONENTS });
    override.set("warn");
    expect(override.over(INFO)).toEqual({ logLevel: "warn", debugComponents: [] });
    override.reset();
    expect(override.over(INFO)).toEqual(INFO);
  });
});
