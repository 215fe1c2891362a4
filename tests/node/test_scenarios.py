from scenarios import *  # noqa: F401,F403
