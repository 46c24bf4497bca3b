// The log: the last lines, and new ones as they are written.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.ts";
import { followLog, followReturns } from "./live.ts";
import { LEVELS, type Level, type LogLine } from "./model.ts";
import { CheckField, Empty, Fault, Field, Page, TextField } from "./parts.tsx";
import { wordsOf } from "./resource.ts";
import { formatTime, t } from "./text.ts";

const MAX_LINES = 500;

export function Log(): JSX.Element {
  const { lines, fault } = useLines();
  const [level, setLevel] = useState<Level>("debug");
  const [text, setText] = useState("");
  const [isFollowing, setFollowing] = useState(true);
  const [isSpoken, setSpoken] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const wanted = text.toLowerCase();
  const shown = lines.filter((line) => isAtLeast(line, level) && line.text.toLowerCase().includes(wanted));
  useEffect(() => {
    if (isFollowing) list.current?.scrollTo(0, list.current.scrollHeight);
  }, [shown.length, lines.at(-1), isFollowing]);
  return (
    <Page title={t("log.title")} intro={t("log.intro")}>
      {fault !== undefined && <Fault>{fault}</Fault>}
      <div class="filters">
        <Field label={t("log.level")}>
          {(attributes) => (
            <select
              {...attributes}
              value={level}
              onChange={(event) =>
                setLevel(LEVELS.find((known) => known === event.currentTarget.value) ?? "debug")
              }
            >
              {LEVELS.map((one) => (
                <option key={one} value={one}>
                  {t(`log.level.${one}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <TextField label={t("log.search")} value={text} onValue={setText} />
        <CheckField label={t("log.follow")} isOn={isFollowing} onValue={setFollowing} />
        <CheckField label={t("log.speak")} isOn={isSpoken} onValue={setSpoken} />
      </div>
      {shown.length === 0 && <Empty>{t(lines.length === 0 ? "log.none" : "log.none.match")}</Empty>}
      <div
        ref={list}
        class="log"
        tabIndex={0}
        role="log"
        aria-live={isSpoken ? "polite" : "off"}
        aria-label={t("log.title")}
      >
        <ol>
          {shown.map((line) => (
            <li key={line.key} class={line.level}>
              <time>{formatTime(line.time)}</time> <span class="log-level">{line.level}</span>{" "}
              <span class="log-text" lang="en">
                {line.text}
              </span>
            </li>
          ))}
        </ol>
      </div>
    </Page>
  );
}

interface KeyedLine extends LogLine {
  readonly key: number;
}

let lastKey = 0;

function withKey(line: LogLine): KeyedLine {
  return { ...line, key: ++lastKey };
}

function useLines(): { readonly lines: readonly KeyedLine[]; readonly fault: string | undefined } {
  const [lines, setLines] = useState<readonly KeyedLine[]>([]);
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    const load = async (): Promise<void> => {
      try {
        const { value } = await get<readonly LogLine[]>("log");
        setLines(value.slice(-MAX_LINES).map(withKey));
        setFault(undefined);
      } catch (error) {
        setFault(wordsOf(error));
      }
    };
    void load();
    const ends = [
      followLog((line) => setLines((before) => [...before, withKey(line)].slice(-MAX_LINES))),
      followReturns(() => void load()),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, []);
  return { lines, fault };
}

function isAtLeast(line: LogLine, level: Level): boolean {
  const place = LEVELS.findIndex((known) => known === line.level);
  return place < 0 || place <= LEVELS.indexOf(level);
}
