"""A message as one customer gets it: what a content has become, and what channels carry.

Belongs here: that, and nothing that is needed to make one. Does not belong here: templates (`render`), and how a
provider wants it (`ekiden.delivery.channels`).
"""

from typing import NamedTuple

from ekiden.content.shared import SharedContent, filled


class RenderedMessage(NamedTuple):
    """What one customer gets."""

    subject: str
    text: str
    own_html: str | None
    """The HTML where there is no `shared`."""
    content_hash: str
    """sha256 over subject, text and HTML."""
    shared: SharedContent | None = None
    """What every message of this content has in common; None where this one cannot be put together from it."""
    values: tuple[str, ...] = ()
    """What goes into the holes of `shared`."""

    @property
    def html(self) -> str | None:
        """The HTML, None for a text mail; put together at each call, for it is long, and posts to many do without."""
        if self.shared is None:
            return self.own_html
        return filled(self.shared.html, self.values) if self.shared.html else None

    def without_html(self) -> "RenderedMessage":
        """Return this message as a text mail; its hash stays the one of the whole content."""
        shared = self.shared.without_html if self.shared else None
        return self._replace(own_html=None, shared=shared, values=self.values[: shared.holes] if shared else ())
