"""Random plans: long and short, with and without sub-agents, parallel calls, pauses, compaction, hidden reasoning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from random import Random

from tests.simulator import texts
from tests.simulator.agent import Run, run
from tests.simulator.plan import Compaction, Plan, PlannedCall, Turn
from tests.simulator.provider import AutomaticCache, ExplicitCache, NoCache, Provider
from tests.simulator.tokens import Kind, Tokenizer
from tests.simulator.world import World


@dataclass(frozen=True, slots=True)
class Scenario:
    """A plan, and the model and provider that it meets."""

    plan: Plan
    tokenizer: Tokenizer
    fresh_provider: Callable[[], Provider]
    """Makes a provider that has seen nothing."""

    @property
    def provider(self) -> str:
        """The name that the provider goes by."""
        return self.fresh_provider().name

    def run(self, without: frozenset[str] = frozenset()) -> Run:
        """Run the plan from an empty cache, without some of its tool calls."""
        return run(self.plan, self.fresh_provider(), self.tokenizer, without)


USUAL: Mapping[str, Callable[[], Provider]] = {
    "openai": AutomaticCache,
    "anthropic": ExplicitCache,
    "mistral_ai": NoCache,
}


def unusual_provider(random: Random) -> Callable[[], Provider]:
    """Draw a provider with other thresholds, lifetimes and marks than the usual ones."""
    warm = random.random() < 0.3
    lifetime = random.choice([300, 600, 3_600])
    if random.random() < 0.5:
        step, minimum = random.choice([(1, 0), (64, 64), (128, 1024), (256, 512), (1, 2048)])
        return partial(AutomaticCache, step=step, minimum=minimum, lifetime=lifetime, warm=warm)
    ends = random.choice([(0,), (1, 0), (1, -2, 0), (1,)])
    minimum = random.choice([512, 1024, 2048, 4096])
    one_hour = lifetime > 600
    return partial(
        ExplicitCache,
        minimum=minimum,
        lifetime=lifetime,
        tail=random.randint(0, 9),
        ends=ends,
        one_hour=one_hour,
        warm=warm,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a plan looks."""

    undertakings: int
    parallel: float
    sub_agents: float
    lead_ins: float
    reasoning: int
    pauses: float
    misses: float
    follow_ups: float
    system_bytes: int
    result_bytes: int
    uses: float = 0.7
    """The share of results that the next text says something of."""
    compact_above: int | None = None
    compaction: Compaction = Compaction.SUMMARY
    resend_reasoning: bool = False
    depth: int = 1
    """How deep sub-agents may start sub-agents."""
    several: float = 0.0
    """The share of delegations that start two or three sub-agents at once."""
    small_helpers: bool = False
    """Sub-agents use a smaller model."""


def draw_shape(random: Random) -> Shape:
    """Draw a shape."""
    return Shape(
        undertakings=random.randint(4, 22),
        parallel=random.choice([0.0, 0.2, 0.5]),
        sub_agents=random.choice([0.0, 0.0, 0.1]),
        lead_ins=random.choice([0.0, 0.3, 0.8]),
        reasoning=random.choice([0, 0, 64, 512]),
        pauses=random.choice([0.0, 0.0, 0.05]),
        misses=random.choice([0.0, 0.0, 0.05]),
        follow_ups=random.choice([0.0, 0.05, 0.1]),
        system_bytes=random.randint(800, 24_000),
        result_bytes=random.choice([150, 800, 3_000]),
        compact_above=random.choice([None, None, None, 16_000]),
        resend_reasoning=random.random() < 0.15,
    )


def draw(seed: int, shape: Shape | None = None, provider: str | None = None) -> Scenario:
    """Draw a scenario; the same seed gives the same one."""
    random = Random(seed)
    drawn = draw_shape(random)
    name = random.choice(["openai", "openai", "anthropic", "anthropic", "mistral_ai"])
    tokenizer = Tokenizer.draw(random)
    return Scenario(_plan(random, shape or drawn, "main", depth=0), tokenizer, USUAL[provider or name])


def draw_unusual(seed: int) -> Scenario:
    """Draw a scenario unlike the usual ones: its provider's cache, its sub-agents and how it makes room."""
    random = Random(seed)
    shape = replace(
        draw_shape(random),
        compact_above=random.choice([None, None, 6_000, 12_000]),
        compaction=random.choice(list(Compaction)),
        sub_agents=random.choice([0.0, 0.1, 0.25]),
        depth=random.choice([1, 2]),
        several=random.choice([0.0, 0.6]),
        small_helpers=random.random() < 0.5,
    )
    tokenizer = Tokenizer.draw(random)
    provider = unusual_provider(random)
    return Scenario(_plan(random, shape, "main", depth=0), tokenizer, provider)


def _plan(random: Random, shape: Shape, key: str, depth: int) -> Plan:
    world = World(random, prefix=key, typical=shape.result_bytes)
    turns: list[Turn] = []
    for _ in range(shape.undertakings):
        for calls in _bundles(random, shape, _undertake(random, shape, world, key, depth)):
            turns.append(_tool_turn(random, shape, f"{key}c{len(turns)}", calls))
        if random.random() < shape.follow_ups:
            answer = _text_turn(random, shape, f"{key}c{len(turns)}")
            turns.append(replace(answer, user=texts.sentence(random, 12), pause=random.uniform(1, 120)))
    turns.append(_text_turn(random, shape, f"{key}c{len(turns)}"))
    turns, used = _use(random, shape, turns)
    return Plan(
        key=key,
        agent="analyst" if depth == 0 else "helper",
        system=texts.prose(random, shape.system_bytes if depth == 0 else 600),
        task=texts.prose(random, 200),
        turns=tuple(turns),
        used=used,
        compact_above=shape.compact_above,
        compaction=shape.compaction,
        small_model=shape.small_helpers and depth > 0,
        summary=texts.prose(random, 900),
        resend_reasoning=shape.resend_reasoning,
    )


def _undertake(random: Random, shape: Shape, world: World, key: str, depth: int) -> list[PlannedCall]:
    if depth < shape.depth and random.random() < shape.sub_agents:
        several = random.randint(2, 3) if shape.several and random.random() < shape.several else 1
        return [_delegation(random, shape, world, f"{key}s{world.count}-", depth + 1) for _ in range(several)]
    if random.random() < shape.parallel / 2:
        return world.read_several()
    choices: list[tuple[Callable[[], list[PlannedCall]], int]] = [
        (world.read_new, 6),
        (world.read_again, 3),
        (world.write, 2),
        (world.write_and_check, 1),
        (world.pages, 1),
        (world.days, 1),
        (world.search, 2),
        (world.search_reworded, 1),
        (world.flaky, 1),
        (world.broken, 1),
        (world.poll, 1),
    ]
    chosen = random.choices([make for make, _ in choices], [weight for _, weight in choices])[0]
    return chosen()


def _delegation(random: Random, shape: Shape, world: World, key: str, depth: int) -> PlannedCall:
    inner = _plan(random, replace(shape, undertakings=random.randint(1, 3), follow_ups=0.0), key, depth)
    task = inner.task.replace('"', "'")
    world.count += 1
    return PlannedCall(
        key=f"{key}tool",
        tool="delegate",
        arguments=f'{{"task":"{task}"}}',
        result="",
        kind=Kind.PROSE,
        sub_agent=inner,
    )


def _bundles(random: Random, shape: Shape, calls: list[PlannedCall]) -> list[tuple[PlannedCall, ...]]:
    if all(call.sub_agent for call in calls):
        return [tuple(calls)]
    independent = len({call.tool for call in calls}) == 1 and not any(call.error for call in calls)
    changing = any(call.waste in ("poll_loop", "rephrased_query") for call in calls)
    if len(calls) > 1 and independent and not changing and random.random() < max(0.0, shape.parallel * 2):
        return [tuple(calls)]
    return [(call,) for call in calls]


def _tool_turn(random: Random, shape: Shape, key: str, calls: tuple[PlannedCall, ...]) -> Turn:
    return Turn(
        key=key,
        calls=calls,
        text=texts.sentence(random, random.randint(5, 14)) if random.random() < shape.lead_ins else "",
        reasoning=_reasoning(random, shape),
        pause=random.uniform(700, 2_000) if random.random() < shape.pauses else random.uniform(0, 5),
        missed=random.random() < shape.misses,
        seconds=random.uniform(0.5, 6),
    )


def _text_turn(random: Random, shape: Shape, key: str) -> Turn:
    return Turn(key=key, text=texts.sentence(random, 20), reasoning=_reasoning(random, shape))


def _use(random: Random, shape: Shape, turns: list[Turn]) -> tuple[list[Turn], frozenset[str]]:
    """Let texts say something of the results before them."""
    used: set[str] = set()
    told = [turns[0]]
    for before, turn in pairwise(turns):
        spoken = turn.text
        for call in before.calls:
            if random.random() < shape.uses and (turn.text or not turn.calls or shape.lead_ins):
                result = call.sub_agent.turns[-1].text if call.sub_agent is not None else call.result
                spoken = f"{spoken} {texts.mention(random, result)}".strip()
                used.add(call.key)
        told.append(replace(turn, text=spoken))
    return told, frozenset(used)


def _reasoning(random: Random, shape: Shape) -> int:
    return round(shape.reasoning * random.lognormvariate(0, 0.7)) if shape.reasoning else 0
