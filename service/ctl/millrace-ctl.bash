# bash completion for millrace-ctl(1)

_millrace_ctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local options='--url --socket --token-file --timeout --json --dry-run --help --version'
    local command='' word i
    COMPREPLY=()
    case $prev in
        --socket | --token-file)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --period)
            mapfile -t COMPREPLY < <(compgen -W 'hour day' -- "$cur")
            return
            ;;
        --format)
            mapfile -t COMPREPLY < <(compgen -W 'csv json' -- "$cur")
            return
            ;;
        --position)
            mapfile -t COMPREPLY < <(compgen -W 'first last' -- "$cur")
            return
            ;;
        --url | --timeout | --service | --since | --until | --limit | --cursor | --reason | --before | --after | --if-version | --route | --expires-in | --uses | --max-price-msat)
            return
            ;;
    esac
    for ((i = 1; i < COMP_CWORD; ++i)); do
        word=${COMP_WORDS[i]}
        case $word in
            --url | --socket | --token-file | --timeout) ((++i)) ;;
            -*) ;;
            *)
                command=$word
                if [[ $command == token || $command == service ]] && ((i + 1 < COMP_CWORD)); then
                    command="$command ${COMP_WORDS[i + 1]}"
                fi
                break
                ;;
        esac
    done
    local words=''
    case $command in
        '') words='status health services service settlements sessions stats challenges tokens token reload audit mcp' ;;
        token) words='show revoke grant restore' ;;
        service) words='show definition add set remove' ;;
        'service add')
            words='--position --before --after'
            [[ $cur != -* ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        'service set')
            words='--position --before --after --if-version'
            [[ $cur != -* ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            ;;
        'service remove') words='--if-version' ;;
        settlements) words='--service --since --until --limit --cursor --format' ;;
        sessions) words='--service --state --refund --limit --cursor' ;;
        challenges) words='--service --limit' ;;
        tokens) words='--service --limit --cursor' ;;
        'token grant') words='--route --tier --expires-in --uses --max-price-msat' ;;
        stats) words='--period --service --since --until' ;;
        'token revoke') words='--reason' ;;
        audit) words='--limit --cursor' ;;
    esac
    [[ $cur == -* || $command != '' && $command != token && $command != service ]] && words+=" $options"
    local matches
    mapfile -t matches < <(compgen -W "$words" -- "$cur")
    COMPREPLY+=("${matches[@]}")
}
complete -F _millrace_ctl millrace-ctl
