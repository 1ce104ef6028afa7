"""The one exception for everything a user can put right."""


class HandposeError(Exception):
    """Something a user gave does not fit: says where, what was found, what was expected and the next step.

    Args:
        where: the file and field, or the option, that is wrong.
        found: what stands there.
        expected: what should stand there.
        fix: what to do next.
    """

    def __init__(self, where: str, found: str = "", expected: str = "", fix: str = "") -> None:
        self.where, self.found, self.expected, self.fix = where, found, expected, fix
        # From a loader worker torch raises the class again with nothing but the worker's printed traceback.
        from_worker = where.rpartition(f"{type(self).__name__}: ")[2].strip()
        super().__init__(f"{where}: found {found}; expected {expected}. {fix}" if found else from_worker)

    def __reduce__(self) -> tuple[type["HandposeError"], tuple[str, str, str, str]]:
        """Loader workers pickle exceptions; the default would replay the joined message as `where`."""
        return type(self), (self.where, self.found, self.expected, self.fix)
