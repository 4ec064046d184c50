"""Puts fresh tables into documents, between the marks that name them."""

import re
from collections.abc import Mapping

_BLOCK = re.compile(
    r"(?P<start><!-- table (?P<name>[a-z ]+) -->\n).*?(?P<end><!-- end of table -->)", re.DOTALL
)


def fill(document: str, tables: Mapping[str, str]) -> str:
    """The document with the table of its name in every marked place.

    A place looks like `<!-- table NAME -->`, lines, `<!-- end of table -->`. Raises ValueError for
    a name without a table.
    """

    def replace(block: re.Match[str]) -> str:
        name = block["name"]
        if name not in tables:
            raise ValueError(f"There is no table '{name}'; there are {', '.join(sorted(tables))}.")
        return f"{block['start']}{tables[name]}\n{block['end']}"

    return _BLOCK.sub(replace, document)
