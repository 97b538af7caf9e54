"""Message contents: from an author's template files to what one customer gets.

Belongs here: reading, compiling and rendering templates. Does not belong here: who gets a message, when, and
how it is delivered (`ekiden.delivery`). How an author writes a content is told in `docs/contents.md`.
"""
