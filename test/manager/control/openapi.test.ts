// The API's description, checked by the OpenAPI project's own JSON Schema of version 3.1.
import { expect, test } from "bun:test";
import { describeApi } from "../../../src/manager/control/openapi.ts";
import { OPERATIONS } from "../../../src/manager/control/operations.ts";

interface Result {
  readonly valid: boolean;
  readonly errors?: unknown;
}

/** Has no types that fit; the name is no literal, so that the compiler does not look for them. */
const PACKAGE: string = "@seriousme/openapi-schema-validator";

async function validate(document: unknown): Promise<Result> {
  const { Validator } = (await import(PACKAGE)) as {
    Validator: new () => { validate(document: unknown): Promise<Result> };
  };
  return new Validator().validate(document);
}

test("the description is a valid document of OpenAPI 3.1", async () => {
  const document = describeApi("1.2.3");
  expect(await validate(document)).toEqual({ valid: true });
  expect((await validate({ ...document, paths: { "/x": { get: { responses: 7 } } } })).valid).toBe(false);
});

test("every operation with a path is in it, by its name", () => {
  const { paths } = describeApi("1.2.3") as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  const described = Object.values(paths).flatMap((path) => Object.values(path).map((row) => row.operationId));
  const routed = Object.entries(OPERATIONS).flatMap(([name, row]) => ("http" in row ? [name] : []));
  expect(described.sort()).toEqual(routed.sort());
});
