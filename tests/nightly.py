"""The length of long proofs: some of it in the usual run, all of it at night."""

import os

NIGHTLY = bool(os.environ.get("GATEWAY_TEST_NIGHTLY"))
"""True in `scripts/check --nightly`, which runs every proof at its full length."""
