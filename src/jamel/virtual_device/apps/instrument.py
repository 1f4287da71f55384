"""Branch instrumentation: a probe per handler entry and branch arm, as JaCoCo does to a class.

Rewrites the functions named `on_*` and `do_*` of a feature module; each takes the feature's context
`c` first. An arm that is not written (an `if` without `else`, a `match` without a catch-all) gets a
probe too. Knows nothing of screens, apps or coverage files.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

INSTRUMENTED_PREFIXES = ("on_", "do_")


class Instrumented(NamedTuple):
    """A feature module after instrumentation; `probes[i]` says where probe i sits."""

    handlers: dict[str, Callable[..., None]]
    probes: tuple[str, ...]
    digest: bytes


class _Prober(ast.NodeTransformer):
    def __init__(self) -> None:
        self.probes: list[str] = []
        self.function = ""

    def probe(self, what: str, line: int) -> list[ast.stmt]:
        self.probes.append(f"{self.function}:{line}:{what}")
        return ast.parse(f"_p[_b + {len(self.probes) - 1}] = 1").body

    def arm(self, body: list[ast.stmt], what: str, line: int) -> list[ast.stmt]:
        return self.probe(what, line) + [self.visit(statement) for statement in body]

    def instrument(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.function = node.name
        entry = ast.parse("_p = c.p\n_b = c.b").body
        node.body = entry + self.arm(node.body, "entry", node.lineno)
        return node

    def visit_If(self, node: ast.If) -> ast.If:
        node.body = self.arm(node.body, "then", node.lineno)
        node.orelse = self.arm(node.orelse, "else", node.lineno)
        return node

    def visit_For(self, node: ast.For) -> ast.For:
        node.body = self.arm(node.body, "loop", node.lineno)
        return node

    def visit_While(self, node: ast.While) -> ast.While:
        node.body = self.arm(node.body, "loop", node.lineno)
        return node

    def visit_Match(self, node: ast.Match) -> ast.Match:
        for case in node.cases:
            case.body = self.arm(case.body, "case", case.pattern.lineno)
        if not any(_catches_all(case) for case in node.cases):
            body = self.probe("no case", node.lineno)
            node.cases.append(ast.match_case(pattern=ast.MatchAs(), guard=None, body=body))
        return node

    def visit_Try(self, node: ast.Try) -> ast.Try:
        node.body = [self.visit(statement) for statement in node.body]
        for handler in node.handlers:
            handler.body = self.arm(handler.body, "except", handler.lineno)
        return node


def _catches_all(case: ast.match_case) -> bool:
    pattern = case.pattern
    return case.guard is None and isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def instrument_source(source: str, namespace: dict[str, Any]) -> Instrumented:
    """Instrument a module's source; the handlers run with a copy of `namespace` as globals."""
    tree = ast.parse(source)
    prober = _Prober()
    functions: list[ast.stmt] = [
        prober.instrument(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith(INSTRUMENTED_PREFIXES)
    ]
    future = ast.parse("from __future__ import annotations").body
    module = ast.fix_missing_locations(ast.Module(body=future + functions, type_ignores=[]))
    scope = dict(namespace)
    exec(compile(module, "<instrumented>", "exec"), scope)
    handlers = {node.name: scope[node.name] for node in functions}  # type: ignore[attr-defined]
    digest = hashlib.blake2b(ast.unparse(module).encode(), digest_size=16).digest()
    return Instrumented(handlers, tuple(prober.probes), digest)


@cache
def instrument(module: ModuleType) -> Instrumented:
    """Instrument a feature module once; later calls return the same handlers."""
    return instrument_source(inspect.getsource(module), vars(module))
