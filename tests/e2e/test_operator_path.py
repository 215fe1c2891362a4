from operator_path import *  # noqa: F401,F403
