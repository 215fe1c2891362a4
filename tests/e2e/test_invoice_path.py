from invoice_path import *  # noqa: F401,F403
