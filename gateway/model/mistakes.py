"""A mistake in a declaration -> an error that names the module, the class and the member."""

from types import FunctionType


class DeclarationError(TypeError):
    """
    A mistake in a declaration, raised at start; the message names module, class and member.

    Example:

        try:
            extend(Money)(Account)
        except DeclarationError as error:
            assert "is not a table" in str(error)
    """


def named(cls: type | FunctionType, member: str = "") -> str:
    """The name by which mistakes call a class, its member, or a function: `acme.Machine.serial`."""
    return ".".join(filter(None, [cls.__module__, cls.__qualname__, member]))
