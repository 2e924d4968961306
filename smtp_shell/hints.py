"""Names for annotations, as `typing` has them, without the time that it takes to load: a twentieth of a short replay.

To the type checker they are the standard library's own. While a program runs nothing asks what an annotation says; there they are
one class that takes what stands behind it in brackets, and does nothing with it.
"""


class _Hint:
    """Stands in annotations, for anything; as a base class it adds nothing."""

    __slots__ = ()

    def __class_getitem__(cls, what: object) -> type:
        return cls


TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import IO as IO
    from typing import Any as Any
    from typing import BinaryIO as BinaryIO
    from typing import ClassVar as ClassVar
    from typing import Final as Final
    from typing import Literal as Literal
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import Self as Self
    from typing import TextIO as TextIO
    from typing import TypeAlias as TypeAlias
    from typing import assert_never as assert_never
    from typing import final as final
else:
    IO = Any = BinaryIO = ClassVar = Final = Literal = NoReturn = Protocol = Self = TextIO = TypeAlias = _Hint

    def final(cls: type) -> type:
        """Give a class as it is; it has no subclasses."""
        return cls

    def assert_never(value: object) -> None:
        """Fail: the type checker has shown that nothing gets here."""
        raise AssertionError(f"unexpected {type(value).__name__}")
