"""Pages for the browser, served from this machine; they need the extra ``handpose-core[web]``."""
