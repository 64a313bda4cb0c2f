"""Commands and groups as this command line reads them: plain help, no empty values, options set by variables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tokenaudit.cli.help import command_help
from tokenaudit.cli.log_options import common_options
from tokenaudit.cli.parameters import convert_without_pydantic
from tokenaudit.cli.variables import SET, from_variables
from tokenaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


class PlainCommand(TyperCommand):
    """A command whose help is set in this style, whose options take no empty values and can be set by variables."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as `TyperCommand`
        super().__init__(*args, **kwargs)
        if not (self.context_settings or {}).get("ignore_unknown_options"):
            self.params += common_options()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own types moved between versions
        """See `TyperCommand`. An empty value comes from a variable that is unset, and would be as no option at all."""
        refuse_empty_values(self.params, args)
        convert_without_pydantic(self.get_params(ctx))
        options = [one for one in self.get_params(ctx) if one.param_type_name == "option"]
        found = from_variables(options, ctx.command_path.partition(" ")[2], self._given(ctx, args))
        SET.set(frozenset(name for one in options if one.name in found for name in one.opts))
        added = [argument for _, arguments in found.values() for argument in arguments]
        try:
            parsed: list[str] = super().parse_args(ctx, [*added, *args])
        except typer.BadParameter as error:
            variable, _ = found.get(getattr(error.param, "name", None) or "", (None, None))
            error.message = f"{error.message.rstrip('.')} (from {variable})" if variable else error.message
            raise
        return parsed

    def _given(self, ctx: Any, args: list[str]) -> set[str]:  # noqa: ANN401 - as above
        try:
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        except Exception:  # noqa: BLE001 - the command's own parsing reports what is wrong
            return set()
        return set(given)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's own types moved between versions
        """See `TyperCommand`."""
        formatter.write(command_help(self, ctx))


class PlainGroup(TyperGroup):
    """A group of commands whose help is set in this style."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """See `TyperGroup`."""
        convert_without_pydantic(self.get_params(ctx))
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """See `TyperGroup`."""
        formatter.write(command_help(self, ctx))


def refuse_empty_values(parameters: Iterable[Any], arguments: Sequence[str]) -> None:
    """Stops where an option of a command is given an empty value.

    Raises:
        UsageError: one is.
    """
    options = [one for one in parameters if one.param_type_name == "option" and not one.is_flag]
    names = {name for option in options for name in option.opts}
    following = [name for name, value in pairwise(arguments) if name in names and not value]
    joined = [argument[:-1] for argument in arguments if argument.endswith("=") and argument[:-1] in names]
    for name in [*following, *joined]:
        message = f"{name} has an empty value: is a variable unset? Give a value or leave the option out"
        raise UsageError(message)
