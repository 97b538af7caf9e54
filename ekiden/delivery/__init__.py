"""Sending once: check, render, claim, post, record, and finding out what became of what is not known."""
