"""The error that is the user's to mend."""


class UsageError(Exception):
    """The command line, scenario, inventory or run folder is wrong; nothing was touched.

    Attributes:
        message: The cause, in lower case, with the values that are wrong.
        hint: The next command to type or the variable to set.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The two lines that people see."""
        return f"error: {self.message}\nHINT: {self.hint}"
