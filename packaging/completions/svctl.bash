# bash completion of svctl: verbs, options, and the units that the daemon has loaded. Says nothing
# when the daemon can't be reached.
_svctl()
{
    local cur=${COMP_WORDS[COMP_CWORD]} verb= word i
    local -a where=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --user | --system | --bus=* | --runtime-dir=*) where+=("$word") ;;
            -*) ;;
            *) [[ -n $verb ]] || verb=$word ;;
        esac
    done
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '--user --system --bus= --runtime-dir= --json --no-pager --no-block
            --wait --timeout= --quiet --plain --no-legend --all --failed --state= --type=
            --property= --value --signal= --kill-whom= --unescape --path --suffix= --template= --mangle
            --instance --job-mode= --reason= --each --force --strict --dry-run --reload --stale --reverse
            --lines= --number= --for= --boot --stop --help --version' -- "$cur"))
        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
        return
    fi
    case $verb in
        '')
            COMPREPLY=($(compgen -W 'list-units status explain doctor plan plot blame critical-chain show cat list-dependencies list-jobs
                is-active is-failed is-system-running wait events start stop restart try-restart
                reload reload-or-restart try-reload-or-restart isolate cancel kill reset-failed
                daemon-reload daemon-reexec exit poweroff reboot halt kexec rescue emergency default escape
                version help' -- "$cur"))
            ;;
        plan)
            COMPREPLY=($(compgen -W "start stop restart try-restart reload reload-or-restart
                try-reload-or-restart isolate exit poweroff reboot halt
                $(svctl "${where[@]}" --plain --all list-units 2>/dev/null |
                awk '{ print $1 }')" -- "$cur"))
            ;;
        cancel)
            COMPREPLY=($(compgen -W "$(svctl "${where[@]}" --plain list-jobs 2>/dev/null |
                awk '{ print $1 }')" -- "$cur"))
            ;;
        is-system-running | plot | blame | daemon-reload | daemon-reexec | exit | poweroff | reboot | halt | \
            kexec | rescue | emergency | default | escape | version) ;;
        *)
            COMPREPLY=($(compgen -W "$(svctl "${where[@]}" --plain --all list-units 2>/dev/null |
                awk '{ print $1 }')" -- "$cur"))
            ;;
    esac
}
complete -F _svctl svctl
