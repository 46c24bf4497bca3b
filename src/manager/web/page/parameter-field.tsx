// A parameter of the configuration with its plain words, where it stands, and what testparm says of it.
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { Edits } from "./editing.ts";
import type { Parameter, ParameterFault, Place } from "./model.ts";
import { Button, type FieldAttributes } from "./parts.tsx";
import { usePathCheck } from "./path-check.ts";
import { sentence, t, wordFor } from "./text.ts";

interface ParameterFieldProps {
  readonly parameter: Parameter;
  readonly edits: Edits;
  readonly faults: readonly ParameterFault[];
  /** The file, where the parameter itself does not name it. */
  readonly file?: string | undefined;
  readonly onEdit: (name: string, value: string | null) => void;
}

export function ParameterField({ parameter, edits, faults, file, onEdit }: ParameterFieldProps): JSX.Element {
  const { name, description } = parameter;
  const id = useId();
  const edited = edits[name];
  const value = edited === null ? parameter.default : (edited ?? parameter.value);
  const check = usePathCheck(name === "path" && typeof edited === "string" ? edited : "");
  const own = faults.filter((fault) => fault.parameter === name);
  const bad = own.filter(({ kind }) => kind !== "info").map(({ message }) => sentence(message));
  if (check.fault !== undefined) bad.push(check.fault);
  const notes = own.filter(({ kind }) => kind === "info").map(({ message }) => sentence(message));
  const hint = check.hint ?? wordFor("hint", name);
  const isSet = edited === undefined ? parameter.isSet : edited !== null;
  const word = wordFor("parameter", name);
  const attributes = {
    id,
    "aria-describedby": `${id}-hint ${id}-place${bad.length > 0 ? ` ${id}-fault` : ""}`,
    "aria-invalid": bad.length > 0,
  };
  return (
    <div class={`field${edited === undefined ? "" : " edited"}`}>
      <label for={id}>
        {word ?? name} {word !== undefined && <code>{name}</code>}
      </label>
      <ValueInput {...{ parameter, value, attributes }} onValue={(next) => onEdit(name, next)} />
      {bad.map((message) => (
        <p key={message} class="hint bad" id={`${id}-fault`} role="alert">
          {message}
        </p>
      ))}
      <p class="hint" id={`${id}-hint`}>
        {hint ?? <span lang="en">{description}</span>}
        {notes.length > 0 && <span lang="en"> {notes.join(" ")}</span>}
        {parameter.needsRestart && ` ${t("parameter.restart")}`}
      </p>
      <p class="hint place" id={`${id}-place`}>
        {placeWords(parameter, isSet, file)}
        {isSet && parameter.isEditable && name !== "path" && (
          <Button onPress={() => onEdit(name, null)} label={t("parameter.reset.label", { name })}>
            {t("parameter.reset")}
          </Button>
        )}
      </p>
    </div>
  );
}

interface ValueInputProps {
  readonly parameter: Parameter;
  readonly value: string;
  readonly attributes: FieldAttributes;
  readonly onValue: (value: string) => void;
}

function ValueInput({ parameter, value, attributes, onValue }: ValueInputProps): JSX.Element {
  const { kind, choices } = parameter;
  const options = kind === "boolean" ? ["yes", "no"] : choices;
  if (options === undefined)
    return (
      <input
        {...attributes}
        type="text"
        inputMode={kind === "integer" ? "numeric" : undefined}
        value={value}
        disabled={!parameter.isEditable}
        placeholder={parameter.default}
        autocapitalize="off"
        autocomplete="off"
        spellcheck={false}
        maxLength={1024}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    );
  // A value in another spelling, or one that is none of them, stays what it is until somebody chooses.
  const all = options.includes(value) ? options : [value, ...options];
  return (
    <select
      {...attributes}
      value={value}
      disabled={!parameter.isEditable}
      onChange={(event) => onValue(event.currentTarget.value)}
    >
      {all.map((option) => (
        <option key={option} value={option}>
          {optionWord(parameter, option)}
        </option>
      ))}
    </select>
  );
}

function optionWord({ kind, name }: Parameter, option: string): string {
  if (option === "") return t("parameter.empty");
  if (kind === "boolean" && option === "yes") return t("yes");
  if (kind === "boolean" && option === "no") return t("no");
  return wordFor("choice", `${name}.${option}`) ?? option;
}

function placeWords(parameter: Parameter, isSet: boolean, ofShare: string | undefined): string {
  const { file, line, isDefault, isEditable } = parameter;
  if (!isEditable && file === undefined) return t(isDefault ? "place.default" : "place.fixed");
  if (!isSet && isDefault) return t("place.default");
  if (!isSet && !parameter.isSet) return t("place.global", { file: file ?? "", line: String(line ?? 0) });
  if (!isSet) return t("place.default");
  const name = file ?? ofShare;
  if (line === undefined || line === 0 || !parameter.isSet) return t("place.new");
  return name === undefined ? t("place.line", { line: String(line) }) : placeText({ file: name, line });
}

export function placeText({ file, line }: Place): string {
  return t("place", { file, line: String(line) });
}
