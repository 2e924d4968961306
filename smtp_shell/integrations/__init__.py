"""Plugins for other programs: pytest and Locust.

Nothing in the package imports them; they import the Python API and the replay. Each module belongs to one program and is loaded by it.
"""

from __future__ import annotations
