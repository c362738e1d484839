"""How a command reaches the loop: through the running server, or, with none running, through the store itself."""

from chatbot.control.control import Control
from chatbot.control.reach import connect, running_server

__all__ = ["Control", "connect", "running_server"]
