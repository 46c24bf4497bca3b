// Completion scripts for bash and zsh, from the commands' option tables.
import { COMMANDS, type Command } from "./commands.ts";

const HEAD = "# Written by npm run docs.";

/** The words before the options: `minismbd serve`, `ksmbd.control`. */
function wordsOf({ usage }: Command): readonly string[] {
  return usage.split(" ").filter((word) => /^[a-z.]+$/.test(word));
}

function longOptions({ options }: Command): string {
  return options.map(({ long }) => `--${long}`).join(" ");
}

const verbs = COMMANDS.filter((command) => wordsOf(command)[0] === "minismbd");
const tools = COMMANDS.filter((command) => wordsOf(command)[0] !== "minismbd");
const verbNames = verbs.map((command) => wordsOf(command)[1] ?? "");

/** Names of files follow an option whose value is one, and stand where no option begins. */
export function bashCompletion(): string {
  const cases = [
    ...verbs.map((command) => `    ${wordsOf(command)[1]}) options="${longOptions(command)}" ;;`),
    ...tools.map((command) => `    ${wordsOf(command)[0]}) options="${longOptions(command)}" ;;`),
  ];
  return `${HEAD}
_minismbd() {
  local word="\${COMP_WORDS[COMP_CWORD]}" name="\${COMP_WORDS[0]##*/}" options=""
  if [ "$name" = minismbd ]; then
    if [ "$COMP_CWORD" -eq 1 ]; then
      COMPREPLY=($(compgen -W "${verbNames.join(" ")}" -- "$word"))
      return
    fi
    name="\${COMP_WORDS[1]}"
  fi
  case "$name" in
${cases.join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _minismbd minismbd ${tools.map((command) => wordsOf(command)[0]).join(" ")}
`;
}

export function zshCompletion(): string {
  const argument = ({ options }: Command): string =>
    options
      .map(({ long, value, help }) => {
        const text = help.replaceAll(/["'`$\\[\]:]/g, "");
        const takes = value === undefined ? "" : `=:${value.replaceAll(/[^A-Za-z]/g, "")}:_files`;
        return `'--${long}[${text}]${takes}'`;
      })
      .join(" ");
  const cases = [
    ...verbs.map(
      (command) => `    ${wordsOf(command)[1]}) _arguments ${argument(command)} '*:file:_files' ;;`,
    ),
    ...tools.map(
      (command) => `    ${wordsOf(command)[0]}) _arguments ${argument(command)} '*:file:_files' ;;`,
    ),
  ];
  return `#compdef minismbd ${tools.map((command) => wordsOf(command)[0]).join(" ")}
${HEAD}
_minismbd() {
  local name="\${service:-minismbd}"
  if [[ $name == minismbd ]]; then
    if (( CURRENT == 2 )); then
      compadd ${verbNames.join(" ")}
      return
    fi
    shift words
    (( CURRENT-- ))
    name="$words[1]"
  fi
  case "$name" in
${cases.join("\n")}
  esac
}
_minismbd "$@"
`;
}
