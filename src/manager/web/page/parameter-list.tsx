// Many parameters: those that are set, and all that a search finds.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Edits } from "./editing.ts";
import type { Parameter, ParameterFault } from "./model.ts";
import { ParameterField } from "./parameter-field.tsx";
import { Button, TextField } from "./parts.tsx";
import { t, wordFor } from "./text.ts";

interface ParameterListProps {
  readonly parameters: readonly Parameter[];
  readonly edits: Edits;
  readonly faults: readonly ParameterFault[];
  readonly file?: string | undefined;
  readonly onEdit: (name: string, value: string | null) => void;
}

export function ParameterList({ parameters, edits, faults, file, onEdit }: ParameterListProps): JSX.Element {
  const [search, setSearch] = useState("");
  const [isAll, setAll] = useState(false);
  const words = search.toLowerCase().split(/\s+/);
  const isFound = ({ name, description }: Parameter): boolean => {
    const text = `${name} ${wordFor("parameter", name) ?? ""} ${description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const isShown = ({ name, isDefault }: Parameter): boolean =>
    !isDefault || edits[name] !== undefined || faults.some(({ parameter }) => parameter === name);
  const shown = parameters.filter(search === "" ? (one) => isAll || isShown(one) : isFound);
  return (
    <>
      <TextField label={t("parameters.search")} value={search} onValue={setSearch} />
      <p class="quiet" role="status">
        {t(search === "" ? "parameters.shown" : "parameters.found", {
          count: shown.length,
          all: parameters.length,
        })}
      </p>
      {shown.map((parameter) => (
        <ParameterField key={parameter.name} {...{ parameter, edits, faults, file, onEdit }} />
      ))}
      {search === "" && shown.length < parameters.length && (
        <Button onPress={() => setAll(true)}>{t("parameters.all")}</Button>
      )}
    </>
  );
}
