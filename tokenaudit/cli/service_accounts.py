"""`tokenaudit service-accounts`: an organization's service accounts and their tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenaudit.audit.auditor import utc_now
from tokenaudit.cli import choices, context, options
from tokenaudit.cli.destinations import OutputDestination, destinations, emit_each
from tokenaudit.cli.errors import say
from tokenaudit.cli.format_option import format_option
from tokenaudit.cli.service_account_changes import create_token, narrow, rotate
from tokenaudit.exit_codes import exit_code
from tokenaudit.inventory import known_credentials
from tokenaudit.report.service_accounts import FORMATS, render
from tokenaudit.service_accounts.assess import ServiceAccountsReport, assessed
from tokenaudit.service_accounts.read import read_accounts
from tokenaudit.service_accounts.resolve import organization_name, own_token

app = typer.Typer(
    help="List an organization's service accounts; create, narrow and rotate their tokens.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_(
    organization: Annotated[str, typer.Argument(metavar="ORG", help="Organization of the Hub.")],
    formats: Annotated[list[OutputDestination] | None, format_option(tuple(FORMATS))] = None,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = choices.FailOn.LOW,
    inventory: options.InventoryOption = None,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
    endpoint: options.EndpointOption = None,
    quiet: options.QuietOption = False,
) -> None:
    """List service accounts and tokens with their rights, last use, expiry and verdict.

    Tokens are matched with credentials of the inventory by their last four characters. Needs
    org.serviceAccounts.read. Exit codes as for scan.

    Examples:
      tokenaudit service-accounts list acme
      tokenaudit service-accounts list acme --format json --output accounts.json
    """
    placed = destinations(formats, output)
    hub = context.hub(endpoint, no_token=False)
    settings = context.settings(config, no_config=no_config, quiet=quiet)
    known, damaged = known_credentials(inventory)
    found = read_accounts(hub, organization_name(organization), own_token(hub))
    accounts = assessed(found.accounts, known, settings, utc_now())
    report = ServiceAccountsReport(organization, accounts, (*found.skipped, *damaged))
    emit_each(placed, lambda to: render(report, to.format))
    if not quiet:
        for entry in report.skipped if placed != (OutputDestination("text"),) else ():
            say(f"skipped {entry.where}: {entry.reason}")
    worst = [report.severity] if report.severity is not None else []
    raise typer.Exit(exit_code(worst, fail_on.severity, complete=not report.skipped))


app.command("create-token")(create_token)
app.command()(rotate)
app.command()(narrow)
