"""Parameters, settings and run sets: what is wrong is one line that names what is known."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.errors import UsageError
from analysis.core.parameters import KINDS, Parameters, check_parameters, load_mapping
from analysis.core.settings import POINTS, Settings


def test_every_parameter_has_a_kind_and_an_explanation() -> None:
    for field in dataclasses.fields(Parameters):
        assert field.metadata["kind"] in ("text", "names", "date", "mapping")
        assert len(field.metadata["help"]) > 15
    assert list(KINDS) == [field.name for field in dataclasses.fields(Parameters)]


@pytest.mark.parametrize("name", [name[:-1] for name in KINDS] + ["RUN_IDS", "x"])
def test_an_unknown_parameter_names_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError) as error:
        check_parameters({"run_ids": ["a"], name: "x"})
    message = str(error.value)
    assert message.startswith(f"parameter '{name}' is unknown")
    assert message.endswith("known parameters: " + ", ".join(KINDS))
    assert "\n" not in message
    if name not in ("x", "RUN_IDS"):
        assert f"did you mean '{name}" in message


WRONG = {"text": [3, ["a"], {"a": 1}, True], "names": [3, {"a": 1}, [1.5], [True], "[a"], "date": ["yesterday", 3]}
WRONG["mapping"] = [3, ["a"], "no_such_file.yaml"]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, kind in KINDS.items() for value in WRONG[kind]])
def test_a_mistyped_parameter_is_one_line(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as error:
        check_parameters({"run_ids": ["a"], name: value})
    assert "\n" not in str(error.value)
    assert name in str(error.value) or "no_such_file" in str(error.value)


@pytest.mark.parametrize("empty", [None, "", [], "[]", " "])
def test_a_report_needs_a_run(empty: Any) -> None:
    with pytest.raises(UsageError, match="'run_ids' is empty; give at least one run ID"):
        check_parameters({"run_ids": empty})


@pytest.mark.parametrize(
    "value", [["run_2", "run_3"], ("run_2", "run_3"), "[run_2, run_3]", "run_2, run_3", "run_2 run_3", "[run_2,run_3]"]
)
def test_a_list_may_come_as_text(value: Any) -> None:
    assert check_parameters({"run_ids": value}).run_ids == ("run_2", "run_3")


def test_whole_numbers_are_ids_too() -> None:
    assert check_parameters({"run_ids": "[7, 8]"}).run_ids == ("7", "8")


def test_nothing_given_is_not_given() -> None:
    assert check_parameters({"run_ids": ["a"], **dict.fromkeys(list(KINDS)[1:], "")}) == Parameters(run_ids=("a",))


def test_dates_are_days() -> None:
    request = check_parameters({"run_ids": "a", "date": datetime.date(2025, 9, 11)})
    assert (request.date, request.day) == ("2025-09-11", datetime.date(2025, 9, 11))
    assert check_parameters({"run_ids": "a"}).day == datetime.date.today()


@pytest.mark.parametrize("name", ["../x", "a/b", ".x", "-x", "", "a b", "x" * 101])
def test_a_report_id_is_a_folder_name(name: str) -> None:
    if name == "":
        assert check_parameters({"run_ids": "a", "report_id": name}).report_id is None
        return
    with pytest.raises(UsageError, match="'report_id' must be a folder name"):
        check_parameters({"run_ids": "a", "report_id": name})


def test_mappings_come_as_values_text_or_files(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("alpha: 0.01\n", encoding="utf-8")
    for value in ({"alpha": 0.01}, "{alpha: 0.01}", str(path)):
        assert check_parameters({"run_ids": "a", "settings": value}).settings == {"alpha": 0.01}


@given(
    st.fixed_dictionaries(
        {"run_ids": st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), min_size=1)},
        optional={
            "candidate": st.text(min_size=1).filter(str.strip),
            "title": st.text(min_size=1).filter(str.strip),
            "date": st.dates().map(str),
            "settings": st.just({"alpha": 0.1}),
            "mute": st.just(["gate"]),
        },
    )
)
def test_what_was_asked_for_survives_being_handed_on(values: dict[str, Any]) -> None:
    request = check_parameters(values)
    assert check_parameters(request.to_mapping()) == request


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such run set"),
        ("a: [1", r"x\.yaml:\d+: not valid YAML"),
        ("- a\n", "must be a mapping"),
        ("", "must be a mapping"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_run_set_that_cannot_be_read_is_one_line(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=message) as error:
        load_mapping(path, "run set")
    assert "\n" not in str(error.value)
    assert "x.yaml" in str(error.value)


# Settings.


def test_settings_survive_being_written_and_read() -> None:
    assert Settings.from_mapping(yaml.safe_load(yaml.safe_dump(Settings().to_mapping()))) == Settings()
    assert Settings.from_mapping(None) == Settings()


def test_a_ladder_may_be_written_in_any_order() -> None:
    changed = Settings.from_mapping({"stability_ladder": {"B": 2, "A+": 1, "A": 1.5}})
    assert changed.stability_ladder == (("A+", 1.0), ("A", 1.5), ("B", 2.0))


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_can_be_overridden(name: str) -> None:
    default = getattr(Settings(), name)
    value: Any = {"A": 1.5} if isinstance(default, tuple) else "f1" if isinstance(default, str) else default + 1
    value = not default if isinstance(default, bool) else value
    changed = getattr(Settings.from_mapping({name: value}), name)
    assert changed == ((("A", 1.5),) if isinstance(default, tuple) else value)
    assert changed != default


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alfa": 1}, "unknown key 'alfa'; known keys: .*alpha"),
        ({"alpha": "a"}, "'alpha' must be a number"),
        ({"alpha": float("nan")}, "'alpha' must be a number"),
        ({"alpha": True}, "'alpha' must be a number"),
        ({"patience_steps": 2.5}, "'patience_steps' must be a whole number"),
        ({"stability_ladder": 3}, "must be a mapping of grades"),
        ({"stability_ladder": {"A++": 1}}, r"no grade 'A\+\+'; grades: A\+"),
        ({"stability_ladder": {"A": "x"}}, "must be a mapping of grades"),
        ({"stability_ladder": {"A": 2, "B": 1}}, "bounds of 'stability_ladder' must rise from A to B"),
        ({"performance_ladder": {"A": 0.1, "B": 0.2}}, "bounds of 'performance_ladder' must fall from A to B"),
    ],
)
def test_a_wrong_setting_is_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        Settings.from_mapping(settings)
    assert "\n" not in str(error.value)


def test_ladders_go_one_way() -> None:
    settings = Settings()
    assert [bound for _, bound in settings.stability_ladder] == sorted(b for _, b in settings.stability_ladder)
    falling = [bound for _, bound in settings.performance_ladder]
    assert falling == sorted(falling, reverse=True)
    assert list(POINTS.values()) == sorted(POINTS.values(), reverse=True)
    for ladder in (settings.stability_ladder, settings.performance_ladder):
        assert [grade for grade, _ in ladder] == list(POINTS)[:-1]
