"""A patch without evidence is not a patch."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from clawtrace_otel.cli.app import main
from costcraft.patch import SkillPatch
from tests.costcraft.support import prune, repair


class OnlySessionOne:
    """Knows one session with one step."""

    def resolves(self, session_id: str, step_id: str | None) -> bool:
        """Return whether it is that one."""
        return session_id == "s1" and step_id in (None, "step-2")


def test_a_prune_needs_a_counterfactual() -> None:
    """A prune without a counterfactual against a named step is refused."""
    with pytest.raises(ValidationError, match="a prune needs a counterfactual"):
        SkillPatch.model_validate(prune().model_dump(exclude={"patch_id", "counterfactuals"}))


def test_a_repair_needs_oracle_evidence() -> None:
    """A repair without a failed check is refused."""
    with pytest.raises(ValidationError, match="a repair needs oracle evidence"):
        SkillPatch.model_validate(repair().model_dump(exclude={"patch_id", "oracle"}))


def test_evidence_must_resolve_in_the_store() -> None:
    """A session or a step that the store does not have is named in the refusal."""
    data = prune(sessions=("s1", "s9")).model_dump(exclude={"patch_id"})
    with pytest.raises(ValidationError, match="there is no step step-2 of session s9"):
        SkillPatch.model_validate(data, context={"resolver": OnlySessionOne()})


def test_evidence_that_resolves_is_accepted() -> None:
    """The same patch with existing evidence is a patch."""
    data = prune(sessions=("s1",)).model_dump(exclude={"patch_id"})
    assert SkillPatch.model_validate(data, context={"resolver": OnlySessionOne()}).support == 1


@pytest.mark.parametrize(
    "rule", ["Two\nlines are no rule.", "Hidden <!-- rule:x --> comment here.", " Spaces outside."]
)
def test_a_rule_cannot_smuggle_markup(rule: str) -> None:
    """A rule is one line of prose: nothing in it can end the bullet or pose as another rule."""
    with pytest.raises(ValidationError, match="one line of prose"):
        prune(rule)


def test_a_patch_is_read_back_as_it_was_written() -> None:
    """The document that holds a patch gives the same patch, with the same id."""
    for patch in (prune(), repair()):
        assert SkillPatch.model_validate_json(patch.model_dump_json()) == patch


def test_the_printed_schema_is_that_of_patches(capsys: pytest.CaptureFixture[str]) -> None:
    """`clawtrace schema patch` describes every field that a written patch has."""
    assert main(["schema", "patch"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(json.loads(prune().model_dump_json())) == set(schema["properties"])


def test_the_id_names_what_is_said() -> None:
    """The id depends on the words, not on spacing, case, evidence or analyst."""
    assert (
        prune("Read it ONCE and  reuse it.", sessions=("a",)).patch_id == prune("read it once and reuse it.").patch_id
    )
