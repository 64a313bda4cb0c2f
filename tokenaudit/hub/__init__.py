"""The only package that sends requests to the Hub. Importing it loads no network library; sending a request does."""

from tokenaudit.hub.client import Hub
from tokenaudit.hub.endpoint import resolve_endpoint
from tokenaudit.hub.result import Failure, Reply, Result

__all__ = ["Failure", "Hub", "Reply", "Result", "resolve_endpoint"]
