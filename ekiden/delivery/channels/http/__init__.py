"""Posting over HTTP: connections that are not trusted too far, and one POST with its answer.

Does not belong here: what a provider's answer means (one module or package per channel).
"""
