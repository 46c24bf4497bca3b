// One share: what it is, who may do what, all of its parameters, and removing it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { AccessMatrix } from "./access-matrix.tsx";
import { ask, pathOf } from "./api.ts";
import { Conflict } from "./conflict.tsx";
import { FormDialog } from "./dialog.tsx";
import { type Editing, useEditing } from "./editing.ts";
import type { ShareDetail } from "./model.ts";
import { ParameterField, placeText } from "./parameter-field.tsx";
import { ParameterList } from "./parameter-list.tsx";
import { Badge, Button, Loaded, Page } from "./parts.tsx";
import { goTo, linkTo } from "./route.ts";
import { SaveBar } from "./save-bar.tsx";
import { canChange, isAway, worstFaultOf } from "./share-state.ts";
import { sentence, t } from "./text.ts";

/** What most people change; the rest is further below. */
const BASIC: readonly string[] = ["path", "comment", "read only", "guest ok", "browseable"];

export function ShareView({ name }: { readonly name: string }): JSX.Element {
  const editing = useEditing<ShareDetail>({
    path: pathOf("shares", name),
    parametersOf: ({ parameters }) => parameters,
    method: "PUT",
    bodyOf: (parameters) => ({ parameters }),
  });
  const [isRemoving, setRemoving] = useState(false);
  const { base, fault } = editing;
  const remove = async (): Promise<string> => {
    await ask("DELETE", pathOf("shares", name), undefined, base?.etag);
    goTo("shares");
    return t("share.removed", { name });
  };
  return (
    <Page
      title={name}
      actions={
        <Button
          kind="danger"
          isDisabled={base === undefined || !canChange(base.value)}
          onPress={() => setRemoving(true)}
        >
          {t("share.remove")}
        </Button>
      }
    >
      <p class="crumb">
        <a href={linkTo("shares")}>{t("shares.back")}</a>
      </p>
      <Loaded fault={fault} isLoaded={base !== undefined}>
        {base !== undefined && <ShareParts share={base.value} etag={base.etag} editing={editing} />}
      </Loaded>
      {isRemoving && (
        <FormDialog
          title={t("share.remove.title", { name })}
          verb={t("share.remove")}
          isDangerous
          onClose={() => setRemoving(false)}
          onSubmit={remove}
        >
          <p>{t("share.remove.what")}</p>
        </FormDialog>
      )}
    </Page>
  );
}

interface SharePartsProps {
  readonly share: ShareDetail;
  readonly etag: string;
  readonly editing: Editing<ShareDetail>;
}

function ShareParts({ share, etag, editing }: SharePartsProps): JSX.Element {
  const { edits, edit, differences, discard, keep } = editing;
  const isChangeable = canChange(share);
  const parameters = isChangeable
    ? share.parameters
    : share.parameters.map((parameter) => ({ ...parameter, isEditable: false }));
  const basic = BASIC.flatMap((name) => parameters.find((one) => one.name === name) ?? []);
  const others = parameters.filter(({ name }) => !BASIC.includes(name));
  const file = share.writtenIn?.file;
  return (
    <>
      <ShareState share={share} />
      {differences !== undefined && <Conflict differences={differences} onDiscard={discard} onKeep={keep} />}
      <section class="card" aria-labelledby="basic-head">
        <h2 id="basic-head">{t("share.basic")}</h2>
        {basic.map((parameter) => (
          <ParameterField
            key={parameter.name}
            {...{ parameter, edits, file }}
            faults={share.faults}
            onEdit={edit}
          />
        ))}
      </section>
      <section class="card" aria-labelledby="access-head">
        <h2 id="access-head">{t("access.title")}</h2>
        <AccessMatrix {...{ share, etag }} isDisabled={!isChangeable} onChange={editing.follow} />
      </section>
      <section class="card" aria-labelledby="more-head">
        <h2 id="more-head">{t("share.more")}</h2>
        <ParameterList parameters={others} {...{ edits, file }} faults={share.faults} onEdit={edit} />
      </section>
      <SaveBar editing={editing} done={t("share.saved", { name: share.name })} />
    </>
  );
}

function ShareState({ share }: { readonly share: ShareDetail }): JSX.Element {
  const worst = worstFaultOf(share);
  return (
    <>
      {!share.isEditable && <p class="box">{t("share.fixed")}</p>}
      {share.kind === "disk" && (
        <p class="box">
          {t("share.by-rule")} <a href={linkTo("shares", "volumes")}>{t("share.rule")}</a>
        </p>
      )}
      {isAway(share) && (
        <p class="box warn">
          <Badge kind="warn">{t("share.away")}</Badge> {t("share.away.what")}
        </p>
      )}
      {share.faults.length > 0 && (
        <div class={`box ${worst === undefined ? "plain" : worst.kind === "error" ? "fault" : "warn"}`}>
          <p>{t(worst === undefined ? "share.notes" : "share.faults", { count: share.faults.length })}</p>
          <ul>
            {share.faults.map(({ parameter, line, message }) => (
              <li key={`${parameter} ${line}`}>
                <span lang="en">{sentence(message)}</span>{" "}
                {line > 0 && <span>{t("place.line", { line: String(line) })}</span>}
              </li>
            ))}
          </ul>
        </div>
      )}
      {share.writtenIn !== undefined && (
        <p class="quiet">{t("share.place", { place: placeText(share.writtenIn) })}</p>
      )}
    </>
  );
}
