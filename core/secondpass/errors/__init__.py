"""The exceptions of secondpass, and its warnings.

```
SecondPassError
├── InputError (ValueError)             an argument breaks a rule; the message names parameter, rule and value
│   ├── InputTypeError (TypeError)      ... because it is of another type
│   └── NoFingerprintError              ... because nothing says what a scorer's scores depend on
├── CheckpointError (ValueError)        a checkpoint cannot be scored right; the message says what is missing
│   ├── CheckpointNotFoundError (FileNotFoundError)   no such folder, hub id, revision or file
│   └── RemoteCodeError                 it asks to run its own code, and nobody allowed that
├── ScoringError (RuntimeError)         a model gave no usable number, such as NaN
│   └── RemoteError                     ... because the service it runs in was not reached, refused, or failed
├── NotKeptError (AttributeError)       part of another library's class that ours of that name does not have
└── MissingExtraError (ModuleNotFoundError)   an optional dependency is not installed

TruncationWarning (UserWarning)         something a scorer was given did not fit, and was not read
RemoteWarning (UserWarning)             documents kept the given order, for a service gave no scores
```
"""


class SecondPassError(Exception):
    """Base of every error that secondpass raises itself.

    Args:
        *message: What it says, in parts. An integer is the number of one of the items that a call was given, such as
            the 2 of "pair 2": what hands on only some of its own items puts it right, see `item_numbers`.

    Attributes:
        message_parts: The same parts.
    """

    def __init__(self, *message: str | int) -> None:
        super().__init__("".join(map(str, message)))
        self.message_parts = message


class InputError(SecondPassError, ValueError):
    """An argument breaks a rule."""


class InputTypeError(InputError, TypeError):
    """An argument is of a type that cannot be meant."""


class NoFingerprintError(InputError):
    """A scorer has a method `fingerprint`, and no fingerprint: its service does not say, or a scorer within has none.

    Who can do without one catches this alone.
    """


class CheckpointError(SecondPassError, ValueError):
    """A checkpoint cannot be scored the way its authors meant."""


class CheckpointNotFoundError(CheckpointError, FileNotFoundError):
    """No checkpoint, revision or file of that name."""


class RemoteCodeError(CheckpointError):
    """A checkpoint asks to run code of its own."""


class ScoringError(SecondPassError, RuntimeError):
    """A model gave no usable score."""


class RemoteError(ScoringError):
    """A service gave no usable scores.

    Args:
        *message: Which service, and why.
        status: Its HTTP status, if it answered with one that says so; 200 where it answered, but gave a document no
            score that can be used.
    """

    def __init__(self, *message: str | int, status: int | None = None) -> None:
        super().__init__(*message)
        self.status = status


class NotKeptError(SecondPassError, AttributeError):
    """Part of another library's class that ours of the same name does not have; the message says what to use."""


class MissingExtraError(SecondPassError, ModuleNotFoundError):
    """An optional dependency is not installed, or is too old.

    Args:
        feature: What needs it, as the user knows it.
        extra: The extra of this distribution that installs it.
        needs: The dependency in words.
        install: What pip is to install instead of the extra.
    """

    def __init__(
        self, feature: str, extra: str, *, needs: str = "an optional dependency", install: str | None = None
    ) -> None:
        if install is None:  # nothing may be published yet where a checkout is
            command = f'pip install "secondpass[{extra}]", or in a checkout pip install ".[{extra}]"'
        else:
            command = f'pip install "{install}"'
        super().__init__(f"{feature} needs {needs}: {command}")

    def __reduce__(self) -> tuple[object, ...]:
        """Its message and attributes, for process pools: Python would call the constructor with the message."""
        return _missing_extra, (type(self), *self.message_parts), self.__dict__


def _missing_extra(kind: type[MissingExtraError], *message: str | int) -> MissingExtraError:
    error = kind.__new__(kind)
    SecondPassError.__init__(error, *message)
    return error


class TruncationWarning(UserWarning):
    """Something a scorer was given did not fit, and was not read; said once for each scorer.

    A filter that makes it an error has it raised each time.
    """


class RemoteWarning(UserWarning):
    """A service gave no scores, and the documents kept the given order, as its scorer was told."""
