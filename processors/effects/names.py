"""What tools are known to do: by the names that agents ship with, by the verb in a name, by a shell command's verb."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """Read a set of words written one after the other."""
    return frozenset(text.split())


READERS = word_set(
    """Read Grep Glob LS NotebookRead TodoRead WebFetch WebSearch BashOutput TaskOutput ListMcpResources ReadMcpResource
    read_file read_many_files list_directory list_dir glob search_file_content grep_search file_search codebase_search
    google_web_search web_search web_fetch view_image view_file"""
)
"""Tools of Claude Code, Codex, Gemini CLI, Copilot and Cursor that only read."""
WRITERS = word_set(
    """Edit MultiEdit Write NotebookEdit TodoWrite apply_patch update_plan write_file replace save_memory edit_file
    create_file insert_edit_into_file replace_string_in_file delete_file"""
)
SHELLS = word_set(
    """Bash bash shell local_shell exec_command container.exec run_shell_command run_terminal_cmd run_in_terminal
    run_command execute_command terminal cmd powershell PowerShell exec"""
)
READ_VERBS = word_set(
    """analyze browse calculate calculator check compare compute count describe diff explain fetch find get glob grep
    head inspect list load look lookup ls peek poll preview query read recall resolve retrieve scan search show stat
    status summarize tail test think validate verify view wait weather wc"""
)
WRITE_VERBS = word_set(
    """accept acknowledge add advance append apply approve archive assign attach authenticate authorize ban block book
    bump buy cancel change charge checkin checkout clear click close comment commit complete copy create deactivate
    debit decrease decrement delete deploy deposit destroy detach dial disable disconnect dismiss dispatch drag drain
    drop edit email enable enqueue erase escalate evict fill flush forward goto grant import increase increment ingest
    insert install invalidate invite kick kill label link lock log login logout mark merge migrate modify mount move
    mute navigate next notify order overwrite patch pause pay pin place play post press prev previous promote
    provision publish purchase purge push put quarantine raise reassign rebase rebook reboot rebuild redeem redo
    refund register reindex reject release remove rename reopen reorder replace reply report reschedule resend reserve
    reset respond restart restock restore resume retry return revert revive revoke rewind rollback rotate save scale
    schedule scroll select send set share ship shutdown sign skip snooze start stop store submit subscribe suspend
    swap switch sync tag terminate toggle transfer transition trigger truncate turn type unarchive unassign unban undo
    unfollow uninstall unlink unlock unmute unpin unpublish unsubscribe update upgrade upload upsert upvote void vote
    wipe withdraw write"""
)
ACTING_VERBS = word_set("execute invoke make run")
"""Verbs that act, unless what follows says that they look something up, run a project or run what they are given."""
GIVEN = word_set("cell code javascript js notebook python request script shell snippet sql")
"""What a tool runs or sends for its caller, with any effect."""
LISTING_WORDS = word_set("codebase directory file files glob grep list ls repo scan tree workspace")
"""Words of tools that look at everything where they are not told where to look."""
CLOSED_BY_RESOLVING = word_set(
    """alert alerts bug case comment comments complaint conflict conflicts conversation discussion dispute incident
    issue issues problem review task thread threads ticket tickets"""
)
"""Things that `resolve` closes. Of anything else, such as a name or an address, it finds out what it stands for."""
RUN_WORDS = word_set("build compile lint run test tests typecheck")
"""Words of tools that run a project: their result depends on all of it, whatever part they name."""
SESSION_VERBS = word_set("authenticate login logout")
"""Verbs that change what every later call may do."""
SCREEN_VERBS = word_set("click drag drop fill goto hover navigate press scroll swipe tap type")
"""Verbs that act on what is on a screen."""
SCREEN_WORDS = word_set("browser computer dom element page screen screenshot snapshot tab viewport window")
"""Words of tools that show what is on a screen."""
JOINING = word_set("and or then")
"""`get_or_create_x` writes, although it begins by reading."""
SEARCH_WORDS = word_set("bing find google grep lookup query retrieve search")
SEARCH_ARGUMENTS = word_set("keyword keywords pattern q query question search search_query search_term term")
OPERATION_ARGUMENTS = ("command", "action", "operation", "method", "op", "mode")
"""Arguments of one tool with many functions that say which is meant."""
HTTP_READS = word_set("get head options")
COMMAND_ARGUMENTS = ("command", "cmd", "script", "commands", "input")

SHELL_READS = word_set(
    """awk base64 basename bat cat cksum column comm cut date df diff dirname du echo egrep env fgrep fd file find fold
    free grep groups head hexdump host hostname id jq less locate ls lsof md5sum more nl nproc od printenv printf ps pwd
    readlink realpath rg sed sha1sum sha256sum sort stat strings tac tail test tr tree type uname uniq uptime wc whereis
    which who whoami xxd yq zcat"""
)
SHELL_NEUTRAL = word_set("cd : true false sleep set export unset wait [ [[ exit time command")
SHELL_WRITES = word_set(
    """chgrp chmod chown cp dd install kill killall ln mkdir mktemp mv patch pkill rename rm rmdir rsync shred split tee
    touch truncate unlink unzip zip"""
)
SHELL_SUBCOMMANDS = {
    "git": word_set(
        "blame cat-file describe diff grep log ls-files ls-tree reflog rev-list rev-parse shortlog show status"
    ),
    "docker": word_set("images inspect logs ps stats top version"),
    "kubectl": word_set("api-resources describe explain get logs top version"),
    "npm": word_set("ls list outdated view why"),
    "pip": word_set("check freeze list show"),
    "cargo": word_set("metadata tree"),
    "systemctl": word_set("status list-units show is-active"),
}
"""Programs whose first argument says whether they read; with any other argument their effect is unknown."""
GIT_WRITES = word_set(
    """add am apply checkout cherry-pick clean commit merge mv pull push rebase reset restore revert rm stash switch"""
)
GIT_SWEEPS = GIT_WRITES - word_set("add commit mv push rm")
"""Git commands that may change any file of the working tree."""
SHELL_RECURSIVE = word_set("ack ag fd find rg tree")
WRITING_OPTIONS = {
    "sed": ("-i", "--in-place"),
    "awk": ("-i",),
    "find": ("-delete", "-exec", "-execdir", "-fprint", "-ok"),
    "sort": ("-o", "--output"),
    "curl": ("-o", "-O", "-d", "-X", "-F", "-T", "--data", "--request", "--output", "--upload-file", "--form"),
    "date": ("-s", "--set"),
}
"""Options that make a reading program write."""
