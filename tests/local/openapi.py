"""Checks what a bot sends against Discord's public OpenAPI description, where that is at hand."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from local.discord.rest import WireRequest

DESCRIPTION = Path(__file__).parents[3] / "shared" / "data" / "discord-openapi.json"
ROOT = "discord:openapi"
INTEGER_OR_TEXT = {"type": ["string", "integer"]}
# Discord takes these, and discord.py sends them, though the description leaves them out.
UNLISTED = {"nsfw": {"type": "boolean"}, "tts": {"type": "boolean"}}


class Spec:
    """Collects what each observed request does wrong."""

    def __init__(self, path: Path = DESCRIPTION) -> None:
        document = _strict(json.loads(path.read_text(encoding="utf-8")))
        registry: Registry[Any] = Registry().with_resource(
            ROOT, Resource.from_contents(document, default_specification=DRAFT202012)
        )
        self._registry = registry
        self._routes = list(_routes(document))
        self._seen: set[str] = set()
        self.checked = 0
        self.violations: list[str] = []

    def check(self, request: WireRequest) -> None:
        """Compare one request with the schema of its route."""
        schema = self._schema(request)
        if schema is None or request.body is None:
            return
        self.checked += 1
        body = json.dumps([request.method, request.body], sort_keys=True, default=str)
        if body in self._seen:  # every bot says its commands again
            return
        self._seen.add(body)
        validator = jsonschema.Draft202012Validator(schema, registry=self._registry)
        error = jsonschema.exceptions.best_match(validator.iter_errors(request.body))
        if error is not None:
            where = f"{request.method} {request.path} {error.json_path}"
            self.violations.append(f"{where}: {error.message[:300]}")

    def _schema(self, request: WireRequest) -> dict[str, Any] | None:
        fitting = [
            (len(pattern.groupindex), pattern.groups, schema)
            for method, pattern, schema in self._routes
            if method == request.method and pattern.fullmatch(request.path)
        ]
        return min(fitting, key=lambda found: found[1])[2] if fitting else None


@cache
def at_hand() -> Spec | None:
    """Return one for all tests of this process, or None where there is no description."""
    return Spec() if DESCRIPTION.exists() else None


def _routes(document: dict[str, Any]) -> Iterator[tuple[str, re.Pattern[str], dict[str, Any]]]:
    for template, methods in document["paths"].items():
        pattern = re.compile(re.sub(r"\{[^}]+\}", r"([^/]+)", template))
        for method, operation in methods.items():
            content = operation.get("requestBody", {}) if isinstance(operation, dict) else {}
            schema = content.get("content", {}).get("application/json", {}).get("schema")
            if schema is not None:
                yield method.upper(), pattern, _absolute(schema)


def _absolute(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: ROOT + value if key == "$ref" else _absolute(value)
            for key, value in schema.items()
        }
    return [_absolute(part) for part in schema] if isinstance(schema, list) else schema


def _strict(document: dict[str, Any]) -> dict[str, Any]:
    """Refuse unknown keys in requests; take what the description is known to be wrong about."""
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        if "Request" in name and "properties" in schema:
            schema["additionalProperties"] = False
            schema["properties"] |= UNLISTED
    schemas["SnowflakeType"] = INTEGER_OR_TEXT
    loosened: dict[str, Any] = json.loads(json.dumps(document).replace('"oneOf"', '"anyOf"'))
    return loosened
