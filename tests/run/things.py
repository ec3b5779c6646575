"""What stages of tests give each other; in a module that worker processes can import."""

from __future__ import annotations

import contextvars
from typing import List

color: contextvars.ContextVar[str] = contextvars.ContextVar("color")


class Page:
    """What is taken one at a time."""

    def __init__(self, number: int) -> None:
        self.number = number


class Size(int):
    """What is made of a page."""


class Total(int):
    """What is made of all sizes."""


class Base(int):
    """What all items are added to."""


def pages(*numbers: int) -> List[Page]:
    """Return pages."""
    return [Page(number) for number in numbers]
