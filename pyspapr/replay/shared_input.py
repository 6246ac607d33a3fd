"""Console input that is read once and replayed to several machines.

One machine leads: when it asks, the source is asked, and the answer is kept with the number of the question. The others
get the same answers to the same questions, whatever has come in the meantime. So long as they do the same as the
leader, they ask the same questions.
"""

from __future__ import annotations

from pyspapr.partition.console import InputSource


class SharedInput:
    """What a source has answered."""

    def __init__(self, source: InputSource | None) -> None:
        """Of `source`; None is silent."""
        self.source = source
        self.answers: dict[int, bytes] = {}
        """Those that were not empty."""
        self.end: int | None = 0 if source is None else None
        """The number of the first question behind the source's end."""

    def lead(self) -> InputReader:
        """For the machine that is ahead of all others."""
        return InputReader(self, 0, leads=True)

    def replay(self, position: int) -> InputReader:
        """For a machine that has asked `position` questions."""
        return InputReader(self, position)

    def hear(self, number: int, limit: int) -> bytes:
        """Ask the source question `number`."""
        if self.source is None:
            return b""
        if data := self.source.take(limit):
            self.answers[number] = data
        if self.end is None and self.source.exhausted:
            self.end = number + 1
        return data


class InputReader:
    """One machine's input."""

    def __init__(self, shared: SharedInput, position: int, *, leads: bool = False) -> None:
        """From question `position` on."""
        self._shared = shared
        self._leads = leads
        self.position = position

    def take(self, limit: int) -> bytes:
        """The answer to the next question."""
        number = self.position
        self.position += 1
        return self._shared.hear(number, limit) if self._leads else self._shared.answers.get(number, b"")

    @property
    def exhausted(self) -> bool:
        """Whether only silence will follow."""
        return self._shared.end is not None and self.position >= self._shared.end
