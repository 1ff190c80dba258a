#!/usr/bin/env python3
"""Chats with a Visavis server by OpenAI's own client, unchanged; ends with an error at the first answer that is not as it should be.

    python3 chat.py http://127.0.0.1:8080/v1
"""

import json
import sys
from typing import Literal

import openai
from pydantic import BaseModel

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Tells the weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]


class City(BaseModel):
    # No free text, so that any model comes to an end.
    name: Literal["Lyon", "Paris"]
    continent: Literal["Africa", "America", "Asia", "Europe", "Oceania"]
    capital: bool


def models(client):
    names = [model.id for model in client.models.list()]
    assert len(names) == 3, names
    assert client.models.retrieve(names[0]).id == names[0]
    try:
        client.models.retrieve("no-such-model")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error
    else:
        raise AssertionError("a model that does not exist was found")


def whole(client):
    answer = client.chat.completions.create(model="any", messages=QUESTION, temperature=0, max_tokens=40)
    choice, usage = answer.choices[0], answer.usage
    assert "Paris" in choice.message.content, choice
    assert choice.finish_reason in ("stop", "length"), choice
    assert usage.prompt_tokens + usage.completion_tokens == usage.total_tokens, usage
    assert 0 < usage.completion_tokens <= 40, usage
    cut = client.chat.completions.create(model="any", messages=QUESTION, temperature=0, max_completion_tokens=2)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 2), cut


def streamed(client):
    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(
            model="any", messages=QUESTION, temperature=0, max_tokens=40, stream=True, stream_options=options
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Paris" in text and len(chunks) > 4, chunks
    assert chunks[0].choices[0].delta.role == "assistant", chunks[0]
    assert not chunks[-1].choices and chunks[-1].usage.total_tokens > 10, chunks[-1]
    with client.chat.completions.stream(model="any", messages=QUESTION, temperature=0, max_tokens=40) as stream:
        kinds = [event.type for event in stream]
        assert "content.delta" in kinds, kinds
        assert stream.get_final_completion().choices[0].message.content


def schema(client):
    question = [{"role": "user", "content": "Tell me of Paris."}]
    answer = client.chat.completions.parse(model="any", messages=question, response_format=City, temperature=0)
    city = answer.choices[0].message.parsed
    assert isinstance(city, City), answer
    answer = client.chat.completions.create(
        model="any", messages=question, response_format={"type": "json_object"}, max_tokens=200
    )
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(answer.choices[0].message.content), dict), answer


def tools(client):
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = client.chat.completions.create(model="any", messages=messages, tools=TOOLS, tool_choice="required")
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls", choice
    call = choice.message.tool_calls[0]
    assert call.function.name == "get_weather", call
    assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome"), call
    messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "It is sunny, 21 degrees."}]
    answer = client.chat.completions.create(
        model="any", messages=messages, tools=TOOLS, tool_choice="none", temperature=0, max_tokens=40
    )
    assert answer.choices[0].message.content is not None and not answer.choices[0].message.tool_calls, answer
    named = {"type": "function", "function": {"name": "get_weather"}}
    stream = client.chat.completions.create(
        model="any", messages=messages[:1], tools=TOOLS, tool_choice=named, stream=True
    )
    arguments = "".join(
        call.function.arguments or "" for chunk in stream for call in chunk.choices[0].delta.tool_calls or []
    )
    assert json.loads(arguments)["city"], arguments


def refused(client):
    for fields, param in [({"n": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"temperature": 9}, "temperature")]:
        try:
            client.chat.completions.create(model="any", messages=QUESTION, **fields)
        except openai.BadRequestError as error:
            assert (error.param, error.type) == (param, "invalid_request_error"), error
        else:
            raise AssertionError(f"{fields} was taken")


def left(client):
    """A stream that is left ends the work: the next request is answered."""
    long = [{"role": "user", "content": "Write a very long story about the sea."}]
    for _ in range(3):
        with client.chat.completions.create(model="any", messages=long, stream=True) as stream:
            next(iter(stream))
    whole(client)


def main():
    client = openai.OpenAI(base_url=sys.argv[1], api_key="none is needed", timeout=120)
    for check in (models, whole, streamed, schema, tools, refused, left):
        check(client)
        print("ok", check.__name__, flush=True)


if __name__ == "__main__":
    main()
