from session_path import *  # noqa: F401,F403
