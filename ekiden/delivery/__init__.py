"""Sending once: claim, check, render, post, record, and finding out what became of what is not known."""
