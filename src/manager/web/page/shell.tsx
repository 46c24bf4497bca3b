// The frame of the views: the server's name, the ways to the views, and the view that the address names.
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { logOff } from "./api.ts";
import { useCell } from "./cell.ts";
import { Clients } from "./clients.tsx";
import { Disks } from "./disks.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { Log } from "./log.tsx";
import { NoticeLines } from "./notice-line.tsx";
import { clearOldNotice } from "./notice.ts";
import { Overview } from "./overview.tsx";
import { Brand } from "./parts.tsx";
import { linkTo, route, type View } from "./route.ts";
import { Settings } from "./settings.tsx";
import { ShareView } from "./share.tsx";
import { Shares } from "./shares.tsx";
import { t } from "./text.ts";
import { Users } from "./users.tsx";

const MAIN = ["overview", "shares", "users", "disks", "clients"] as const;
const MORE = ["log", "settings"] as const;

const COMPONENTS: Readonly<Record<View, ComponentType>> = {
  overview: Overview,
  shares: Shares,
  users: Users,
  disks: Disks,
  clients: Clients,
  log: Log,
  settings: Settings,
};

interface ShellProps {
  readonly user: string;
  readonly serverName: string;
}

export function Shell({ user, serverName }: ShellProps): JSX.Element {
  const { view, name } = useCell(route);
  useEffect(() => {
    clearOldNotice();
    window.scrollTo(0, 0);
  }, [view, name]);
  const Current = COMPONENTS[view];
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skipToMain}>
        {t("skip")}
      </a>
      <header>
        <Brand serverName={serverName} />
        <nav class="nav more" aria-label={t("nav.more")}>
          <ul>
            {MORE.map((one) => (
              <Way key={one} view={one} current={view} />
            ))}
            <li>
              <button type="button" class="way" onClick={() => void logOff()}>
                <Icon name="logoff" />
                <span class="way-text">{t("logoff")}</span>
                <span class="way-user">{user}</span>
              </button>
            </li>
          </ul>
        </nav>
      </header>
      <nav class="nav main-ways" aria-label={t("nav.main")}>
        <ul>
          {MAIN.map((one) => (
            <Way key={one} view={one} current={view} />
          ))}
        </ul>
      </nav>
      <main id="main" tabIndex={-1}>
        <NoticeLines />
        {view === "shares" && name !== "" ? <ShareView key={name} name={name} /> : <Current key={view} />}
      </main>
    </div>
  );
}

interface WayProps {
  readonly view: View & IconName;
  readonly current: View;
}

function Way({ view, current }: WayProps): JSX.Element {
  return (
    <li>
      <a class="way" href={linkTo(view)} aria-current={view === current ? "page" : undefined}>
        <Icon name={view} />
        <span class="way-text">{t(`${view}.title`)}</span>
      </a>
    </li>
  );
}

/** The address stays that of the view. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
