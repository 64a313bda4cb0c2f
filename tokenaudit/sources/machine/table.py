"""The files in which tools store, or leave behind, Hugging Face credentials: one row per tool, as data.

A path is relative to the home folder and can contain wildcards. `{config}`, `{data}`, `{cache}` and `{state}` are the
folders of that purpose on Linux, macOS and Windows, `{documents}` the documents folder of Windows. All are searched
on every system, since home folders are synchronized, mounted and restored. Sources: the tools' own documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

FileUse: TypeAlias = Literal["kept", "history", "log"]
"""Whether the owner stores credentials there on purpose, or a history or log has recorded them (exposed)."""


@dataclass(frozen=True)
class ToolFiles:
    """The files of one tool. `private` ones should be readable only by their owner. `variables` name more files."""

    what: str
    paths: tuple[str, ...]
    use: FileUse = "kept"
    private: bool = True
    variables: tuple[str, ...] = ()


_EDITORS = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf")
_EXTENSIONS = (
    "saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    "rooveterinaryinc.roo-cline/settings/mcp_settings.json",
    "kilocode.kilo-code/settings/mcp_settings.json",
)

_EXPERIMENTS = (
    "wandb/**/*.log",
    "wandb/**/*.yaml",
    "wandb/**/*.json",
    "wandb/**/*.wandb",
    "mlruns/**/params/*",
    "mlruns/**/tags/*",
    "mlflow.db",
    "mlruns.db",
    "lightning_logs/**/*.yaml",
)

ROWS: tuple[ToolFiles, ...] = (
    ToolFiles("token file of huggingface_hub before 0.21", (".huggingface/token",)),
    ToolFiles(
        "token store of the staging Hub",
        (".cache/huggingface_staging/token", ".cache/huggingface_staging/stored_tokens"),
    ),
    ToolFiles("git credential store", (".git-credentials", "{config}/git/credentials")),
    ToolFiles("git configuration", (".gitconfig", "{config}/git/config"), private=False),
    ToolFiles("netrc", (".netrc", "_netrc", ".authinfo"), variables=("NETRC",)),
    ToolFiles(
        "container registry logins",
        (
            ".docker/config.json",
            "{config}/containers/auth.json",
            ".apptainer/docker-config.json",
            ".singularity/docker-config.json",
            "{config}/helm/registry/config.json",
        ),
        variables=("REGISTRY_AUTH_FILE", "DOCKER_CONFIG/config.json", "XDG_RUNTIME_DIR/containers/auth.json"),
    ),
    ToolFiles(
        "S3 keys",
        (".aws/credentials", "{config}/rclone/rclone.conf", ".s3cfg"),
        variables=("AWS_SHARED_CREDENTIALS_FILE", "RCLONE_CONFIG"),
    ),
    ToolFiles("Kubernetes logins", (".kube/config",), variables=("KUBECONFIG",)),
    ToolFiles(
        "package index logins",
        (
            ".pypirc",
            "{config}/pip/pip.conf",
            "{config}/pip/pip.ini",
            ".pip/pip.conf",
            "{config}/uv/uv.toml",
            "{config}/pypoetry/auth.toml",
        ),
        variables=("PIP_CONFIG_FILE",),
    ),
    ToolFiles(
        "npm configuration",
        (".npmrc", ".yarnrc", ".yarnrc.yml", "{config}/pnpm/rc"),
        variables=("NPM_CONFIG_USERCONFIG",),
    ),
    ToolFiles(
        "conda configuration",
        (
            ".condarc",
            ".conda/.condarc",
            ".mambarc",
            "{config}/conda/.condarc",
            "*conda*/conda-meta/state",
            "*conda*/envs/*/conda-meta/state",
            "*forge*/envs/*/conda-meta/state",
            ".conda/envs/*/conda-meta/state",
            "*conda*/envs/*/etc/conda/activate.d/*",
        ),
        private=False,
        variables=("CONDARC",),
    ),
    ToolFiles("Kaggle login", (".kaggle/kaggle.json", "{config}/kaggle/kaggle.json")),
    ToolFiles("wandb settings", ("{config}/wandb/settings",)),
    ToolFiles("dotenv file", (".env", ".env.*")),
    ToolFiles("direnv file", (".envrc", "{config}/direnv/direnvrc")),
    ToolFiles(
        "shell start-up",
        (
            ".bashrc",
            ".bash_profile",
            ".bash_login",
            ".bash_logout",
            ".bash_aliases",
            ".profile",
            ".zshrc",
            ".zshenv",
            ".zprofile",
            ".zlogin",
            ".kshrc",
            ".mkshrc",
            ".cshrc",
            ".tcshrc",
            ".login",
            ".xonshrc",
            "{config}/xonsh/rc.xsh",
            "{config}/fish/config.fish",
            "{config}/fish/fish_variables",
            "{config}/fish/conf.d/*.fish",
            "{config}/nushell/*.nu",
            "{config}/powershell/*.ps1",
            "{documents}/PowerShell/*.ps1",
            "{documents}/WindowsPowerShell/*.ps1",
        ),
        private=False,
        variables=("BASH_ENV", "ENV"),
    ),
    ToolFiles(
        "environment at login",
        (".pam_environment", "{config}/environment.d/*.conf", ".xprofile", ".xsessionrc"),
        private=False,
    ),
    ToolFiles(
        "user service",
        (
            "{config}/systemd/user/*.service",
            "{config}/systemd/user/*.service.d/*.conf",
            "{config}/systemd/user/*.env",
            "Library/LaunchAgents/*.plist",
        ),
        private=False,
    ),
    ToolFiles(
        "R start-up",
        (".Renviron", ".Rprofile", "{documents}/.Renviron", "{documents}/.Rprofile"),
        variables=("R_ENVIRON_USER", "R_PROFILE_USER"),
    ),
    ToolFiles("Julia start-up", (".julia/config/startup.jl",)),
    ToolFiles("Streamlit secrets", (".streamlit/secrets.toml",)),
    ToolFiles(
        "Jupyter state",
        (".jupyter/*.json", ".jupyter/*.py", "{data}/jupyter/**/*.json", "Library/Jupyter/**/*.json"),
        private=False,
    ),
    ToolFiles("IPython start-up", (".ipython/profile_*/startup/*", ".ipython/profile_*/*.py"), private=False),
    ToolFiles(
        "Claude configuration",
        (
            "{config}/Claude/claude_desktop_config.json",
            ".claude.json",
            ".claude/settings.json",
            ".claude/settings.local.json",
            ".claude/.credentials.json",
            ".mcp.json",
        ),
    ),
    ToolFiles("Cursor configuration", (".cursor/mcp.json", ".cursor/cli-config.json")),
    ToolFiles("Codex configuration", (".codex/config.toml", ".codex/auth.json", ".codex/.env")),
    ToolFiles("Windsurf configuration", (".codeium/mcp_config.json", ".codeium/windsurf/mcp_config.json")),
    ToolFiles("Gemini configuration", (".gemini/settings.json", ".gemini/.env", ".gemini/antigravity/mcp_config.json")),
    ToolFiles(
        "Continue configuration",
        (
            ".continue/config.json",
            ".continue/config.yaml",
            ".continue/config.ts",
            ".continue/.env",
            ".continue/mcpServers/*",
        ),
    ),
    ToolFiles("Zed settings", (".config/zed/settings.json", "{config}/Zed/settings.json")),
    ToolFiles(
        "editor settings",
        (
            *(
                f"{{config}}/{editor}/User/{name}"
                for editor in _EDITORS
                for name in ("settings.json", "mcp.json", "profiles/*/settings.json", "profiles/*/mcp.json")
            ),
            *(f"{{config}}/{editor}/User/globalStorage/{name}" for editor in _EDITORS for name in _EXTENSIONS),
            ".vscode-server/data/Machine/settings.json",
            ".vscode-server/data/User/mcp.json",
            ".vscode/argv.json",
            ".vscode/mcp.json",
            *(f".vscode-server/data/User/globalStorage/{name}" for name in _EXTENSIONS),
        ),
    ),
    ToolFiles(
        "agent configuration",
        (
            ".cline/data/settings/cline_mcp_settings.json",
            ".lmstudio/mcp.json",
            ".cache/lm-studio/mcp.json",
            "{config}/goose/*.yaml",
            "{config}/Block/goose/config/*.yaml",
            ".aws/amazonq/mcp.json",
            ".kiro/settings/mcp.json",
            ".copilot/mcp-config.json",
            "{config}/github-copilot/**/mcp.json",
            "{config}/opencode/opencode.json*",
            "{data}/opencode/auth.json",
            ".qwen/settings.json",
            "{config}/crush/crush.json",
            ".aider.conf.yml",
            "{config}/io.datasette.llm/keys.json",
        ),
    ),
    ToolFiles(
        "shell history",
        (
            ".bash_history",
            ".bash_sessions/*.history*",
            ".zsh_history",
            ".zhistory",
            ".zsh_sessions/*.history*",
            ".histfile",
            ".sh_history",
            ".ksh_history",
            ".mksh_history",
            ".ash_history",
            ".history",
            ".xonsh_history*",
            "{data}/xonsh/**/*.json",
            "{data}/fish/*_history",
            "{config}/nushell/history.*",
            "{data}/atuin/history.db*",
            "{data}/mcfly/history.db",
            "{data}/powershell/PSReadLine/*_history.txt",
            "{config}/Microsoft/Windows/PowerShell/PSReadLine/*_history.txt",
        ),
        "history",
        variables=("HISTFILE",),
    ),
    ToolFiles(
        "REPL history",
        (
            ".python_history",
            ".ptpython/history",
            "{data}/ptpython/history",
            ".bpython_history",
            "{cache}/bpython/history",
            ".pdbhistory",
            ".ipython/profile_*/history.sqlite*",
            ".node_repl_history",
            ".deno_history",
            ".bun_repl_history",
            ".irb_history",
            "{data}/irb/irb_history",
            ".pry_history",
            "{data}/pry/pry_history",
            ".php_history",
            ".psysh_history",
            ".lua_history",
            ".scala_history",
            ".ghc/ghci_history",
            "{state}/ghc/ghci_history",
            ".Rhistory",
            ".julia/logs/repl_history.jl",
            ".octave_hist",
            "{data}/octave/history",
        ),
        "history",
        variables=("PYTHON_HISTORY", "NODE_REPL_HISTORY", "R_HISTFILE"),
    ),
    ToolFiles(
        "database history",
        (
            ".psql_history*",
            ".mysql_history",
            ".mariadb_history",
            ".sqlite_history",
            ".duckdb_history",
            ".rediscli_history",
            ".dbshell",
            ".mongodb/mongosh/*_repl_history",
            ".usql_history",
            ".pgcli/history",
            "{config}/pgcli/history",
            ".mycli-history",
            ".cqlsh_history",
            ".cassandra/cqlsh_history",
            ".influx_history",
        ),
        "history",
        variables=("PSQL_HISTORY", "MYSQL_HISTFILE", "MARIADB_HISTFILE", "SQLITE_HISTORY"),
    ),
    ToolFiles(
        "editor or pager history",
        (
            ".lesshst",
            "{state}/lesshst",
            "{data}/lesshst",
            ".viminfo",
            "{state}/nvim/shada/*.shada",
            "{data}/nvim/shada/*.shada",
            ".gdb_history",
            ".wget-hsts",
        ),
        "history",
        variables=("LESSHISTFILE", "GDBHISTFILE"),
    ),
    ToolFiles(
        "agent history",
        (
            ".claude/history.jsonl",
            ".claude/projects/**/*.jsonl",
            ".claude/shell-snapshots/*",
            ".codex/history.jsonl",
            ".codex/sessions/**/*.jsonl",
            ".gemini/tmp/**/*.json",
            ".aider.input.history",
            ".aider.chat.history.md",
            ".continue/sessions/*.json",
            "{data}/goose/sessions/*",
            "{data}/opencode/storage/**/*.json",
            "{config}/io.datasette.llm/logs.db",
        ),
        "history",
    ),
    ToolFiles(
        "experiment log",
        (*_EXPERIMENTS, "{cache}/wandb/logs/*"),
        "log",
        private=False,
    ),
    ToolFiles("tool log", (".npm/_logs/*.log", "nohup.out"), "log", private=False),
)

IN_PROJECTS: tuple[ToolFiles, ...] = (
    ToolFiles("notebook", ("*.ipynb",), private=False),
    ToolFiles("dotenv file", (".env", ".env.*", "*.env", ".envrc")),
    ToolFiles(
        "agent configuration",
        (
            ".mcp.json",
            ".cursor/mcp.json",
            ".vscode/mcp.json",
            ".vscode/settings.json",
            ".claude/settings.json",
            ".claude/settings.local.json",
            ".gemini/settings.json",
            ".gemini/.env",
            ".codex/config.toml",
            ".continue/config.*",
            ".roo/mcp.json",
            ".zed/settings.json",
            ".kiro/settings/mcp.json",
            ".amazonq/mcp.json",
        ),
    ),
    ToolFiles("R start-up", (".Renviron", ".Rprofile")),
    ToolFiles("Streamlit secrets", (".streamlit/secrets.toml",)),
    ToolFiles("REPL history", (".Rhistory", ".aider.input.history", ".aider.chat.history.md"), "history"),
    ToolFiles("experiment log", _EXPERIMENTS, "log", private=False),
)
"""Files to search for in every folder below those named by the user."""
