"""How much text the text encoder reads."""

import re
from typing import Any

SHOWN_WORDS = 12  # of those that would be cut, all are named; of more, the first and the last


def check_length(tokenizer: Any, text: str, limit: int, what: str) -> None:
    """Raises ValueError if a text has more tokens than `limit`, naming the words beyond it.

    Start and end token count. `what` the text is opens the message: "The prompt".
    """
    starts = tokenizer(text, return_offsets_mapping=True).offset_mapping
    if len(starts) <= limit:
        return
    first_cut = starts[limit - 1][0]  # the last token that fits marks the end
    cut = [word.group() for word in re.finditer(r"\S+", text) if word.end() > first_cut]
    if len(cut) > SHOWN_WORDS:
        cut_words = f"{' '.join(cut[: SHOWN_WORDS // 2])} … {' '.join(cut[-SHOWN_WORDS // 2 :])}"
    else:
        cut_words = " ".join(cut)
    last = f"last {len(cut)} words" if len(cut) > 1 else "last word"
    raise ValueError(
        f"{what} is too long: the text encoder reads {limit - 2} of its {len(starts) - 2} tokens, "
        f"which would cut the {last}, '{cut_words[:200]}'; shorten it."
    )
