"""The command ``mpesa-cbp-gen``: arguments and output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from mpesa_cbp_generator.config.bindings import Config, default_config, read_config
from mpesa_cbp_generator.drift.command import add_commands
from mpesa_cbp_generator.errors import ConfigurationError, ContractError, GeneratorError, Problem

_GENERATE = """\
examples:
  mpesa-cbp-gen generate
  mpesa-cbp-gen generate --contract FOLDER --package vies --out src/vies

Exits with 0, 2 for wrong usage or settings, 3 if the contract cannot be used."""
_CHECK = """\
examples:
  mpesa-cbp-gen check
  mpesa-cbp-gen check --config bindings.toml

Exits with 0, 1 with a diff if it is not, 2 for wrong usage or settings, 3 if the contract cannot be used."""

FINE, FINDINGS, USAGE, UNREADABLE = 0, 1, 2, 3
_NEEDED = ("xsdata", "jinja2", "ruff")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 fine, 1 findings, 2 wrong usage or settings, 3 unreadable input."""
    parser = _parser()
    options = parser.parse_args(arguments)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        extra = "mpesa-cbp[generator]"
        print(
            f"mpesa-cbp-gen: the command needs the extra {extra} (missing: {', '.join(missing)}). "
            f"Install it with: pip install '{extra}'",
            file=sys.stderr,
        )
        return USAGE
    try:
        return int(options.run(options))
    except ConfigurationError as error:
        print(f"mpesa-cbp-gen: {error}", file=sys.stderr)
        return USAGE
    except ContractError as error:
        print("mpesa-cbp-gen: the contract cannot be used:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return UNREADABLE
    except (GeneratorError, OSError) as error:
        print(f"mpesa-cbp-gen: {error}", file=sys.stderr)
        return UNREADABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mpesa-cbp-gen", description="Typed Python bindings from WSDL and XSD.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, text, more in (
        ("generate", _generate, "write the package", _GENERATE),
        ("check", _check, "tell whether the package is what would be written", _CHECK),
    ):
        command = commands.add_parser(
            name, help=text, description=text, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.add_argument("--config", type=Path, help="bindings.toml (default: the one in this folder)")
        command.add_argument("--contract", type=Path, help="folder, zip or WSDL, instead of a toml")
        command.add_argument("--package", help="import name of the package, with --contract")
        command.add_argument("--out", type=Path, help="the package's own folder, which is replaced; ends with its name")
        command.set_defaults(run=run)
    add_commands(commands)
    return parser


def _config(options: argparse.Namespace) -> Config:
    direct = (options.contract, options.package, options.out)
    if any(item is not None for item in direct):
        if options.config is not None or options.contract is None or options.package is None or options.out is None:
            raise ConfigurationError("give either --config, or --contract with --package and --out")
        return default_config(options.contract, options.package, options.out)
    return read_config(options.config or Path("bindings.toml"))


def _warn(problem: Problem) -> None:
    print(f"mpesa-cbp-gen: warning: {problem}", file=sys.stderr)


def _generate(options: argparse.Namespace) -> int:
    from mpesa_cbp_generator.output.write import write
    from mpesa_cbp_generator.pipeline import generate

    config = _config(options)
    name = config.package.rpartition(".")[2]
    if config.output.resolve().name != name:
        print(
            f"mpesa-cbp-gen: warning: {config.output} is the package's own folder: "
            f"it can be imported as {config.package} only where it is named {name}",
            file=sys.stderr,
        )
    files = generate(config, warn=_warn)
    write(files, config.output)
    print(f"{config.output}: {len(files)} files")
    return FINE


def _check(options: argparse.Namespace) -> int:
    from mpesa_cbp_generator.output.write import differences
    from mpesa_cbp_generator.pipeline import generate

    config = _config(options)
    found = list(differences(generate(config, warn=_warn), config.output))
    if not found:
        print(f"{config.output} is what the contract gives")
        return FINE
    sys.stdout.writelines(found)
    print(f"{config.output} is not what the contract gives; run: mpesa-cbp-gen generate", file=sys.stderr)
    return FINDINGS
