// The settings of the whole server, and the access of other programs.
import type { JSX } from "preact";
import { Conflict } from "./conflict.tsx";
import { useEditing } from "./editing.ts";
import type { Parameter } from "./model.ts";
import { ParameterField } from "./parameter-field.tsx";
import { ParameterList } from "./parameter-list.tsx";
import { Loaded, Page } from "./parts.tsx";
import { SaveBar } from "./save-bar.tsx";
import { t } from "./text.ts";
import { Tokens } from "./tokens.tsx";

/** What most people look for. */
const USUAL: readonly string[] = [
  "server string",
  "netbios name",
  "workgroup",
  "map to guest",
  "guest account",
  "smb3 encryption",
  "server min protocol",
  "web admin users",
  "admin users",
  "deadtime",
  "log level",
  "web port",
];

export function Settings(): JSX.Element {
  const editing = useEditing<readonly Parameter[]>({
    path: "settings",
    parametersOf: (parameters) => parameters,
    method: "PATCH",
    bodyOf: (edits) => edits,
  });
  const { base, edits, edit, differences, discard, keep } = editing;
  const all = base?.value ?? [];
  const usual = USUAL.flatMap((name) => all.find((one) => one.name === name) ?? []);
  const others = all.filter(({ name }) => !USUAL.includes(name));
  return (
    <Page title={t("settings.title")} intro={t("settings.intro")}>
      <Loaded fault={editing.fault} isLoaded={base !== undefined}>
        {differences !== undefined && (
          <Conflict differences={differences} onDiscard={discard} onKeep={keep} />
        )}
        <section class="card" aria-labelledby="usual-head">
          <h2 id="usual-head">{t("settings.usual")}</h2>
          {usual.map((parameter) => (
            <ParameterField key={parameter.name} {...{ parameter, edits }} faults={[]} onEdit={edit} />
          ))}
        </section>
        <section class="card" aria-labelledby="others-head">
          <h2 id="others-head">{t("settings.others")}</h2>
          <ParameterList parameters={others} edits={edits} faults={[]} onEdit={edit} />
        </section>
        <SaveBar editing={editing} done={t("settings.saved")} />
      </Loaded>
      <Tokens />
      <p class="quiet">
        <a href="licenses.txt">{t("settings.licenses")}</a>
      </p>
    </Page>
  );
}
