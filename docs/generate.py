"""Writes the pages of the documentation that come from the code: `python docs/generate.py`.

With `--check` it writes nothing and exits 1 when a page is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from tokenaudit.cli.app import build
from tokenaudit.cli.help import parts as help_parts
from tokenaudit.cli.parameters import argument_name, choices, default, metavar
from tokenaudit.model import Rule
from tokenaudit.rule_index import OWASP, all_rules
from tokenaudit.sources.machine.source import FOLDERS, VARIABLES
from tokenaudit.sources.machine.table import IN_PROJECTS, ROWS, ToolFiles

DOCS = Path(__file__).resolve().parent
NOTE = "<!-- Written by docs/generate.py from the code: change the code, then run it. -->\n\n"


def rules_page() -> str:
    """The reference of all rules: a table of contents, then a section each."""
    rules = all_rules()
    table = ["| rule | severity | what it is about |", "|---|---|---|"]
    table += [f"| [`{rule.id}`](#{rule.id}) | {rule.severity.value} | {_cell(rule.title)} |" for rule in rules.values()]
    sections = "\n".join(_section(rule) for rule in rules.values())
    head = f"{NOTE}# Rules\n\n{len(rules)} rules. `tokenaudit rules ID` shows any of them in the terminal.\n\n"
    return f"{head}{chr(10).join(table)}\n\n{sections}"


def _section(rule: Rule) -> str:
    parts = [
        f"## {rule.id}",
        f"{_text(rule.title)}: **{rule.severity.value}**, confidence {rule.confidence}.",
        _text(rule.why),
        f"**What to do.** {_text(rule.remedy)}",
        *([f"OWASP: {', '.join(f'{risk} {OWASP[risk]}' for risk in rule.owasp)}."] if rule.owasp else []),
        f"Bad:\n\n{_fenced(rule.bad)}",
        f"Good:\n\n{_fenced(rule.good)}",
    ]
    if rule.references:
        parts.append("\n".join(f"- {_reference(reference)}" for reference in rule.references))
    return "\n\n".join(parts) + "\n"


def _fenced(text: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text.strip(chr(10))}\n{fence}"


def _reference(text: str) -> str:
    return f"<{text}>" if text.startswith("https://") else _text(text)


def _text(text: str) -> str:
    # Outside of code, angle brackets would be read as HTML.
    parts = text.split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def _cell(text: str) -> str:
    return " ".join(_text(text).split()).replace("|", "\\|")


def cli_page() -> str:
    """The reference of all commands with their arguments and options."""
    group: Any = typer.main.get_command(build(complete=True))
    sections = "\n".join(_command(name, command) for name, command in _commands(group, ()))
    return f"{NOTE}# Commands\n\n`tokenaudit COMMAND --help` says the same in the terminal.\n\n{sections}"


def _commands(group: Any, path: tuple[str, ...]) -> list[tuple[str, Any]]:
    found = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += _commands(command, (*path, name))
        elif not command.hidden:
            found.append((" ".join((*path, name)), command))
    return found


def _command(name: str, command: Any) -> str:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option"]
    usage = " ".join(["tokenaudit", name, *(["[OPTIONS]"] if options else []), *map(argument_name, arguments)])
    about, examples = help_parts(command.help or "")
    parts = [f"## tokenaudit {name}", _help(about), f"```text\n{usage}\n```"]
    if shown:
        rows = [f"| {_names(p)} | {_cell(p.help or '')}{_default(p)} |" for p in (*arguments, *options)]
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    if examples:
        parts.append("```sh\n" + "\n".join(examples) + "\n```")
    return "\n\n".join(parts) + "\n"


def _help(text: str | None) -> str:
    return _text("\n\n".join(" ".join(part.split()) for part in (text or "").replace("\b", "").split("\n\n")))


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{argument_name(parameter)}`"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    return names if parameter.is_flag else f"{names} `{metavar(parameter)}`".replace("|", "\\|")


def _default(parameter: Any) -> str:
    listed = ", ".join(f"`{choice}`" for choice in choices(parameter))
    said = f" One of {listed}." if listed else ""
    usual = default(parameter)
    return said if usual is None else f"{said} Default: `{usual}`."


def machine_page() -> str:
    """The table of files that `doctor` reads."""
    head = (
        f"{NOTE}# Audit a machine\n\n"
        "`tokenaudit doctor` searches a workstation or a server for Hugging Face credentials, and reports for each\n"
        "file who else can read it:\n\n"
        "```sh\ntokenaudit doctor --fail-on never\n```\n\n"
        "With `--inspect`, the Hub is asked about each one. Delete tokens that are no longer needed on their settings\n"
        "page. `--folder` searches other folders than the home folder for notebooks and dotenv files:\n\n"
        "```sh\ntokenaudit doctor --inspect --fail-on never --folder ~/work --folder ~/jobs\n```\n\n"
        "## What is read\n\n"
        "- the token store of `hf auth login` (`HF_TOKEN_PATH`, `HF_HOME`, `XDG_CACHE_HOME`, with `~` and variables\n"
        "  replaced as huggingface_hub does it)\n"
        "- the environment, git's credential helpers and the keyring\n"
        "- the files below\n\n"
        "A file in which a tool stores tokens on purpose counts as kept by its owner. A value in a history or a log\n"
        "is exposed: these files are synchronized, copied into bug reports and read by agents.\n\n"
    )
    folders = "".join(f"- `{{{name}}}`: {', '.join(_folders(name))}\n" for name in FOLDERS)
    return (
        f"{head}The files of all operating systems are looked for on each:\n\n{folders}\n"
        f"## In the home folder\n\n{_places(ROWS)}\n## In the folders of projects\n\n"
        f"In every folder of the home folder, or of each `--folder`.\n\n{_places(IN_PROJECTS)}"
    )


def _folders(name: str) -> list[str]:
    return [*(f"`~/{folder}`" for folder in FOLDERS[name]), *(f"`${variable}`" for variable in VARIABLES[name])]


def _places(rows: Iterable[ToolFiles]) -> str:
    table = ["| what | files | counts as |", "|---|---|---|"]
    for row in rows:
        named = [f"`{path}`" for path in row.paths] + [f"`${variable}`" for variable in row.variables]
        table.append(f"| {_cell(row.what)} | {', '.join(named)} | {_COUNTS_AS[row.use]} |")
    return "\n".join(table) + "\n"


_COUNTS_AS = {"kept": "kept by its owner", "history": "**exposed**: a history", "log": "**exposed**: a log"}

PAGES = {"rules.md": rules_page, "cli.md": cli_page, "machine.md": machine_page}


def main(arguments: list[str]) -> int:
    """Writes or checks the pages."""
    stale = []
    for name, write in PAGES.items():
        path, text = DOCS / name, write()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"stale: {', '.join(stale)}; run python docs/generate.py\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
