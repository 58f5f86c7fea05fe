"What all tests share: two small molecules, and the marks that `make quick` leaves out."

import pytest
from molecules import METHANOL, WATER, rattled

MARKS = {"browser": "tests/browser/", "reference": "tests/reference/"}  # a mark for each test in these folders


def pytest_collection_modifyitems(items):
    for item in items:
        for mark, folder in MARKS.items():
            if folder in item.path.as_posix():
                item.add_marker(getattr(pytest.mark, mark))


@pytest.fixture(scope="session")
def water():
    "24 frames of water."
    return rattled([8, 1, 1], WATER, 24, 0)


@pytest.fixture(scope="session")
def methanol():
    "20 frames of methanol."
    return rattled([6, 8, 1, 1, 1, 1], METHANOL, 20, 1)
