// Who yields where shared places run out: the oldest of the largest holder, within the limit that is reached.
import { expect, test } from "bun:test";
import { SharedPlaces } from "../../../src/engine/state/shared-places.ts";

interface Item {
  readonly name: string;
  isBusy?: boolean;
}

const LIMITS = { perConnection: 2, perAddress: 4, inAll: 6 };

function fill(...holders: readonly [connectionId: number, address: string][]) {
  const places = new SharedPlaces<Item>();
  const items = holders.map(([connectionId, address], index) => {
    const item: Item = { name: `${index}` };
    places.add(item, { connectionId, address });
    return item;
  });
  const roomFor = (connectionId: number, address: string) => {
    const room = places.roomFor({ connectionId, address }, LIMITS, (item) => item.isBusy !== true);
    return typeof room === "string" ? room : room.name;
  };
  return { places, items, roomFor };
}

test("there is room below all limits", () => {
  const { roomFor } = fill([1, "a"], [2, "a"], [3, "b"]);
  expect(roomFor(1, "a")).toBe("fits");
});

test("the oldest of a connection yields at the limit of a connection", () => {
  const { roomFor, items, places } = fill([2, "a"], [1, "a"], [1, "a"]);
  expect(roomFor(1, "a")).toBe("1");
  expect(roomFor(2, "a")).toBe("fits");
  places.remove(items[1] as Item);
  expect(roomFor(1, "a")).toBe("fits");
});

test("the oldest of the largest connection yields at the limit of an address", () => {
  const { roomFor } = fill([1, "a"], [2, "a"], [2, "a"], [3, "a"], [4, "b"]);
  expect(roomFor(5, "a")).toBe("1");
  expect(roomFor(5, "b")).toBe("fits");
});

test("the oldest of the largest address yields at the limit in all", () => {
  const { roomFor } = fill([1, "a"], [2, "b"], [3, "b"], [4, "c"], [5, "b"], [6, "d"]);
  expect(roomFor(7, "e")).toBe("1");
});

test("another one yields where the oldest may not, and none where none may", () => {
  const { roomFor, items } = fill([1, "a"], [2, "b"], [3, "b"], [4, "c"], [5, "b"], [6, "d"]);
  for (const index of [1, 2, 4]) (items[index] as Item).isBusy = true;
  expect(roomFor(7, "e")).toBe("0");
  for (const item of items) item.isBusy = true;
  expect(roomFor(7, "e")).toBe("full");
  (items[5] as Item).isBusy = false;
  expect(roomFor(7, "e")).toBe("5");
});

test("a removed item leaves nothing behind, and an unknown one is ignored", () => {
  const { places, items } = fill([1, "a"], [2, "b"]);
  for (const item of [...items, ...items]) places.remove(item);
  expect(places.size).toBe(0);
  expect(places.oldest(() => true)).toBeUndefined();
  expect(places.oldestAt("a", () => true)).toBeUndefined();
});
