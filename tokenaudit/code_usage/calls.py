"""Table of the permissions that functions of Hugging Face's Python libraries need.

The Hub publishes no such map; this one follows the names of the permissions, the wording of the OAuth scopes, and what
the functions do (huggingface_hub 1.19 to 2.4). Where the right is not stated anywhere the row is a "perhaps".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tokenaudit.constant_folding import UNKNOWN, ConstantFolder, Constants
from tokenaudit.import_resolution import ImportResolver
from tokenaudit.model import Entity
from tokenaudit.permissions import ANY_TOKEN, NO_TOKEN, READ, WRITE

On: TypeAlias = Literal[
    "repo", "model", "dataset", "space", "bucket", "kernel", "owner", "namespace", "user", "slug", "nothing"
]
"""What the parameter names: a repository of the type in `repo_type`, one of a fixed type, a repository whose owner
is meant, the namespace itself (own account when absent), nothing but the own account, or a collection's slug."""


@dataclass(frozen=True)
class CallNeeds:
    """What a call needs, and on what.

    `parameter` is the argument that names the object; `position` is its index as a positional argument, None for
    keyword-only. A row that is not `sure` names a permission that is not documented.
    """

    need: str
    on: On = "repo"
    parameter: str = "repo_id"
    position: int | None = 0
    sure: bool = True


def _rows(names: str, *calls: CallNeeds) -> Iterable[tuple[str, tuple[CallNeeds, ...]]]:
    return ((name, calls) for name in names.split())


_ENDPOINT = "inference.endpoints.write"
_JOB = CallNeeds("job.write", "namespace", "namespace", None)
_SPACE = CallNeeds(WRITE, "space")

HUB: dict[str, tuple[CallNeeds, ...]] = dict(
    (
        *_rows(
            "hf_hub_download snapshot_download repo_info list_repo_files list_repo_tree list_repo_refs "
            "list_repo_commits file_exists repo_exists revision_exists get_paths_info get_safetensors_metadata "
            "parse_safetensors_file_metadata get_repo_discussions get_discussion_details verify_repo_checksums "
            "resolve_revision get_sharded_safetensors_metadata",
            CallNeeds(READ),
        ),
        *_rows("model_info", CallNeeds(READ, "model")),
        *_rows("dataset_info list_dataset_parquet_files get_dataset_leaderboard", CallNeeds(READ, "dataset")),
        *_rows("space_info get_space_runtime wait_for_space", CallNeeds(READ, "space")),
        *_rows("kernel_info", CallNeeds(READ, "kernel")),
        *_rows(
            "list_models list_datasets list_spaces list_papers list_daily_papers paper_info get_model_tags "
            "get_dataset_tags list_repo_likers list_liked_repos get_user_overview get_organization_overview "
            "list_organization_members list_collections",
            CallNeeds(NO_TOKEN, "nothing"),
        ),
        *_rows(
            "whoami auth_check login interpreter_login notebook_login get_full_repo_name",
            CallNeeds(ANY_TOKEN, "nothing"),
        ),
        *_rows("list_user_repos", CallNeeds(READ, "namespace", "namespace", 0)),
        *_rows("list_buckets", CallNeeds(READ, "namespace", "namespace", 0)),
        *_rows(
            "list_pending_access_requests list_accepted_access_requests list_rejected_access_requests",
            CallNeeds("repo.access.read"),
        ),
        *_rows(
            "accept_access_request reject_access_request cancel_access_request grant_access",
            CallNeeds(WRITE, sure=False),
        ),
        *_rows("upload_file upload_folder", CallNeeds(WRITE, position=None)),
        *_rows(
            "upload_large_folder create_commit delete_files create_branch delete_branch create_tag delete_tag "
            "update_repo_settings update_repo_visibility preupload_lfs_files metadata_update list_lfs_files "
            "merge_pull_request",
            CallNeeds(WRITE),
        ),
        *_rows("CommitScheduler", CallNeeds(WRITE, position=None)),
        *_rows("delete_file delete_folder", CallNeeds(WRITE, position=1)),
        *_rows("create_repo delete_repo super_squash_history permanently_delete_lfs_files", CallNeeds(WRITE, "owner")),
        *_rows("move_repo", CallNeeds(WRITE, "owner", "from_id", 0), CallNeeds(WRITE, "owner", "to_id", 1)),
        *_rows("move_bucket", CallNeeds(WRITE, "owner", "from_id", 0), CallNeeds(WRITE, "owner", "to_id", 1)),
        *_rows("duplicate_repo", CallNeeds(READ, "repo", "from_id", 0), CallNeeds(WRITE, "owner", "to_id", 1)),
        *_rows("duplicate_space", CallNeeds(READ, "space", "from_id", 0), CallNeeds(WRITE, "owner", "to_id", 1)),
        *_rows(
            "add_space_secret delete_space_secret add_space_variable delete_space_variable restart_space pause_space "
            "request_space_hardware request_space_storage set_space_sleep_time set_space_volumes delete_space_volumes "
            "enable_space_dev_mode disable_space_dev_mode",
            _SPACE,
        ),
        *_rows("get_space_secrets get_space_variables fetch_space_logs", CallNeeds(WRITE, "space", sure=False)),
        *_rows(
            "create_discussion create_pull_request comment_discussion change_discussion_status rename_discussion "
            "edit_discussion_comment hide_discussion_comment",
            CallNeeds("discussion.write"),
        ),
        *_rows("get_collection", CallNeeds("collection.read", "slug", "collection_slug", 0)),
        *_rows("create_collection", CallNeeds("collection.write", "namespace", "namespace", None)),
        *_rows(
            "update_collection_metadata delete_collection add_collection_item update_collection_item "
            "delete_collection_item",
            CallNeeds("collection.write", "slug", "collection_slug", 0),
        ),
        *_rows("list_webhooks get_webhook", CallNeeds("user.webhooks.read", "user")),
        *_rows(
            "create_webhook update_webhook enable_webhook disable_webhook delete_webhook",
            CallNeeds("user.webhooks.write", "user"),
        ),
        *_rows(
            "create_inference_endpoint create_inference_endpoint_from_catalog update_inference_endpoint "
            "delete_inference_endpoint pause_inference_endpoint resume_inference_endpoint "
            "scale_to_zero_inference_endpoint",
            CallNeeds(_ENDPOINT, "namespace", "namespace", None),
        ),
        *_rows("list_inference_endpoints", CallNeeds(_ENDPOINT, "namespace", "namespace", 0, sure=False)),
        *_rows("get_inference_endpoint", CallNeeds(_ENDPOINT, "namespace", "namespace", None, sure=False)),
        *_rows(
            "run_job run_uv_job create_scheduled_job create_scheduled_uv_job cancel_job delete_scheduled_job "
            "suspend_scheduled_job resume_scheduled_job trigger_scheduled_job rerun_job list_jobs inspect_job "
            "fetch_job_logs fetch_job_metrics list_scheduled_jobs inspect_scheduled_job wait_for_job update_job_expose "
            "update_job_labels update_scheduled_job_labels update_scheduled_job_schedule",
            _JOB,
        ),
        *_rows(
            "list_bucket_tree download_bucket_files get_bucket_paths_info get_bucket_file_metadata bucket_info",
            CallNeeds(READ, "bucket", "bucket_id"),
        ),
        *_rows("batch_bucket_files update_bucket_settings", CallNeeds(WRITE, "bucket", "bucket_id")),
        *_rows("create_bucket delete_bucket", CallNeeds(WRITE, "owner", "bucket_id")),
    )
)
"""Functions of huggingface_hub; most are methods of HfApi too."""

DATASETS: dict[str, tuple[CallNeeds, ...]] = dict(
    _rows(
        "load_dataset load_dataset_builder get_dataset_config_names get_dataset_split_names get_dataset_infos "
        "get_dataset_config_info",
        CallNeeds(READ, "dataset", "path"),
    )
)

BUILDERS = frozenset(
    {
        *("csv", "json", "jsonl", "parquet", "text", "arrow", "pandas", "xml", "sql", "webdataset", "hdf5"),
        *("imagefolder", "audiofolder", "videofolder", "pdffolder"),
    }
)
"""What `load_dataset` reads without naming a repository."""

FROM_PRETRAINED = ("pretrained_model_name_or_path", "model_name", "model_id", "repo_id", "pretrained_model_name")
MODEL_MAKERS = {
    "sentence_transformers.SentenceTransformer": "model_name_or_path",
    "sentence_transformers.CrossEncoder": "model_name",
    "vllm.LLM": "model",
    "faster_whisper.WhisperModel": "model_size_or_path",
}
"""Constructors whose first argument is a model's repository."""

INFERENCE = {
    "huggingface_hub.InferenceClient": ("model", "base_url"),
    "huggingface_hub.AsyncInferenceClient": ("model", "base_url"),
    "langchain_huggingface.HuggingFaceEndpoint": ("endpoint_url",),
    "langchain_huggingface.HuggingFaceEndpointEmbeddings": ("model",),
    "langchain_community.llms.HuggingFaceEndpoint": ("endpoint_url",),
    "langchain_community.llms.HuggingFaceHub": (),
    "langchain.llms.HuggingFaceHub": (),
    "llama_index.llms.huggingface_api.HuggingFaceInferenceAPI": ("model_name",),
    "smolagents.InferenceClientModel": ("model_id",),
    "smolagents.HfApiModel": ("model_id",),
}
"""Clients of Inference Providers, with the arguments that may name a dedicated endpoint instead."""

OPENAI = frozenset({"openai.OpenAI", "openai.AsyncOpenAI", "langchain_openai.ChatOpenAI"})

DATASET_LIBRARIES = frozenset({"datasets"})
MODEL_LIBRARIES = frozenset(
    {"transformers", "peft", "diffusers", "sentence_transformers", "trl", "setfit", "timm", "unsloth"}
)


_REPOSITORY = re.compile(r"[\w.-]{1,96}(?:/[\w.-]{1,96})?")
_LOCAL = re.compile(
    r"[./~]|.*\\|.*/.*/|.*\.(?:pt|pth|bin|json|jsonl|safetensors|gguf|csv|parquet|py|onnx|ckpt)$", re.DOTALL
)
_STEPS = 20
"""Steps of the work budget per argument."""
_LIKE_A_TOKEN = re.compile(r"(?:hf_|api_)[A-Za-z_]{20,}")


class Arguments:
    """The arguments of a call by name or position, with constants followed."""

    def __init__(self, call: ast.Call, values: ConstantFolder, origins: ImportResolver) -> None:
        self.call = call
        self.values = values
        self._origins = origins
        self._keywords = {k.arg: k.value for k in call.keywords if k.arg}

    def has(self, name: str) -> bool:
        """Whether it is given by name."""
        return name in self._keywords

    def node(self, name: str, position: int | None = None) -> ast.expr | None:
        """The expression given for a parameter."""
        if name in self._keywords:
            return self._keywords[name]
        if position is None or position >= len(self.call.args):
            return None
        given = self.call.args[position]
        return None if isinstance(given, ast.Starred) else given

    def options(self, name: str, position: int | None = None) -> Constants:
        """What a parameter can be."""
        node = self.node(name, position)
        self.values.budget.spend(_STEPS)
        if isinstance(node, ast.Attribute) and node.attr in {"repo_id", "repo_name"}:
            created = self._created(node.value)
            if created is not None:
                return Arguments(created, self.values, self._origins).options("repo_id", 0)
        found = self.values.of(node)
        self.values.budget.spend(sum(map(len, found.texts())))
        return found

    def is_true(self, name: str) -> bool:
        """Whether a flag is certainly set."""
        return self.options(name) == Constants((True,), sure=True)

    def may_be_true(self, name: str) -> bool:
        """Whether a flag is set or can't be known."""
        found = self.options(name)
        return self.has(name) and (not found.sure or True in found.values)

    def spread(self) -> bool:
        """Whether `**something` may hold more arguments than can be seen."""
        return any(k.arg is None for k in self.call.keywords)

    def texts(self) -> Iterator[str]:
        """Every constant text among the arguments."""
        for node in (*self.call.args, *(k.value for k in self.call.keywords)):
            parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
            for part in parts:
                for text in self.values.of(part).texts():
                    self.values.budget.spend(_STEPS + len(text))
                    yield text

    def _created(self, node: ast.expr) -> ast.Call | None:
        """The `create_repo` call whose result `node` is."""
        if isinstance(node, ast.Name):
            assigned = self.values.assignments(node, node.id)
            node = assigned[0] if len(assigned) == 1 and assigned[0] is not None else node
        if isinstance(node, ast.Call) and self._origins.of(node.func).endswith("create_repo"):
            return node
        return None


def entities(row: CallNeeds, arguments: Arguments, *, skip_local: bool = False) -> Iterator[tuple[Entity | None, bool]]:
    """What a call is about and whether that is certain: a pair for each possibility, one without entity if unknown."""
    if row.on in {"nothing", "user"}:
        yield (Entity("user") if row.on == "user" else None), True
        return
    if row.on == "namespace" and arguments.node(row.parameter, row.position) is None:
        yield Entity("user"), not arguments.spread()
        return
    found = arguments.options(row.parameter, row.position)
    names = [n for n in found.texts() if not (skip_local and is_local(n))]
    if found.values and not names:
        return
    if not names:
        yield None, False
    for name in names:
        yield from _named(row, name, arguments, found.sure)


def is_local(name: str) -> bool:
    """Whether a name given to a loader is a path or a generic builder instead of a repository."""
    return bool(_LOCAL.match(name)) or name in BUILDERS or not name


def is_repository(name: str) -> bool:
    """Whether `name` can be the name of a repository; a credential in its place can't."""
    return bool(_REPOSITORY.fullmatch(name)) and not _LIKE_A_TOKEN.match(name)


def _named(row: CallNeeds, name: str, arguments: Arguments, sure: bool) -> Iterator[tuple[Entity | None, bool]]:  # noqa: FBT001 - the certainty travels as data
    if not is_repository(name):
        yield None, False
    elif row.on == "owner":
        yield (Entity("namespace", name.partition("/")[0]) if "/" in name else Entity("user")), sure
    elif row.on == "slug":
        yield Entity("namespace", name.partition("/")[0]), sure
    elif row.on == "namespace":
        yield Entity("namespace", name), sure
    elif row.on == "repo":
        kinds = arguments.options("repo_type") if arguments.has("repo_type") else Constants((None,), sure=True)
        for kind in kinds.values or UNKNOWN.values or ("repository",):
            yield Entity(str(kind or "model"), name), sure and kinds.sure
    else:
        yield Entity(row.on, name), sure
