"""The listener inside a Django project, in one file: ``gunicorn listener_django:application``.

In a project of your own: ``mpesa_view`` into a module, its path into ``urls.py``.
"""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from listener_handlers import register

from mpesa_cbp_service import Journal, Listener
from mpesa_cbp_service.listener import wsgi_application

if not settings.configured:
    settings.configure(
        SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only for this example"),
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
    )
    django.setup()

journal = Journal(os.environ["MPESA_CBP_JOURNAL_URL"])
listener = Listener(journal=journal, path_token=os.environ["MPESA_CBP_LISTENER_PATH_TOKEN"])
register(listener)
listening = wsgi_application(listener)
listener.start()  # with a server that forks after loading: in its post_fork hook


def mpesa_view(request: HttpRequest, rest: str) -> HttpResponse:
    """Hand a request to the listener; the path from the token on is its own."""
    answer = HttpResponse()

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
        answer.status_code = int(status[:3])
        for name, value in headers:
            answer[name] = value

    environ = {**request.META, "PATH_INFO": f"/{rest}", "wsgi.input": request}
    answer.content = b"".join(listening(environ, start_response))  # type: ignore[arg-type]
    return answer


# The broker posts to https://us.example/mpesa/<path token>/result. It has no cookie of ours, hence no CSRF check; the
# listener's own rules say who may come in.
urlpatterns = [path("mpesa/<path:rest>", csrf_exempt(mpesa_view))]
application = get_wsgi_application()
