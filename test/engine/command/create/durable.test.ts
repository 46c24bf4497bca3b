// Durable create contexts that exclude each other; [MS-SMB2] 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12.
import { describe, expect, test } from "bun:test";
import { checkDurableContexts } from "../../../../src/engine/command/create/durable.ts";
import type { CreateRequestContexts } from "../../../../src/wire/context/create-context.ts";
import { Status, statusName } from "../../../../src/wire/status.ts";
import { requestFor } from "./create-fixture.ts";

const fileId = { persistentLow: 1, persistentHigh: 0, volatileLow: 1, volatileHigh: 0 };
const createGuid = new Uint8Array(16);
const DHnQ: CreateRequestContexts = { durableRequest: true };
const DHnC: CreateRequestContexts = { durableReconnect: fileId };
const DH2Q: CreateRequestContexts = { durableRequestV2: { timeoutMs: 0, flags: 0, createGuid } };
const DH2C: CreateRequestContexts = { durableReconnectV2: { fileId, createGuid, flags: 0 } };

describe("a CREATE with", () => {
  test.each([
    ["no durable context", {}, Status.SUCCESS],
    ["DHnQ", DHnQ, Status.SUCCESS],
    ["DHnC", DHnC, Status.SUCCESS],
    ["DH2Q", DH2Q, Status.SUCCESS],
    ["DH2C", DH2C, Status.SUCCESS],
    // 3.3.5.9.7: the server ignores DHnQ beside DHnC.
    ["DHnQ and DHnC, 3.3.5.9.7", { ...DHnQ, ...DHnC }, Status.SUCCESS],
    ["DHnQ and DH2Q, 3.3.5.9.6", { ...DHnQ, ...DH2Q }, Status.INVALID_PARAMETER],
    ["DHnQ and DH2C, 3.3.5.9.6", { ...DHnQ, ...DH2C }, Status.INVALID_PARAMETER],
    ["DHnC and DH2Q, 3.3.5.9.7", { ...DHnC, ...DH2Q }, Status.INVALID_PARAMETER],
    ["DHnC and DH2C, 3.3.5.9.7", { ...DHnC, ...DH2C }, Status.INVALID_PARAMETER],
    ["DH2Q and DH2C, 3.3.5.9.12", { ...DH2Q, ...DH2C }, Status.INVALID_PARAMETER],
  ])("%s", (_, contexts, expected) => {
    expect(statusName(checkDurableContexts(requestFor({ contexts })))).toBe(statusName(expected));
  });
});
