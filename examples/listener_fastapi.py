"""The listener inside a FastAPI (or any Starlette) application: ``uvicorn --no-access-log listener_fastapi:app``.

An access log would hold the path token.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from listener_handlers import register

from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import asgi_application

journal = Journal(os.environ["MPESA_CBP_JOURNAL_URL"])
listener = Listener(journal=journal, path_token=os.environ["MPESA_CBP_LISTENER_PATH_TOKEN"])
register(listener)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Run the handlers while the application lives."""
    listener.start()
    yield
    listener.stop()
    journal.close()


app = FastAPI(lifespan=lifespan)


@app.get("/")
def home() -> str:
    """A page of our own."""
    return "our own pages"


# The broker posts to https://us.example/mpesa/<path token>/result.
app.mount("/mpesa", asgi_application(listener))
