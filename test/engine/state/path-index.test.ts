// Open files by path: look-up, removal, and the move of a whole directory.
import { expect, test } from "bun:test";
import { PathIndex, type PathEntry } from "../../../src/engine/state/path-index.ts";

interface Item {
  readonly label: string;
  place: PathEntry<Item> | undefined;
}

function build(paths: readonly string[]): { index: PathIndex<Item>; items: Map<string, Item> } {
  const index = new PathIndex<Item>();
  const items = new Map<string, Item>();
  for (const path of paths) {
    const item: Item = { label: path, place: undefined };
    item.place = index.insert(path, item);
    items.set(path, item);
  }
  return { index, items };
}

const pathOf = (index: PathIndex<Item>, item: Item | undefined): string =>
  item?.place === undefined ? "" : index.path(item.place);

test("an item is found at its path only", () => {
  const { index, items } = build(["/srv/a/b", "/srv/a", "/srv/ab"]);
  expect(index.find("/srv/a/b")).toBe(items.get("/srv/a/b") as Item);
  expect(index.find("/srv/a")).toBe(items.get("/srv/a") as Item);
  expect(index.find("/srv")).toBeUndefined();
  expect(index.find("/srv/a/b/c")).toBeUndefined();
  expect(index.find("")).toBeUndefined();
  for (const [path, item] of items) expect(pathOf(index, item)).toBe(path);
});

test("an item below a directory is distinguished from one whose path only begins like it", () => {
  const { index } = build(["/srv/a/b/c", "/srv/ab"]);
  expect(index.hasBelow("/srv/a")).toBe(true);
  expect(index.hasBelow("/srv/ab")).toBe(false);
  expect(index.hasBelow("/srv/a/b/c")).toBe(false);
  const seen: string[] = [];
  index.someBelow("/srv", (item) => {
    seen.push(item.label);
    return false;
  });
  expect(seen.sort()).toEqual(["/srv/a/b/c", "/srv/ab"]);
});

test("a removed item leaves no names behind", () => {
  const { index, items } = build(["/srv/a/b/c", "/srv/x"]);
  const item = items.get("/srv/a/b/c") as Item;
  index.remove(item.place as PathEntry<Item>, item);
  expect(index.find("/srv/a/b/c")).toBeUndefined();
  expect(index.hasBelow("/srv/a")).toBe(false);
  expect(index.find("/srv/x")?.label).toBe("/srv/x");
});

test("of two items at one path each is removed by itself", () => {
  const { index, items } = build(["/srv/a"]);
  const second: Item = { label: "second", place: undefined };
  second.place = index.insert("/srv/a", second);
  expect(index.find("/srv/a")).toBe(second);
  index.remove(second.place, second);
  expect(index.find("/srv/a")).toBe(items.get("/srv/a") as Item);
});

test("moving a directory moves the items below it", () => {
  const { index, items } = build(["/srv/a", "/srv/a/b/c", "/srv/z/y"]);
  index.move("/srv/a", "/srv/z/n", (item, place) => {
    item.place = place;
  });
  expect(pathOf(index, items.get("/srv/a"))).toBe("/srv/z/n");
  expect(pathOf(index, items.get("/srv/a/b/c"))).toBe("/srv/z/n/b/c");
  expect(index.find("/srv/z/n/b/c")?.label).toBe("/srv/a/b/c");
  expect(index.find("/srv/a")).toBeUndefined();
  expect(index.hasBelow("/srv/a")).toBe(false);
  const moved = items.get("/srv/a/b/c") as Item;
  index.remove(moved.place as PathEntry<Item>, moved);
  expect(index.find("/srv/z/n/b/c")).toBeUndefined();
});

test("a move to an existing path keeps both items", () => {
  const { index, items } = build(["/srv/a/x", "/srv/b/x", "/srv/b/y"]);
  index.move("/srv/a", "/srv/b", (item, place) => {
    item.place = place;
  });
  expect(pathOf(index, items.get("/srv/a/x"))).toBe("/srv/b/x");
  const upper = items.get("/srv/a/x") as Item;
  index.remove(upper.place as PathEntry<Item>, upper);
  expect(index.find("/srv/b/x")).toBe(items.get("/srv/b/x") as Item);
  expect(index.find("/srv/b/y")?.label).toBe("/srv/b/y");
});
