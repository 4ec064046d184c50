"""Who may name a backbone that is not in the list."""

from types import SimpleNamespace

import pytest

from ldznet.ui.header import check_access

LOCAL = {"host": "127.0.0.1:7860"}


def request(client="127.0.0.1", headers=LOCAL):
    return SimpleNamespace(headers=headers, client=client and SimpleNamespace(host=client))


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "localhost", "[::1]:7860"])
def test_at_the_machine_itself_anything_may_be_named(host):
    check_access("/a/folder", False, request(headers={"host": host}))


@pytest.mark.parametrize(
    "strange",
    [
        request(client="192.168.0.7"),
        request(client=None),
        request(headers={"host": "demo.example:443"}),  # a proxy or a rebound name
        request(headers={}),
        request(headers={**LOCAL, "x-forwarded-for": "10.0.0.1"}),
        request(headers={**LOCAL, "forwarded": "for=10.0.0.1"}),
    ],
)
@pytest.mark.parametrize("name", ["/etc/passwd", "../weights", "owner/private-model"])
def test_from_elsewhere_only_the_list(name, strange):
    check_access("pocket", True, strange)
    with pytest.raises(ValueError, match="Only the backbones in the list"):
        check_access(name, False, strange)


def test_on_a_space_nobody_sits_at_the_machine(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "owner/space")
    with pytest.raises(ValueError, match="Only the backbones in the list"):
        check_access("/a/folder", False, request())
