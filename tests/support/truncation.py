"""For tests whose texts are too long on purpose."""

import pytest

# To be assigned to `pytestmark`, or put on a test.
TRUNCATES = pytest.mark.filterwarnings("ignore::secondpass.errors.TruncationWarning")
