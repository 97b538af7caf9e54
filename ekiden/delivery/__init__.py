"""Sending once: check, render, claim, post, record, and finding out what became of what is not known.

With what keeps from sending: pauses and guards, opt-outs, suppressions, and what providers tell of messages sent.
"""
