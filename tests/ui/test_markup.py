"""HTML that escapes whatever was not made as HTML."""

from html.parser import HTMLParser

import pytest

from ldznet.ui.markup import TERMS, Markup, element, markup, message, with_terms

NASTY = """<script>alert("1")</script> & 'x'"""


class Reader(HTMLParser):
    """What a browser makes of it: elements with attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_text_and_attributes_reach_a_browser_as_they_are():
    read = Reader(element("p", NASTY, ["a", None, [NASTY]], title=NASTY))
    assert read.elements == [("p", {"title": NASTY})]
    assert read.text == f"{NASTY}a{NASTY}"


def test_elements_stand_in_one_another():
    read = Reader(element("p", element("b", "x"), markup("<i>", element("br"))))
    assert [tag for tag, _ in read.elements] == ["p", "b", "br"]
    assert read.text == "x<i>"


def test_names_of_attributes_are_those_of_html():
    image = element("img", class_="a b", data_pick=0, alt="", hidden=True, id=None, title=False)
    assert image == '<img class="a b" data-pick="0" alt="" hidden>'


@pytest.mark.parametrize("join", ["{}".format, lambda text: text + "", "".join])
def test_what_was_joined_by_hand_is_text_again(join):
    assert Reader(element("p", join(element("b", NASTY)))).elements == [("p", {})]


def test_words_in_braces_explain_themselves():
    read = Reader(with_terms("a < b: {seed}, {token|tokens}, {which}", which=NASTY))
    assert TERMS["seed"] in read.text
    assert "tokens" in read.text
    assert NASTY in read.text
    assert all(tag == "span" for tag, _ in read.elements)
    with pytest.raises(KeyError):
        with_terms("{nobody explained this}")


def test_no_message_is_nothing():
    assert message("") == ""
    assert Reader(message(NASTY, "error")).elements[0][1]["role"] == "alert"
    assert isinstance(message("x"), Markup)
