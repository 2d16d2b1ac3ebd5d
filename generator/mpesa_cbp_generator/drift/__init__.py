"""Drift: what changed between two contracts, what it breaks, and for whom.

``sides`` finds the two plans, ``compare`` tells their differences as findings under ``rules``, ``accept`` lets some of
them pass, and ``report`` shows them.
"""
