"""Log lines say what happened and no secret."""

import subprocess
import sys

SPEAK = """
import logging, structlog
from store import logs
logs.configure("info")
log = structlog.get_logger("worker.test")
log.info("drawn", seconds=1)
log.debug("hidden")
logging.getLogger("noisy").info("hidden too")
try:
    raise OSError("https://discord.com/api/v10/webhooks/12/aW50ZXJhY3Rpb24.x-y_z/messages/@original")
except OSError:
    log.exception("failed", url="/interactions/34/secret/callback")
logging.getLogger("discord.http").warning("we are limited: /webhooks/12/secret?wait=true")
"""


def test_lines_carry_levels_and_stack_traces_but_no_tokens() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True, timeout=60
    )
    assert "drawn" in ran.stderr
    assert "Traceback" in ran.stderr
    assert "we are limited" in ran.stderr
    assert "hidden" not in ran.stderr
    assert "aW50ZXJhY3Rpb24" not in ran.stderr
    assert "secret" not in ran.stderr
    assert ran.stdout == ""
