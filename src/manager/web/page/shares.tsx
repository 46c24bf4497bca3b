// The shares, and making one.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { FormDialog } from "./dialog.tsx";
import type { Share } from "./model.ts";
import { Badge, Button, CheckField, Empty, Loaded, Page, TextField } from "./parts.tsx";
import { usePathCheck } from "./path-check.ts";
import { useResource } from "./resource.ts";
import { goTo, linkTo } from "./route.ts";
import { isAway, worstFaultOf } from "./share-state.ts";
import { sentence, t } from "./text.ts";

export function Shares(): JSX.Element {
  const { answer, fault } = useResource<readonly Share[]>("shares", ["configuration", "disks"]);
  const [isMaking, setMaking] = useState(false);
  return (
    <Page
      title={t("shares.title")}
      intro={t("shares.intro")}
      actions={
        <Button kind="primary" isDisabled={answer === undefined} onPress={() => setMaking(true)}>
          {t("share.make")}
        </Button>
      }
    >
      <Loaded fault={fault} isLoaded={answer !== undefined}>
        {answer?.value.length === 0 && <Empty>{t("shares.none")}</Empty>}
        <ul class="cards">
          {answer?.value.map((share) => (
            <ShareCard key={share.name} share={share} />
          ))}
        </ul>
      </Loaded>
      {isMaking && answer !== undefined && <MakeShare etag={answer.etag} onClose={() => setMaking(false)} />}
    </Page>
  );
}

function ShareCard({ share }: { readonly share: Share }): JSX.Element {
  const fault = worstFaultOf(share);
  return (
    <li class="card">
      <div class="card-head">
        <h2>
          <a class="cover" href={linkTo("shares", share.name)}>
            {share.name}
          </a>
        </h2>
        <span class="badges">
          {fault !== undefined && <Badge kind="bad">{t("share.faulty")}</Badge>}
          {share.kind !== "share" && <Badge>{t(`share.kind.${share.kind}`)}</Badge>}
          {isAway(share) && <Badge kind="warn">{t("share.away")}</Badge>}
          {share.readOnly && <Badge>{t("share.read-only")}</Badge>}
          {share.guestOk && <Badge kind="warn">{t("share.guests")}</Badge>}
          {!share.browseable && <Badge>{t("share.hidden")}</Badge>}
        </span>
      </div>
      {share.comment !== "" && <p>{share.comment}</p>}
      {share.path !== "" && <p class="quiet path">{share.path}</p>}
      {fault !== undefined && (
        <p class="bad" lang="en">
          {sentence(fault.message)}
        </p>
      )}
    </li>
  );
}

function MakeShare({ etag, onClose }: { readonly etag: string; readonly onClose: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const [path, setPath] = useState("");
  const [comment, setComment] = useState("");
  const [isReadOnly, setReadOnly] = useState(false);
  const [guests, setGuests] = useState(false);
  const check = usePathCheck(path);
  const submit = async (): Promise<string> => {
    const parameters = {
      path,
      ...(comment !== "" && { comment }),
      "read only": isReadOnly ? "yes" : "no",
      ...(guests && { "guest ok": "yes" }),
    };
    await ask("POST", "shares", { name, parameters }, etag);
    goTo("shares", name);
    return t("share.made", { name });
  };
  return (
    <FormDialog title={t("share.make")} verb={t("share.make")} onClose={onClose} onSubmit={submit}>
      <TextField
        label={t("share.name")}
        hint={t("share.name.hint")}
        value={name}
        onValue={setName}
        isRequired
        maxLength={80}
      />
      <TextField
        label={t("share.path")}
        hint={check.hint ?? t("share.path.hint")}
        fault={check.fault}
        value={path}
        onValue={setPath}
        isRequired
      />
      <TextField label={t("share.comment")} value={comment} onValue={setComment} />
      <CheckField label={t("share.read-only.check")} isOn={isReadOnly} onValue={setReadOnly} />
      <CheckField
        label={t("share.guests.check")}
        hint={t("share.guests.hint")}
        isOn={guests}
        onValue={setGuests}
      />
    </FormDialog>
  );
}
