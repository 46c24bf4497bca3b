// Which view the address names: #/shares/Photos.
import { Cell } from "./cell.ts";

const VIEWS = ["overview", "shares", "users", "disks", "clients", "log", "settings"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View;
  /** The share that is shown; "" for the list. */
  readonly name: string;
}

export const route = new Cell<Route>(parse(location.hash));

export function linkTo(view: View, name = ""): string {
  return name === "" ? `#/${view}` : `#/${view}/${encodeURIComponent(name)}`;
}

export function goTo(view: View, name = ""): void {
  location.hash = linkTo(view, name);
}

export function followAddress(): void {
  window.addEventListener("hashchange", () => route.set(parse(location.hash)));
}

function parse(hash: string): Route {
  const [, word = "", rest = ""] = /^#\/([a-z]*)\/?(.*)$/.exec(hash) ?? [];
  const view = VIEWS.find((known) => known === word) ?? "overview";
  return { view, name: decode(rest) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
