"""Sending once: check, render, claim, post, record, and finding out what became of what is not known.

`sending` is the way of a message, over `channels`; `lists` is that of people whom others write to or call. Beside it:
`consent` (who may be written to), `address` (where), `events` (what providers tell), `unknown` (what nobody knows), and
here pauses and guards, which keep from sending at all, the administrator's notice, and how long messages took.
"""
