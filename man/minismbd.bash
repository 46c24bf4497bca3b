# Written by npm run docs.
_minismbd() {
  local word="${COMP_WORDS[COMP_CWORD]}" name="${COMP_WORDS[0]##*/}" options=""
  if [ "$name" = minismbd ]; then
    if [ "$COMP_CWORD" -eq 1 ]; then
      COMPREPLY=($(compgen -W "serve setup adduser passwd deluser users addshare shares testparm status control version" -- "$word"))
      return
    fi
    name="${COMP_WORDS[1]}"
  fi
  case "$name" in
    serve) options="--config --pwddb --port --share --user --option --quick-start --lock --dialect --control --nodetach --syslog --verbose --help" ;;
    setup) options="--user --directory --guest --web-port --no-shares --notice --show --config --pwddb --help" ;;
    adduser) options="--add --update --delete --password --pwddb --config --verbose --json --version --help" ;;
    passwd) options="--password --pwddb --config --verbose --json --help" ;;
    deluser) options="--pwddb --config --verbose --json --help" ;;
    users) options="--import --pwddb --config --verbose --help" ;;
    addshare) options="--add --update --delete --option --config --pwddb --verbose --version --help" ;;
    shares) options="--config --help" ;;
    testparm) options="--suppress-prompt --verbose --section-name --parameter-name --config --pwddb --dialect --user --share --host --json --help" ;;
    status) options="--processes --shares --locks --byterange --notify --leases --volumes --json --metrics --watch --control --help" ;;
    control) options="--shutdown --stop --reload --list --kick --close --eject --debug --log-level --json --arguments --control --ksmbd-version --verbose --version --help" ;;
    version) options="" ;;
    ksmbd.mountd) options="--port --nodetach --config --pwddb --lock --verbose --version --help" ;;
    ksmbd.adduser) options="--add --update --delete --password --pwddb --config --verbose --json --version --help" ;;
    ksmbd.addshare) options="--add --update --delete --option --config --pwddb --verbose --version --help" ;;
    ksmbd.control) options="--shutdown --stop --reload --list --kick --close --eject --debug --log-level --json --arguments --control --ksmbd-version --verbose --version --help" ;;
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _minismbd minismbd ksmbd.mountd ksmbd.adduser ksmbd.addshare ksmbd.control
