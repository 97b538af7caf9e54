"""What is wrong with a content, said to its author."""

from pathlib import Path


class ContentFault(Exception):
    """A content that cannot be used as it stands; the text names file, line (where known) and way out.

    `path` and `line` (counted from 1) say the same for programs.
    """

    def __init__(self, path: Path, line: int | None, problem: str) -> None:
        self.path = path
        self.line = line
        self.problem = problem
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {problem}")

    def __reduce__(self) -> tuple[type["ContentFault"], tuple[Path, int | None, str]]:
        # an exception is pickled by its text alone otherwise, which fails when a worker process raises it
        return ContentFault, (self.path, self.line, self.problem)
