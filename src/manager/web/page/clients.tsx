// Who is connected, how, with what open, how fast; and ending it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ask } from "./api.ts";
import { useCell } from "./cell.ts";
import { FormDialog } from "./dialog.tsx";
import { connections, type LiveConnection, type Speed } from "./live.ts";
import type { Open, Session } from "./model.ts";
import { Badge, Button, Empty, Loaded, Page } from "./parts.tsx";
import { useRefresh, useResource } from "./resource.ts";
import { formatDuration, formatRate, t } from "./text.ts";

/** Rows that a view has at most: a server with thousands of clients does not keep the browser busy. */
const MAX_CLIENTS = 200;
const MAX_OPENS = 100;

export function Clients(): JSX.Element {
  const live = useCell(connections);
  const { answer, fault, reload } = useResource<readonly Session[]>("sessions", []);
  const [leaving, setLeaving] = useState<Session>();
  const sessions = answer?.value.length ?? 0;
  // The events have the connections alone; each brings the sessions of that moment.
  useRefresh(live, reload);
  const kick = async ({ id, user }: Session): Promise<string> => {
    await ask("POST", "kick", { session: id });
    void reload();
    return t("client.kicked", { user: userWords({ user }) });
  };
  return (
    <Page title={t("clients.title")} intro={t("clients.intro")}>
      <Loaded fault={fault} isLoaded={answer !== undefined}>
        {answer?.value.length === 0 && <Empty>{t("clients.none")}</Empty>}
        <ul class="cards">
          {answer?.value.slice(0, MAX_CLIENTS).map((session) => (
            <ClientCard
              key={session.id}
              session={session}
              live={live.filter(({ id }) => session.connections.includes(id))}
              onKick={() => setLeaving(session)}
            />
          ))}
        </ul>
        {sessions > MAX_CLIENTS && <p class="quiet">{t("more", { count: sessions - MAX_CLIENTS })}</p>}
      </Loaded>
      {leaving !== undefined && (
        <FormDialog
          title={t("client.kick.title", { user: userWords(leaving), address: leaving.remoteAddress })}
          verb={t("client.kick")}
          isDangerous
          onClose={() => setLeaving(undefined)}
          onSubmit={() => kick(leaving)}
        >
          <p>{t("client.kick.what")}</p>
          {leaving.opens > 0 && <p class="box warn">{t("client.kick.open", { count: leaving.opens })}</p>}
        </FormDialog>
      )}
    </Page>
  );
}

function userWords(session: Pick<Session, "user"> & Partial<Session>): string {
  if (session.isAnonymous === true || session.user === "") return t("client.anonymous");
  return session.isGuest === true ? t("client.guest", { user: session.user }) : session.user;
}

interface ClientCardProps {
  readonly session: Session;
  readonly live: readonly LiveConnection[];
  readonly onKick: () => void;
}

function ClientCard({ session, live, onKick }: ClientCardProps): JSX.Element {
  const user = userWords(session);
  const [first] = live;
  const now = live.map((one) => one.speeds.at(-1)).filter((speed) => speed !== undefined);
  const sum = (name: "up" | "down"): number => now.reduce((total, speed) => total + speed[name], 0);
  const isSealed = session.isEncrypted;
  const isSigned = isSealed || (session.signingAlgorithm !== undefined && session.mustSign);
  return (
    <li class="card">
      <div class="card-head">
        <h2>{user}</h2>
        <span class="badges">
          <Badge>{dialectWords(session.dialect)}</Badge>
          <Badge kind={isSealed ? "good" : "plain"}>
            {t(isSealed ? "client.sealed" : "client.unsealed")}
          </Badge>
          {!isSealed && (
            <Badge kind={isSigned ? "good" : "plain"}>
              {t(isSigned ? "client.signed" : "client.unsigned")}
            </Badge>
          )}
        </span>
      </div>
      <p class="quiet">
        {t("client.where", {
          address: session.remoteAddress,
          age: formatDuration(session.ageMs),
          idle: formatDuration(session.idleMs),
        })}
      </p>
      <p class="client-speed">
        {first !== undefined && <Sparkline speeds={first.speeds} />}
        <span>{t("client.down", { rate: formatRate(sum("down")) })}</span>
        <span>{t("client.up", { rate: formatRate(sum("up")) })}</span>
      </p>
      <OpenFiles session={session} />
      <div class="actions">
        <Button onPress={onKick} label={t("client.kick.title", { user, address: session.remoteAddress })}>
          {t("client.kick")}
        </Button>
      </div>
    </li>
  );
}

/** The files are asked for while somebody looks at them: a server may have tens of thousands. */
function OpenFiles({ session }: { readonly session: Session }): JSX.Element {
  const [isShown, setShown] = useState(false);
  if (session.opens === 0) return <p class="quiet">{t("files.open", { count: 0 })}</p>;
  return (
    <details open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>{t("files.open", { count: session.opens })}</summary>
      {isShown && <FileList session={session.id} />}
    </details>
  );
}

function FileList({ session }: { readonly session: number }): JSX.Element {
  const live = useCell(connections);
  const { answer, fault, reload } = useResource<readonly Open[]>("opens", []);
  useRefresh(live, reload);
  const opens = answer?.value.filter((open) => open.session === session && !open.isPipe) ?? [];
  return (
    <Loaded fault={fault} isLoaded={answer !== undefined}>
      <ul class="plain path">
        {opens.slice(0, MAX_OPENS).map(({ id, share, path, stream }) => (
          <li key={id}>{`${share}/${path}${stream === "" ? "" : `:${stream}`}`}</li>
        ))}
      </ul>
      {opens.length > MAX_OPENS && <p class="quiet">{t("more", { count: opens.length - MAX_OPENS })}</p>}
    </Loaded>
  );
}

/** 0x0311 is SMB 3.1.1. */
function dialectWords(dialect: number): string {
  const [major, minor, patch] = [(dialect >> 8) & 15, (dialect >> 4) & 15, dialect & 15];
  return patch === 0 ? `SMB ${major}.${minor}` : `SMB ${major}.${minor}.${patch}`;
}

const SPARK_WIDTH = 90;
const SPARK_HEIGHT = 22;

function Sparkline({ speeds }: { readonly speeds: readonly Speed[] }): JSX.Element | null {
  if (speeds.length < 2) return null;
  const totals = speeds.map(({ up, down }) => up + down);
  const top = Math.max(1000, ...totals);
  const points = totals.map((total, index) => {
    const x = (index / (totals.length - 1)) * SPARK_WIDTH;
    return `${x.toFixed(1)},${(SPARK_HEIGHT - (total / top) * (SPARK_HEIGHT - 2) - 1).toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`} aria-hidden="true">
      <polyline points={points.join(" ")} />
    </svg>
  );
}
