"""What people first send to the endpoints, brought into the form that gradio reads.

Gradio answers a value of an unknown form, or too few of them, with no sentence and a traceback in
the server's log. Here values may come by name as well as by place, those left out have their
defaults, and a picture may come as a data URL.
"""

import base64
import binascii
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from types import MethodType
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.utils import get_upload_folder, is_in_or_equal

from ldznet.ui.api import keep_file

# As ASGI, the interface between a server and an app, has them.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_BYTES = 20_000_000  # of a picture in a data URL, as of an upload
UPLOAD_FIRST = "Upload the file first, then send its path."
_CALL = re.compile(r"(?P<call>.*/call/)(?:v2/)?(?P<name>\w+)/?")
_DATA_URL = re.compile(r"data:[^,]*;base64,(?P<content>.*)", re.DOTALL)


def read_first_calls(demo: gr.Blocks) -> None:
    """Have an app's public endpoints take values as `read_values` does; nothing else changes.

    What gradio still cannot read is one sentence.
    """
    preprocess = demo.preprocess_data

    async def preprocess_data(
        _: gr.Blocks, function: BlockFunction, inputs: list[Any], *more: Any, **options: Any
    ) -> list[Any]:
        if function.api_visibility != "public":
            return await preprocess(function, inputs, *more, **options)
        try:
            return await preprocess(function, read_values(function, inputs), *more, **options)
        except gr.Error as error:
            raise gr.Error(_without_paths(error.message), print_exception=False) from error
        except ValueError as error:
            raise gr.Error(_without_paths(str(error)), print_exception=False) from error
        except Exception as error:
            names = ", ".join(_parameters(function))
            sentence = f"The values cannot be read; send {names}, in this order."
            raise gr.Error(sentence, print_exception=False) from error

    demo.preprocess_data = MethodType(preprocess_data, demo)  # type: ignore[method-assign]


def read_values(function: BlockFunction, values: Sequence[Any]) -> list[Any]:
    """An endpoint's values by place, each left out being its default, pictures being files.

    Raises ValueError with one sentence for a picture that is no upload.
    """
    defaults = list(_parameters(function).values())
    whole = [*values, *defaults[len(values) :]]
    return [
        _read_picture(value) if isinstance(block, gr.Image) else value
        for block, value in zip(function.inputs, whole, strict=False)
    ]


def order_values(function: BlockFunction, named: Mapping[str, Any]) -> list[Any]:
    """An endpoint's values by place, from values by name; those left out have their defaults.

    Raises ValueError for a name that the endpoint has not.
    """
    defaults = _parameters(function)
    for name in named:
        if name not in defaults:
            raise ValueError(f"There is no value '{name[:40]}'; send {', '.join(defaults)}.")
    return list({**defaults, **named}.values())


def _parameters(function: BlockFunction) -> dict[str, Any]:
    """The default of each value by name, in their order; None where there is none."""
    parameters = inspect.signature(function.fn or (lambda: None)).parameters.values()
    return {
        each.name: None if each.default is each.empty else each.default
        for each in parameters
        if each.annotation is not gr.Request
    }


def _read_picture(value: Any) -> Any:
    """A picture as gradio reads it, from an upload's path, a data URL, or a file's description."""
    if value in (None, ""):
        return None
    described = value if isinstance(value, dict) else {"path": value}
    source = described.get("path") or described.get("url")
    if not isinstance(source, str):
        raise ValueError(f"The image cannot be read. {UPLOAD_FIRST}")
    if source.startswith("data:"):
        source = keep_file(_read_data_url(source), "image")
    elif not source.startswith(("http://", "https://")):
        try:
            is_upload = is_in_or_equal(source, get_upload_folder())
        except (OSError, ValueError):  # such as a file's content in place of its path
            is_upload = False
        if not is_upload:
            raise ValueError(f"The image must be an upload. {UPLOAD_FIRST}")
    more = {"orig_name": described["orig_name"]} if described.get("orig_name") else {}
    return {"path": source, "meta": {"_type": "gradio.FileData"}, **more}


def _read_data_url(text: str) -> bytes:
    found = _DATA_URL.fullmatch(text)
    if not found:
        raise ValueError(f"The data URL is not in base64. {UPLOAD_FIRST}")
    if len(found["content"]) > MAX_BYTES * 4 / 3:
        raise ValueError(f"The image has more than {MAX_BYTES // 1_000_000} MB; make it smaller.")
    try:
        return base64.b64decode("".join(found["content"].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"The data URL is damaged. {UPLOAD_FIRST}") from error


def _without_paths(sentence: str) -> str:
    """Gradio's own complaints name folders and hosts, and span several lines."""
    if "\n" in sentence or re.search(r"[\\/]\w|^Hostname ", sentence):
        return f"The image cannot be opened. {UPLOAD_FIRST}"
    return sentence


class NamedValues:
    """Brings the body of a call of an endpoint into a list of values, before gradio reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request, with one sentence and status 422 for a call that names no values."""
        call = _CALL.fullmatch(scope.get("path", "")) if scope.get("method") == "POST" else None
        function = _find_endpoint(scope["app"], call["name"]) if call else None
        if call is None or function is None:
            await self.app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            content = json.dumps(_read_body(function, body)).encode()
        except ValueError as error:
            await _refuse(str(error), send)
            return
        path = f"{call['call']}{call['name']}"
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name not in (b"content-length", b"content-type")
        ]
        headers += [(b"content-length", str(len(content)).encode())]
        headers += [(b"content-type", b"application/json")]
        sent = False

        async def receive_content() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": content, "more_body": False}

        rewritten = {**scope, "path": path, "raw_path": path.encode(), "headers": headers}
        await self.app(rewritten, receive_content, send)


async def _refuse(sentence: str, send: Send) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 422, "headers": headers})
    content = json.dumps({"detail": sentence}).encode()
    await send({"type": "http.response.body", "body": content})


def _find_endpoint(app: Any, name: str) -> BlockFunction | None:
    functions = app.get_blocks().fns.values()
    public = (each for each in functions if each.api_visibility == "public")
    return next((each for each in public if each.api_name == name), None)


def _read_body(function: BlockFunction, body: bytes) -> dict[str, Any]:
    """The body with its values by place. Raises ValueError if it holds none."""
    names = ", ".join(_parameters(function))
    try:
        sent = json.loads(body)
    except ValueError as error:
        raise ValueError(f"The body is not JSON; send {names} by name.") from error
    if isinstance(sent, list):
        return {"data": sent}
    if not isinstance(sent, dict):
        raise ValueError(f"The body names no values; send {names}.")
    if "data" not in sent:
        known = {"session_hash", "event_id", "oauth_token", "trigger_id", "event_data"}
        values = {name: value for name, value in sent.items() if name not in known}
        return {"data": order_values(function, values)}
    if isinstance(sent["data"], dict):
        return {**sent, "data": order_values(function, sent["data"])}
    if not isinstance(sent["data"], list):
        raise ValueError(f"Send a list of values as data: {names}.")
    return sent
