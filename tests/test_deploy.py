"""The files that deploy Topicwire say only what the program, its settings and its documents say. No container is started."""

from __future__ import annotations

import asyncio
import configparser
import fnmatch
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from sqlalchemy.engine import make_url

from bot.bootstrap import build_endpoint
from bot.cli.exit_codes import FINAL, ExitCode
from bot.cli.main import app
from bot.config import Config, parse
from bot.config.models import PREFIX
from bot.domain.processes import Role
from bot.runtime.app import STOP_SECONDS
from bot.runtime.process import OPEN_FILES
from bot.runtime.roles import parse_roles
from tests.http.test_server import opened_office
from tests.make import Clock
from tests.sources.web.servers import LOOPBACK
from tests.test_locks import LOCKS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DEPLOY = (ROOT / "docs" / "deploy.md").read_text("utf-8")
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", DEPLOY, re.M | re.S) for line in block.splitlines()
]


def _instructions(stage: int) -> list[tuple[str, str]]:
    """The instructions of a stage of the Dockerfile, from its FROM on: name and arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = [line.split(maxsplit=1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    stages: list[list[tuple[str, str]]] = []
    for name, arguments in lines:
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, arguments.strip()))
    return stages[stage]


def _arguments(name: str, stage: int = -1) -> list[str]:
    return [arguments for other, arguments in _instructions(stage) if other == name]


def _image_environment() -> dict[str, str]:
    (line,) = _arguments("ENV")
    return dict(word.split("=", 1) for word in shlex.split(line))


def _copied() -> list[str]:
    """What the Dockerfile copies from the working copy."""
    lines = [*_arguments("COPY", 0), *_arguments("COPY")]
    return [
        source
        for line in lines
        if not line.startswith("--from=")
        for source in line.split()[:-1]
        if not source.startswith("--")
    ]


def _in_context(path: str) -> bool:
    """Whether .dockerignore lets a file into the build; the last pattern that fits decides."""
    parents = [path, *(str(parent) for parent in Path(path).parents)]
    included = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        names = parents if pattern == line.removeprefix("!") else list(Path(path).parts)
        if line and not line.startswith("#") and any(fnmatch.fnmatchcase(name, pattern) for name in names):
            included = line.startswith("!")
    return included


def _compose(name: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((ROOT / name).read_text("utf-8"))
    return value


SQLITE, POSTGRES, ROLES = map(_compose, ("compose.yaml", "compose.postgres.yaml", "compose.roles.yaml"))
BOT, DATABASE = SQLITE["services"]["topicwire"], POSTGRES["services"]["postgres"]


def _unit() -> dict[str, dict[str, str]]:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names of directives have capitals
    unit.read(ROOT / "deploy" / "topicwire.service", "utf-8")
    return {section: dict(unit[section]) for section in unit.sections()}


SERVICE = _unit()["Service"]


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@cache
def _commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    commands: dict[str, Any] = group.commands
    return commands


def _require_command(words: list[str]) -> None:
    """Fail unless the command line takes these words after `topicwire`."""
    command = _commands()[words[0]]
    if inner := getattr(command, "commands", None):
        command, words = inner[words[1]], words[1:]
    command.make_context(words[0], words[1:]).close()


def _require_settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Config:
    """The settings with this environment. Raises ConfigError for a name that they do not have."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    return parse({})


# ----------------------------------------------------------------------------------------- the image


def test_the_image_runs_as_an_unprivileged_user() -> None:
    user = _arguments("USER")[-1]  # by number: orchestrators that refuse root cannot look up a name
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    (created,) = [line for line in _arguments("RUN") if "useradd" in line]
    assert f"--uid {user.partition(':')[0]} " in created
    names = [name for name, _ in _instructions(-1)]
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])


def test_the_image_has_a_python_that_the_project_supports_and_no_fixed_platform() -> None:
    images = [_arguments("FROM", stage)[0] for stage in (0, -1)]
    first, second = (image.split()[0] for image in images)
    assert first == second  # the virtual environment of the first works in the second
    (version,) = re.findall(r"^python:(\d\.\d+)-slim", first)
    assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]
    assert "--platform" not in "".join(images)


def test_the_image_installs_a_lock_by_hash_with_the_driver_of_postgresql() -> None:
    (install,) = [line for line in _arguments("RUN", 0) if " -r " in line]
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install  # the build needs no compiler on any platform
    lock = Path(install.split(" -r ")[1].split()[0])
    assert lock.stem in LOCKS
    assert re.search(r"^asyncpg==", (ROOT / lock).read_text("utf-8"), re.MULTILINE)


def test_what_the_image_copies_is_in_the_build_and_nothing_secret_is() -> None:
    for source in _copied():
        path = ROOT / source
        assert path.exists(), source
        files = [file for file in path.rglob("*.py") if file.is_file()] if path.is_dir() else [path]
        assert files
        assert all(_in_context(str(file.relative_to(ROOT))) for file in files), source
    ignored = [
        ".env",
        "config.yaml",
        "discord.token",
        "data/topicwire.db",
        ".git/config",
        "backup.db",
        "tests/make.py",
    ]
    assert [name for name in ignored if _in_context(name)] == []
    assert "/.env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_the_package_builds_from_what_the_image_copies(tmp_path: Path) -> None:
    for source in _copied():
        target = tmp_path / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    assert len(list(tmp_path.glob("dist/*.whl"))) == 1


def test_the_image_starts_an_existing_command_with_existing_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [*json.loads(_arguments("ENTRYPOINT")[0]), *json.loads(_arguments("CMD")[0])]
    assert words[0] in PROJECT["project"]["scripts"]
    _require_command(words[1:])
    config = _require_settings(_image_environment(), monkeypatch)
    (volume,) = _arguments("VOLUME")
    assert config.database.url.startswith(f"{volume}/")
    assert _arguments("WORKDIR") == [volume]  # of config.yaml and of working copies of git
    endpoint = build_endpoint(config)
    assert endpoint is not None
    assert endpoint.host == LOOPBACK


# ---------------------------------------------------------------------------------- the health check


async def _check_health(address: str | None) -> tuple[int, str]:
    """The exit code of the image's health check and what it prints."""
    (line,) = _arguments("HEALTHCHECK")
    program, script = json.loads(line.partition(" CMD ")[2])
    copies = [arguments.split() for arguments in _arguments("COPY")]
    (source,) = [copy[-2] for copy in copies if copy[-1] == script]
    assert program == "python"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment["http_proxy"] = "http://127.0.0.1:9"  # nobody answers there
    if address is not None:
        environment["TOPICWIRE_HTTP__LISTEN"] = address
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / source), env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, printed = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def test_the_health_check_asks_the_endpoint_of_the_bot(sqlite_url: str, clock: Clock) -> None:
    async with opened_office(sqlite_url, clock) as office:
        address = f"{LOOPBACK}:{office.port}"
        assert await _check_health(address) == (0, "")
        assert await _check_health(f"0.0.0.0:{office.port}") == (0, "")
        office.up[0] = False
        code, printed = await _check_health(address)
        assert (code, "not connected to Discord" in printed) == (1, True)
    code, printed = await _check_health(address)
    assert (code, address in printed) == (1, True)


async def test_the_health_check_without_an_endpoint_says_what_is_missing() -> None:
    code, printed = await _check_health(None)
    assert (code, "TOPICWIRE_HTTP__LISTEN is not set" in printed) == (1, True)
    assert "Traceback" not in printed


# ------------------------------------------------------------------------------------------- Compose


def test_the_bot_in_compose_can_write_to_its_volume_only_and_gains_no_privileges() -> None:
    assert BOT["read_only"] is True
    assert BOT["tmpfs"] == ["/tmp"]  # noqa: S108 - a directory of the container
    (volume,) = BOT["volumes"]
    assert volume.split(":") == [next(iter(SQLITE["volumes"])), _arguments("VOLUME")[0]]
    for service in (BOT, DATABASE):
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        assert not {"ports", "privileged", "cap_add", "network_mode", "pid"} & set(service)
    assert _seconds(BOT["stop_grace_period"]) > STOP_SECONDS
    assert BOT["ulimits"]["nofile"] == OPEN_FILES


def test_compose_with_postgresql_names_a_database_that_its_server_creates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = POSTGRES["services"]["topicwire"]
    with_password = {
        name: re.sub(r"\$\{POSTGRES_PASSWORD:\?[^}]*\}", "c0ffee", value)
        for name, value in (changed["environment"] | DATABASE["environment"]).items()
    }
    url = make_url(_require_settings(_image_environment() | with_password, monkeypatch).database.url)
    assert url.host == next(iter(changed["depends_on"])) == "postgres"
    assert (url.username, url.password, url.database) == tuple(
        with_password[f"POSTGRES_{name}"] for name in ("USER", "PASSWORD", "DB")
    )
    assert changed["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert DATABASE["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    (volume,) = DATABASE["volumes"]
    assert volume.split(":")[0] in POSTGRES["volumes"]


def test_compose_with_roles_has_each_role_and_a_standby_of_each_that_has_one() -> None:
    roles: Counter[str] = Counter()
    for name, service in ROLES["services"].items():
        _require_command(service["command"])
        chosen = parse_roles([service["command"][-1]])
        roles.update(chosen)
        if name == "topicwire":  # the gateway is the bot of the other files
            continue
        assert service["extends"] == {"file": "compose.yaml", "service": "topicwire"}
        assert (
            service["hostname"] == name
        )  # a process of the same host name would count as an earlier run of it
        changed = POSTGRES["services"]["topicwire"]
        assert {part: service[part] for part in changed} == changed
    assert roles == {Role.GATEWAY: 1, Role.POLLER: 2, Role.INTAKE: 2, Role.SENDER: 2}


# ------------------------------------------------------------------------------------------- systemd


def test_the_unit_starts_an_existing_command_in_the_directories_of_the_instructions() -> None:
    program, *words = SERVICE["ExecStart"].split()
    _require_command(words)
    install = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for path in (program, words[-1], SERVICE["EnvironmentFile"], SERVICE["WorkingDirectory"]):
        assert path in install
    assert f" {SERVICE['User']}\n" in install
    assert f"/var/lib/{SERVICE['StateDirectory']}" == SERVICE["WorkingDirectory"]


def test_the_unit_restarts_after_failures_but_not_where_a_person_has_to_act() -> None:
    assert SERVICE["Restart"] == "on-failure"
    assert {int(code) for code in SERVICE["RestartPreventExitStatus"].split()} == FINAL
    assert not {ExitCode.OK, ExitCode.FAILED} & FINAL
    assert timedelta(seconds=_seconds(SERVICE["TimeoutStopSec"])) > timedelta(seconds=STOP_SECONDS)
    assert int(SERVICE["LimitNOFILE"]) == OPEN_FILES


def test_the_unit_gives_up_privileges() -> None:
    expected = {
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "PrivateDevices": "yes",
        "SystemCallFilter": "@system-service",
    }
    assert expected.items() <= SERVICE.items()
    assert set(SERVICE["RestrictAddressFamilies"].split()) == {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}
    assert "root" not in SERVICE["User"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_knows_every_directive_of_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "topicwire.service"
    text = (ROOT / "deploy" / "topicwire.service").read_text("utf-8")
    unit.write_text(text.replace(SERVICE["ExecStart"].split()[0], sys.executable))
    run = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    printed = [line for line in run.stderr.splitlines() if "topicwire.service" in line]
    assert printed == []


# ------------------------------------------------------------------------------------------ the page


def test_the_commands_of_the_page_name_existing_files_services_and_commands() -> None:
    compose = [
        shlex.split(line.partition(" < ")[0]) for line in COMMANDS if line.startswith("docker compose")
    ]
    assert len(compose) > 10
    services = {*SQLITE["services"], *POSTGRES["services"], *ROLES["services"]}
    for words in compose:
        for option, file in pairwise(words):
            assert option != "-f" or "logs" in words or (ROOT / file).is_file(), words
        if "exec" in words:
            rest = [word for word in words[words.index("exec") + 1 :] if word != "-T"]
            assert rest[0] in services, words
            if rest[1] == "topicwire":
                _require_command(rest[2:])
    inline = re.findall(r"`docker compose exec topicwire topicwire ([^`]+)`", DEPLOY)
    assert inline
    for call in inline:
        _require_command(shlex.split(call))
    for name in re.findall(r"sudo install -m 644 /opt/topicwire/(\S+)", DEPLOY):
        assert (ROOT / name).is_file()


def test_the_variables_of_the_page_are_settings() -> None:
    names = set(re.findall(rf"{PREFIX}([A-Z_]+)", DEPLOY))
    assert len(names) > 3
    for name in names:
        section, _, key = name.lower().partition("__")
        assert key in type(getattr(Config(), section)).model_fields, name


def test_the_backup_of_the_page_copies_a_database_in_use(tmp_path: Path) -> None:
    (line,) = [line for line in COMMANDS if "backup(" in line]
    *_, code = shlex.split(line)
    with sqlite3.connect(tmp_path / "topicwire.db", isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE story (title)")
        database.execute("INSERT INTO story VALUES ('Ferry runs again')")
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    database.close()
    copy = sqlite3.connect(tmp_path / "backup.db")
    assert copy.execute("SELECT title FROM story").fetchall() == [("Ferry runs again",)]
    copy.close()


# ----------------------------------------------------------------------------- a root without writing

CANNOT = 77
# Everything that the working copy and the root have is read-only; only the data's directory is not.
READ_ONLY = f"""
mount --make-rprivate / && mount --bind "$DATA" /mnt && mount --bind "$ROOT" "$ROOT" || exit {CANNOT}
mount -o remount,bind,ro "$ROOT" && mount -o remount,bind,ro / || exit {CANNOT}
if touch "$ROOT/x" /x 2>/dev/null; then exit {CANNOT}; fi
cd /mnt && exec "$@"
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is not installed")
def test_with_a_read_only_root_everything_is_written_to_the_directory_of_the_data(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    image = _image_environment()
    environment |= {"DATA": str(tmp_path), "ROOT": str(ROOT), "PYTHONPATH": str(ROOT)}
    environment |= {name: image[name] for name in image if name != "PATH"}
    environment["TOPICWIRE_DATABASE__URL"] = "topicwire.db"
    command = [sys.executable, "-m", "bot", "stories"]
    run = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", READ_ONLY, "sh", *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == CANNOT or run.stderr.startswith("unshare:"):
        pytest.skip("this system allows no mount namespaces")
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "topicwire.db").stat().st_size > 0
