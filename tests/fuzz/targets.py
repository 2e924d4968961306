"""All targets: functions that take octets and return when everything holds for them that has to."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.fuzz import of_files, of_importers, of_lint, of_screens, of_the_whole, of_the_wire, of_tls

Target = Callable[[bytes], None]

TARGETS: Mapping[str, Target] = MappingProxyType(
    of_the_wire.TARGETS
    | of_files.TARGETS
    | of_importers.TARGETS
    | of_screens.TARGETS
    | of_lint.TARGETS
    | of_tls.TARGETS
    | of_the_whole.TARGETS
)
