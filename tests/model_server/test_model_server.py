"""The scripted server through the real clients: what they read is what `served` says."""

from __future__ import annotations

import anthropic
import openai
import pytest

from tests.model_server import Failure, Hang, ModelRequest, ModelServer, Raw, Reply, ToolRequest, model_server

LONG = "The order desk answers by return of post. " * 200
TOOL_CALL = Reply(text="Looking.", tools=(ToolRequest("look_up", '{"id": 7}'),), reasoning_tokens=64)


def _openai(server: ModelServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.openai_url, api_key="none", max_retries=0, timeout=5)


def _anthropic(server: ModelServer) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.anthropic_url, api_key="none", max_retries=0, timeout=5)


def test_chat_usage_equals_what_was_served() -> None:
    """A whole chat completion reports the served tokens, reasoning inside the output."""
    with model_server([TOOL_CALL]) as server, _openai(server) as client:
        answer = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": LONG}])
        (served,) = server.served
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == served.input_tokens > 1000
    assert answer.usage.completion_tokens == served.output_tokens > 64
    details = answer.usage.completion_tokens_details
    assert details is not None
    assert details.reasoning_tokens == served.reasoning_output_tokens == 64
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("look_up", '{"id": 7}')


def test_a_growing_prompt_is_read_from_cache() -> None:
    """The second call of a conversation caches the first one's prompt in steps of 128, another model's none."""
    with model_server(lambda _: Reply("ok")) as server, _openai(server) as client:
        for model, texts in (("m", [LONG]), ("m", [LONG, "more"]), ("n", [LONG])):
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": text} for text in texts])
        first, second, other = (call.cache_read_input_tokens for call in server.served)
    assert first == other == 0
    assert second >= 1024
    assert second % 128 == 0


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_has_usage_only_on_request(*, wanted: bool) -> None:
    """Streamed chat sends usage with `include_usage` alone, and the text arrives complete either way."""
    with model_server([Reply("streamed text")]) as server, _openai(server) as client:
        stream = client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            stream_options={"include_usage": wanted},
        )
        chunks = list(stream)
        (served,) = server.served
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "streamed text"
    usages = [chunk.usage.completion_tokens for chunk in chunks if chunk.usage]
    assert usages == ([served.output_tokens] if wanted else [])
    assert served.usage_sent is wanted


@pytest.mark.parametrize("stream", [True, False])
def test_responses_whole_and_streamed_say_the_same(*, stream: bool) -> None:
    """The responses API gives text, tool call and usage in both forms."""
    with model_server([TOOL_CALL]) as server, _openai(server) as client:
        answer: openai.types.responses.Response
        if stream:
            with client.responses.stream(model="gpt-5", input=LONG) as events:
                answer = events.get_final_response()
        else:
            answer = client.responses.create(model="gpt-5", input=LONG)
        (served,) = server.served
    assert answer.output_text == "Looking."
    assert [item.type for item in answer.output] == ["message", "function_call"]
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (served.input_tokens, served.output_tokens)


def test_embeddings_need_no_script() -> None:
    """One vector per text, without taking an outcome from the script."""
    with model_server([]) as server, _openai(server) as client:
        answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"], encoding_format="float")
        (served,) = server.served
    assert len(answer.data) == 2
    assert answer.usage.prompt_tokens == served.input_tokens > 0


@pytest.mark.parametrize("stream", [True, False])
def test_anthropic_counts_cache_apart(*, stream: bool) -> None:
    """What `cache_control` marks is written once and then read; input_tokens is only the rest."""
    system: list[anthropic.types.TextBlockParam] = [
        {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
    ]
    with model_server([TOOL_CALL, TOOL_CALL]) as server, _anthropic(server) as client:
        usages = []
        for question in ("one", "two"):
            asked: list[anthropic.types.MessageParam] = [{"role": "user", "content": question}]
            message: anthropic.types.Message
            if stream:
                with client.messages.stream(model="c", max_tokens=100, system=system, messages=asked) as events:
                    message = events.get_final_message()
            else:
                message = client.messages.create(model="c", max_tokens=100, system=system, messages=asked)
            usages.append(message.usage)
        served = server.served
    write, read = usages
    assert (write.cache_read_input_tokens, read.cache_creation_input_tokens) == (0, 0)
    assert write.cache_creation_input_tokens == read.cache_read_input_tokens == served[0].cache_write_input_tokens
    for usage, truth in zip(usages, served, strict=True):
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        assert usage.input_tokens + cached == truth.input_tokens
        assert usage.output_tokens == truth.output_tokens
    assert [block.type for block in message.content] == ["text", "tool_use"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_failures_are_the_clients_own_errors(status: int, error: type[openai.APIStatusError]) -> None:
    """A scripted failure is the exception that the real client raises for it, and costs no tokens."""
    with model_server([Failure(status, "no", retry_after=2)]) as server, _openai(server) as client:
        with pytest.raises(error) as raised:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        (served,) = server.served
    assert raised.value.response.headers["retry-after"] == "2"
    assert (served.status, served.input_tokens, served.output_tokens) == (status, 0, 0)


def test_anthropic_failures_have_anthropics_shape() -> None:
    """An overrun rate limit is anthropic's RateLimitError."""
    with model_server([Failure(429)]) as server, _anthropic(server) as client, pytest.raises(anthropic.RateLimitError):
        client.messages.create(model="c", max_tokens=1, messages=[{"role": "user", "content": "hi"}])


def test_a_hang_lasts_until_the_clients_timeout() -> None:
    """The client gives up by itself, and the server stops all the same."""
    with model_server([Hang()]) as server, _openai(server) as client, pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )


def test_raw_bodies_and_exhausted_scripts_are_told_apart() -> None:
    """A raw body is passed on as it is; one request too many is a server error that says so."""
    with model_server([Raw(b"not json")]) as server, _openai(server) as client:
        messages: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
        raw = client.chat.completions.with_raw_response.create(model="m", messages=messages)
        assert raw.text == "not json"
        with pytest.raises(openai.InternalServerError, match="the script has 1 outcomes and this is request 2"):
            client.chat.completions.create(model="m", messages=messages)


def test_a_rule_answers_by_content() -> None:
    """A script may be a function of the request."""

    def rule(request: ModelRequest) -> Reply:
        return Reply("again") if "again" in request.text else Reply("first")

    with model_server(rule) as server, _openai(server) as client:
        answers = [
            client.responses.create(model="m", input=question).output_text for question in ("once", "once again")
        ]
    assert answers == ["first", "again"]
