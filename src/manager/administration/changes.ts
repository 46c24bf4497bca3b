// What can be changed in the configuration, as plain data.
import type { Access } from "./access-matrix.ts";

/** Parameters and their values; null removes one. */
export type Settings = Readonly<Record<string, string | null>>;

export type ConfigurationChange =
  | { readonly kind: "add share"; readonly name: string; readonly parameters: Settings }
  | { readonly kind: "set share"; readonly name: string; readonly parameters: Settings }
  | { readonly kind: "remove share"; readonly name: string }
  | { readonly kind: "set access"; readonly name: string; readonly access: Readonly<Record<string, Access>> }
  | { readonly kind: "set settings"; readonly parameters: Settings };
