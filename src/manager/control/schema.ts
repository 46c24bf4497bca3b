// Types of arguments and items: the part of JSON Schema (draft 2020-12, as in OpenAPI 3.1) that the
// operations use, what TypeScript makes of it, and the check of a value.
import { ControlError } from "./protocol.ts";

interface Described {
  readonly description?: string;
}

export interface TextSchema extends Described {
  readonly type: "string";
  readonly enum?: readonly string[];
  readonly minLength?: number;
  /** In UTF-16 units. */
  readonly maxLength?: number;
  /** Never shown again; for documentation. */
  readonly writeOnly?: true;
}

export interface NumberSchema extends Described {
  readonly type: "integer" | "number";
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface FlagSchema extends Described {
  readonly type: "boolean";
}

export interface ListSchema extends Described {
  readonly type: "array";
  readonly items: Schema;
  readonly maxItems?: number;
}

export interface ObjectSchema extends Described {
  readonly type: "object";
  readonly properties: Properties;
  readonly required: readonly string[];
}

/** An object whose names are data; null removes what has the name. */
export interface MapSchema extends Described {
  readonly type: "object";
  readonly additionalProperties: Schema;
  readonly maxProperties: number;
}

export interface NullableTextSchema extends Described {
  readonly type: readonly ["string", "null"];
  readonly maxLength: number;
}

export type Schema =
  TextSchema | NumberSchema | FlagSchema | ListSchema | ObjectSchema | MapSchema | NullableTextSchema;
export type Properties = Readonly<Record<string, Schema>>;

/** The schema that fits a type of rows; `undefined` is a property that is absent. */
type SchemaOf<T> = [T] extends [boolean]
  ? FlagSchema
  : [T] extends [number]
    ? NumberSchema
    : [T] extends [string]
      ? TextSchema
      : [T] extends [readonly (infer Item)[]]
        ? ListSchema & { readonly items: SchemaOf<Item> }
        : ObjectSchema;

type OptionalKeys<T> = {
  [Name in keyof T]-?: undefined extends T[Name] ? Name : never;
}[keyof T];

/** The schema of an object type: the compiler holds its properties to those of the type. */
export function objectOf<T extends object>(
  properties: { readonly [Name in keyof T]-?: SchemaOf<Exclude<T[Name], undefined>> },
  ...optional: readonly (OptionalKeys<T> & string)[]
): ObjectSchema {
  const names = Object.keys(properties);
  const required = names.filter((name) => !(optional as readonly string[]).includes(name));
  return { type: "object", properties: properties as Properties, required };
}

/** What a value of the schema is in TypeScript. */
export type ValueOf<S> = S extends { readonly enum: readonly (infer Word)[] }
  ? Word
  : S extends { readonly type: "string" }
    ? string
    : S extends { readonly type: "integer" | "number" }
      ? number
      : S extends { readonly type: "boolean" }
        ? boolean
        : S extends { readonly type: readonly ["string", "null"] }
          ? string | null
          : S extends { readonly properties: infer Fields }
            ? { readonly [Name in keyof Fields]: ValueOf<Fields[Name]> }
            : S extends { readonly items: infer Item }
              ? readonly ValueOf<Item>[]
              : S extends { readonly additionalProperties: infer Value }
                ? Readonly<Record<string, ValueOf<Value>>>
                : unknown;

export const flag = (description: string) => ({ type: "boolean", description }) as const;
/** A text of the server's own. */
export const words = (description: string) => ({ type: "string", description }) as const;
export const integer = (description: string) => ({ type: "integer", minimum: 0, description }) as const;
/** A text that a client sends. */
export const text = <const N extends number>(maxLength: N, description: string) =>
  ({ type: "string", minLength: 1, maxLength, description }) as const;
export const oneOf = <const W extends readonly string[]>(choices: W, description: string) =>
  ({ type: "string", enum: choices, description }) as const;
export const listOf = <const S extends Schema>(items: S, description: string) =>
  ({ type: "array", items, description }) as const;

/** Throws ControlError where the value of the argument does not fit. */
export function checkValue(name: string, value: unknown, schema: Schema): void {
  const fault = faultOf(value, schema);
  if (fault !== undefined) throw new ControlError(`'${name}' ${fault}`, "bad-argument");
}

function faultOf(value: unknown, schema: Schema): string | undefined {
  switch (schema.type) {
    case "string":
      return faultOfText(value, schema);
    case "integer":
    case "number":
      return faultOfNumber(value, schema);
    case "boolean":
      return typeof value === "boolean" ? undefined : "is neither true nor false";
    case "array":
      return faultOfList(value, schema);
    case "object":
      return "properties" in schema ? faultOfObject(value, schema) : faultOfMap(value, schema);
    default:
      if (value === null) return undefined;
      if (typeof value !== "string") return "is neither a text nor null";
      return value.length > schema.maxLength ? `has more than ${schema.maxLength} characters` : undefined;
  }
}

function faultOfText(
  value: unknown,
  { enum: choices, maxLength = Infinity }: TextSchema,
): string | undefined {
  if (choices !== undefined)
    return choices.some((choice) => choice === value) ? undefined : `is one of ${choices.join(", ")}`;
  if (typeof value !== "string" || value === "") return "is not a text";
  return value.length > maxLength ? `has more than ${maxLength} characters` : undefined;
}

function faultOfNumber(value: unknown, { minimum = 0, maximum }: NumberSchema): string | undefined {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < minimum) return "is not a number";
  return maximum !== undefined && value > maximum ? `is more than ${maximum}` : undefined;
}

function faultOfList(value: unknown, { items, maxItems = Infinity }: ListSchema): string | undefined {
  if (!Array.isArray(value)) return "is not a list";
  if (value.length > maxItems) return `has more than ${maxItems} entries`;
  for (const item of value as unknown[]) {
    const fault = faultOf(item, items);
    if (fault !== undefined) return `has an entry that ${fault}`;
  }
  return undefined;
}

/** All properties of an argument are required. */
function faultOfObject(value: unknown, { properties }: ObjectSchema): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object";
  const other = Object.keys(value).find((name) => !Object.hasOwn(properties, name));
  if (other !== undefined) return `has no field '${other.slice(0, 64)}'`;
  for (const [name, schema] of Object.entries(properties)) {
    const fault = faultOf((value as Readonly<Record<string, unknown>>)[name], schema);
    if (fault !== undefined) return `has a field '${name}' that ${fault}`;
  }
  return undefined;
}

function faultOfMap(value: unknown, schema: MapSchema): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object";
  const entries = Object.entries(value);
  if (entries.length > schema.maxProperties) return `has more than ${schema.maxProperties} entries`;
  for (const [name, each] of entries) {
    const fault = faultOf(each, schema.additionalProperties);
    if (fault !== undefined) return `has an entry '${name.slice(0, 64)}' that ${fault}`;
  }
  return undefined;
}
