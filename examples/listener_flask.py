"""The listener beside a Flask application: ``flask --app listener_flask run``, in production any WSGI server.

An access log would hold the path token: Flask's own server writes one unless told not to, and so may yours.
"""

from __future__ import annotations

import logging
import os

from flask import Flask
from listener_handlers import register
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import wsgi_application


def create_app() -> Flask:
    """Our application, with the listener under ``/mpesa``."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it logs each path
    app = Flask(__name__)

    @app.get("/")
    def home() -> str:
        return "our own pages"

    journal = Journal(os.environ["MPESA_CBP_JOURNAL_URL"])
    listener = Listener(journal=journal, path_token=os.environ["MPESA_CBP_LISTENER_PATH_TOKEN"])
    register(listener)
    listener.start()  # with a server that forks: in each process, after the fork
    app.extensions["mpesa_cbp"] = listener
    # The broker posts to https://us.example/mpesa/<path token>/result.
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/mpesa": wsgi_application(listener)})  # type: ignore[method-assign]
    return app
