"""What a dataset of labelled steps must be like, as a Great Expectations suite over a table.

Knows columns and rules; not where the rows come from nor what becomes of those that fail. The
context is ephemeral, because the suite is code: a stored copy that lost a custom expectation
would report success with nothing evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jamel.errors import ValidationError
from jamel.stores import telemetry_off
from jamel.types import ActionKind

if TYPE_CHECKING:
    import pandas

SUITES_TO_LEARN_FROM = r"^(?:[a-z0-9-]+-)?(?:train|valid)(?:@|$)|\.ya?ml(?:@|$)"
"""Sessions of any other suite would leak test apps into training; suite files never hold any."""

COLUMNS: dict[str, str] = {
    "shard": "str",
    "session_id": "str",
    "suite": "str",
    "app": "str",
    "build": "str",
    "agent": "str",
    "seed": "int64",
    "budget": "int64",
    "step": "int64",
    "position": "int64",
    "steps": "int64",
    "episode": "int64",
    "kind": "str",
    "element": "int64",
    "possible": "bool",
    "executed": "bool",
    "invalid_reason": "str",
    "reason_agrees": "bool",
    "covered": "int64",
    "previous_covered": "int64",
    "raw_covered": "int64",
    "total_probes": "int64",
    "sized": "bool",
    "passwords": "int64",
    "uncovered": "int64",
    "duration_ms": "float64",
    "gained": "int64",
    "rewarded": "int64",
    "suites_of_build": "int64",
    "suites_of_app": "int64",
    "candidates": "int64",
    "to_label": "int64",
    "reward": "int64",
    "new_probes": "int64",
    "novelty_to_go": "float64",
    "q_count": "int64",
    "novel_count": "int64",
    "q_min": "float64",
    "q_finite": "bool",
}
"""One row a step. `shard` is round/session, `position` counts its rows, `possible` is whether an
action said to be executed can be on that screen, `gained` is the growth of `covered`, `rewarded`
is 1 where it grew, `raw_covered` counts the probes in the stored coverage file, `sized` is false
where the app must have a size and has none, `passwords` counts what can be read in password
fields of real apps (those of the embedded ones are made up), `uncovered` counts its probes that
were not executed (0 for an app of unknown size), `candidates` is how many actions the screen
offers, `to_label` how many of them need a label (none where a real device's state was left out of
the sample), the last seven columns are the labels'."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of one run of the suite.

    `bad` maps a shard to the first rule it broke; `broken` holds rules no row answers for.
    """

    passed: bool
    evaluated: int
    bad: dict[str, str]
    broken: tuple[str, ...]
    docs: Path
    rules: tuple[dict[str, Any], ...] = ()


def check(frame: pandas.DataFrame, docs_dir: Path) -> Verdict:
    """Evaluate every expectation on `frame` and write the data docs to `docs_dir`.

    Raises:
        ValidationError: fewer expectations were evaluated than the suite holds.
    """
    telemetry_off()
    import great_expectations as gx

    rules = _rules()
    context = _context(docs_dir)
    suite = context.suites.add(gx.ExpectationSuite(name="labelled-steps", expectations=rules))
    asset = context.data_sources.add_pandas("dataset").add_dataframe_asset("steps")
    batch = asset.add_batch_definition_whole_dataframe("all")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name="labelled-steps", data=batch, suite=suite)
    )
    checkpoint = context.checkpoints.add(_checkpoint(definition))
    outcome = checkpoint.run(batch_parameters={"dataframe": frame})
    (result,) = outcome.run_results.values()
    return _verdict(result, len(rules), docs_dir / "index.html")


def _context(docs_dir: Path) -> Any:
    """A context in memory whose only trace on disk is the data docs."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs_dir)}
    site = {
        "class_name": "SiteBuilder",
        "store_backend": store,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={"docs": site},
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _checkpoint(definition: Any) -> Any:
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction

    return gx.Checkpoint(
        name="dataset",
        validation_definitions=[definition],
        actions=[UpdateDataDocsAction(name="docs", site_names=["docs"])],
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["shard", "step"],
        },
    )


def _rules() -> list[Any]:
    return [*_schema(), *_ranges(), *_session_rules(), *_split_rules(), *_label_rules()]


def _schema() -> list[Any]:
    from great_expectations import expectations as ge

    filled = ("session_id", "suite", "app", "build", "agent")
    return [
        ge.ExpectTableColumnsToMatchOrderedList(column_list=list(COLUMNS)),
        ge.ExpectTableRowCountToBeBetween(min_value=1),
        *(ge.ExpectColumnValuesToNotBeNull(column=name) for name in COLUMNS),
        *(ge.ExpectColumnValueLengthsToBeBetween(column=name, min_value=1) for name in filled),
    ]


def _ranges() -> list[Any]:
    from great_expectations import expectations as ge

    bounds: tuple[tuple[str, float, float | None], ...] = (
        ("step", 0, None),
        ("episode", 0, None),
        ("budget", 1, None),
        ("total_probes", 0, None),
        ("uncovered", 0, None),
        ("covered", 0, None),
        ("duration_ms", 0, None),
        ("element", -1, None),
        ("candidates", 1, None),
    )
    return [
        ge.ExpectColumnValuesToBeInSet(column="kind", value_set=[str(kind) for kind in ActionKind]),
        *(
            ge.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)
            for name, low, high in bounds
        ),
    ]


def _session_rules() -> list[Any]:
    from great_expectations import expectations as ge

    return [
        ge.ExpectCompoundColumnsToBeUnique(column_list=["shard", "step"]),
        _equal("step", "position"),
        _at_least("covered", "previous_covered"),
        ge.ExpectColumnValuesToBeInSet(column="sized", value_set=[True]),
        ge.ExpectColumnValuesToBeInSet(column="passwords", value_set=[0]),
        _at_least("budget", "steps"),
        _equal("raw_covered", "covered"),
        ge.ExpectColumnValuesToBeInSet(column="reason_agrees", value_set=[True]),
        ge.ExpectColumnValuesToBeInSet(column="possible", value_set=[True]),
    ]


def _split_rules() -> list[Any]:
    from great_expectations import expectations as ge

    return [
        ge.ExpectColumnValuesToMatchRegex(column="suite", regex=SUITES_TO_LEARN_FROM),
        ge.ExpectColumnValuesToBeInSet(column="suites_of_build", value_set=[1]),
        ge.ExpectColumnValuesToBeInSet(column="suites_of_app", value_set=[1]),
    ]


def _label_rules() -> list[Any]:
    from great_expectations import expectations as ge

    return [
        ge.ExpectColumnValuesToBeInSet(column="reward", value_set=[0, 1]),
        _equal("reward", "rewarded"),
        _equal("new_probes", "gained"),
        ge.ExpectColumnValuesToBeBetween(column="novelty_to_go", min_value=0),
        ge.ExpectColumnValuesToBeInSet(column="q_finite", value_set=[True]),
        ge.ExpectColumnValuesToBeBetween(column="q_min", min_value=0),
        _equal("q_count", "to_label"),
        _equal("novel_count", "to_label"),
    ]


def _equal(first: str, second: str) -> Any:
    from great_expectations import expectations as ge

    return ge.ExpectColumnPairValuesToBeEqual(column_A=first, column_B=second)


def _at_least(first: str, second: str) -> Any:
    from great_expectations import expectations as ge

    return ge.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=first, column_B=second, or_equal=True
    )


def _verdict(result: Any, expected: int, docs: Path) -> Verdict:
    evaluated = len(result.results)
    if evaluated != expected:
        raise ValidationError(
            f"expected {expected} expectations to be evaluated, found {evaluated}: a success "
            "would mean nothing. Reinstall great-expectations at the pinned version."
        )
    bad: dict[str, str] = {}
    broken: list[str] = []
    for item in result.results:
        if item.success:
            continue
        rows = item.result.get("unexpected_index_list") or []
        for shard, steps in _steps_by_shard(rows).items():
            bad.setdefault(shard, f"{_describe(item)} at {_few(steps)}")
        if not rows:
            broken.append(f"{_describe(item)}{_failure(item)}")
    rules = tuple(_rule_row(item) for item in result.results)
    return Verdict(bool(result.success), evaluated, bad, tuple(broken), docs, rules)


def _rule_row(item: Any) -> dict[str, Any]:
    """One evaluated expectation as a line of the data docs."""
    return {
        "expectation": _describe(item).removeprefix("expected "),
        "passed": bool(item.success),
        "rows": item.result.get("element_count", ""),
        "unexpected": item.result.get("unexpected_count", ""),
    }


def _steps_by_shard(rows: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(str(row["shard"]), []).append(int(row["step"]))
    return found


def _few(steps: Sequence[int]) -> str:
    """`step 3` or `steps 3, 4, 5 and 12 more`."""
    shown = ", ".join(str(step) for step in steps[:3])
    more = f" and {len(steps) - 3} more" if len(steps) > 3 else ""
    return f"step{'s' if len(steps) > 1 else ''} {shown}{more}"


def _describe(item: Any) -> str:
    """The rule that was broken, such as `column values to be in set (kind)`."""
    config = item.expectation_config
    name = config.type.removeprefix("expect_").replace("_", " ")
    keys = ("column", "column_A", "column_B", "column_list")
    values = [config.kwargs[key] for key in keys if key in config.kwargs]
    columns = [name for value in values for name in ([value] if isinstance(value, str) else value)]
    return f"expected {name} ({', '.join(columns)})" if columns else f"expected {name}"


def _failure(item: Any) -> str:
    """What Great Expectations itself says went wrong, on one line."""
    raised = [
        str(info.get("exception_message", "")).splitlines()[0]
        for info in (item.exception_info or {}).values()
        if isinstance(info, dict) and info.get("exception_message")
    ]
    if raised:
        return f": {raised[0]}"
    value = item.result.get("observed_value")
    return "" if value is None else f": found {value}"
