import { expect, test } from "bun:test";
import { TrafficCount } from "../../../src/engine/connection/traffic.ts";
import { Status } from "../../../src/wire/status.ts";

test("statuses of severity ERROR count as failures, warnings and SUCCESS do not", () => {
  const traffic = new TrafficCount();
  for (const status of [Status.SUCCESS, Status.NO_MORE_FILES, Status.PENDING, Status.ACCESS_DENIED])
    traffic.count(status);
  expect(traffic.snapshot()).toEqual({ requests: 4, failures: 1, receivedBytes: 0, sentBytes: 0 });
});

test("a snapshot does not change, and totals add up", () => {
  const traffic = new TrafficCount();
  traffic.receivedBytes = 10;
  const before = traffic.snapshot();
  traffic.add({ requests: 1, failures: 1, receivedBytes: 5, sentBytes: 7 });
  expect(before.receivedBytes).toBe(10);
  expect(traffic.snapshot()).toEqual({ requests: 1, failures: 1, receivedBytes: 15, sentBytes: 7 });
});
