"""What PowerShell's cmdlets and cmd's own commands do with text: print it, keep it, hand it to another program."""

from __future__ import annotations

import re

from tokenaudit.ci.shell import Command

PRINTERS = frozenset(
    {
        *("write-host", "write-output", "write-information", "write-verbose", "write-warning", "write-error"),
        *("write-debug", "out-host", "[console]::writeline", "[console]::write", "[system.console]::writeline"),
    }
)
PASSING = frozenset(
    {
        *("out-string", "out-host", "write-host", "write-output", "select-object", "select-string", "sort-object"),
        *("findstr", "find", "convertto-json", "tee-object", "format-list", "format-table"),
    }
)
"""Programs that print what they are fed, or a part of it."""
DISCARDED = frozenset({"/dev/null", "$null", "nul"})
_WRITERS = {
    **dict.fromkeys(("set-content", "add-content", "sc", "ac"), ("-path", "-literalpath")),
    **dict.fromkeys(("out-file", "tee-object"), ("-filepath", "-literalpath", "-path")),
}
_TAKES_VALUE = frozenset({"-value", "-encoding", "-inputobject", "-width", "-variable", "-filter", "-stream"})
_METHOD = re.compile(r"\[(?:system\.)?io\.file\]::(?:write|append)all\w*")
_CMDLET = re.compile(
    r"(?:add|clear|close|compare|convert(?:from|to)?|copy|debug|disable|enable|enter|exit|expand|export|find|foreach|"
    r"format|get|group|import|install|invoke|join|limit|measure|move|new|out|pop|push|read|receive|register|remove|"
    r"rename|resolve|restart|resume|save|search|select|send|set|sort|split|stop|suspend|tee|test|trace|unregister|"
    r"update|use|wait|where|write)-\w+"
)
_STARTS_PROGRAMS = frozenset({"invoke-expression", "invoke-command"})
_BUILT_IN = {
    "powershell": frozenset({"iwr", "irm", "cd", "cls", "del", "cp", "mv", "rm", "sl", "gci", "gi", "gc", "?", "%"}),
    "cmd": frozenset(
        {
            *("assoc", "cd", "chdir", "cls", "copy", "date", "del", "dir", "echo", "erase", "exit", "goto", "md"),
            *("mkdir", "move", "path", "pause", "popd", "prompt", "pushd", "rd", "ren", "rmdir", "set", "setlocal"),
            *("endlocal", "shift", "time", "title", "type", "ver", "verify", "vol"),
        }
    ),
}
_LISTS = frozenset({"get-childitem", "gci", "dir", "ls", "get-item", "gi", "get-content", "gc"})


def in_process(name: str, language: str) -> bool:
    """Whether the shell runs the command itself, so that no other process gets its words."""
    said = name.lower()
    if said in _BUILT_IN.get(language, ()):
        return True
    own = said.startswith("[") or _CMDLET.fullmatch(said) is not None
    return language == "powershell" and own and said not in _STARTS_PROGRAMS


def file_target(command: Command) -> str | None:
    """The file into which a cmdlet or method writes what it is given; None for any other command."""
    name = command.name.lower()
    if _METHOD.fullmatch(name):
        return command.arguments[0].strip("()").split(",")[0].strip() if command.arguments else "a file"
    if name not in _WRITERS:
        return None
    arguments = command.arguments
    for index, argument in enumerate(arguments[:-1]):
        if argument.lower() in _WRITERS[name]:
            return arguments[index + 1]
    skip = False
    for argument in arguments:
        if skip or argument.startswith("-"):
            skip = not skip and argument.lower() in _TAKES_VALUE
            continue
        return argument
    return "a file"


def printed_variable(command: Command, language: str) -> str | None:
    """The variable that a command prints from the environment; empty for all of them, None for no such command."""
    name, arguments = command.name.lower(), command.arguments
    if language == "cmd" and name == "set":
        return "" if not arguments else None if arguments[0].startswith("/") else arguments[0]
    if language == "powershell" and name in _LISTS:
        place = next((one.lower() for one in arguments if one.lower().startswith("env:")), None)
        return None if place is None else re.sub(r"^env:[\\/]?", "", place).rstrip("*")
    return None
