# SPDX-License-Identifier: BSD-2-Clause
# Completion for bash. The tool's own help is the list of commands and options.
_proa() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local proa=${COMP_WORDS[0]} i help

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$proa" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p') --help --version" -- "$cur")
        return
    fi
    case $prev in
    --accel) mapfile -t COMPREPLY < <(compgen -W "auto kvm tcg" -- "$cur"); return ;;
    --vmm) mapfile -t COMPREPLY < <(compgen -W "qemu qemu:microvm qemu:q35 qemu:pc" -- "$cur"); return ;;
    --network) mapfile -t COMPREPLY < <(compgen -W "user none tap= bridge= udp=" -- "$cur"); return ;;
    --restart) mapfile -t COMPREPLY < <(compgen -W "no on-failure always" -- "$cur"); return ;;
    --format) mapfile -t COMPREPLY < <(compgen -W "table json" -- "$cur"); return ;;
    -s | --signal) mapfile -t COMPREPLY < <(compgen -W "$(compgen -A signal | sed -n 's/^SIG//p')" -- "${cur^^}"); return ;;
    --root | -w | --workdir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --package)
        mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^Package: //p' /var/lib/dpkg/status 2>/dev/null)" -- "$cur")
        return
        ;;
    esac
    help=$("$proa" "$command" --help 2>/dev/null)
    # Past the program everything is its own.
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) break ;;
        # An option with a value stands in the help with the value's name in capitals.
        -*) grep -E -- "^ .* ${COMP_WORDS[i]}(,| )" <<<"$help" | grep -qE -- '--[a-z-]+ [A-Z]' && i=$((i + 1)) ;;
        *) [[ $command == run || $command == build ]] || break
            mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        esac
    done
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(grep -oE -- '(^ +|, )-{1,2}[a-z][a-z-]*' <<<"$help" | grep -oE -- '-.*')" -- "$cur")
    elif [[ " logs port stop kill wait start restart rm " == *" $command "* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$proa" ps -a --format json 2>/dev/null | sed -n 's/.*"Names":"\([^"]*\)".*/\1/p')" -- "$cur")
    elif [ "$command" = run ] || [ "$command" = build ]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$cur"; compgen -f -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}
complete -o filenames -F _proa proa
