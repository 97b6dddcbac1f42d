"""The length of long proofs: some of it in the usual run, all of it at night."""

import os

import pytest

NIGHTLY = bool(os.environ.get("GATEWAY_TEST_NIGHTLY"))
"""True in `scripts/check --nightly`, which runs every proof at its full length."""
only_at_night = pytest.mark.skipif(not NIGHTLY, reason="scripts/check --nightly")
"""For tests that prove another test worth something: its bounds are missed by what is naive."""
