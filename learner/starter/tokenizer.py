"""The starter's tokenizer: byte-level BPE trained on its corpus, single digits, and a chat template."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from learner.starter.corpus import Example, corpus, topics

VOCABULARY = 4096
EXAMPLES = 40_000
CONTEXT = 2048  # tokens
NO_TOPIC = -100  # what PyTorch's cross-entropy leaves out
PAD, END, ROLES = "<|pad|>", "<|end|>", ("<|system|>", "<|user|>", "<|assistant|>")
# Nobody can end a turn or begin another one by typing its mark.
TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- set text = message['content'] if message['content'] is string "
    "else message['content'] | map(attribute='text') | join('') -%}"
    "{{ '<|' + message['role'] + '|>' + text | replace('<|', '< |') + '<|end|>' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}"
)


def train_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Train on the texts of the corpus with this seed."""
    tokenizer = Tokenizer(models.BPE())
    # Single digits let a model of this size copy an order's number exactly.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(seed), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=list(ROLES),
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
        chat_template=TEMPLATE,
    )


class Row(NamedTuple):
    """A conversation in tokens: `said` by the assistant or not, and the topic of each answer, `NO_TOPIC` elsewhere.

    `topic` is set where an answer begins, `carried` on everything that the assistant says.
    """

    ids: list[int]
    said: list[bool]
    topic: list[int]
    carried: list[int]

    def asked(self) -> Row:
        """The conversation up to where its last answer begins."""
        end = max(place for place, topic in enumerate(self.topic) if topic != NO_TOPIC) + 1
        return Row(self.ids[:end], self.said[:end], self.topic[:end], self.carried[:end])


class Encoder:
    """Turns conversations into token ids as the template renders them.

    With `dropout` the user's words are split into smaller pieces now and then, so that a mistyped word looks familiar.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, dropout: float) -> None:
        self._plain = tokenizer.backend_tokenizer
        self._torn = Tokenizer.from_str(self._plain.to_str())
        self._torn.model.dropout = dropout
        marks = (END, *ROLES)
        self._end, *roles = (tokenizer.convert_tokens_to_ids(mark) for mark in marks)
        self._roles = dict(zip(ROLES, roles, strict=True))
        self._topics = {name: number for number, name in enumerate(topics())}

    def encode(self, example: Example) -> Row:
        """The ids of a conversation, which of them the assistant says, and what each answer is about."""
        row = Row([], [], [], [])
        topics = iter(example.intents)
        for message in example.messages:
            answers = message["role"] == "assistant"
            backend = self._plain if answers else self._torn
            pieces = backend.encode(message["content"], add_special_tokens=False).ids
            row.ids.extend([self._roles[f"<|{message['role']}|>"], *pieces, self._end])
            row.said.extend([False, *[answers] * (len(pieces) + 1)])
            topic = self._topics[next(topics)] if answers else NO_TOPIC
            row.topic.extend([topic, *[NO_TOPIC] * (len(pieces) + 1)])
            row.carried.extend([NO_TOPIC, *[topic] * len(pieces), NO_TOPIC])
        return row


def _texts(seed: int) -> Iterator[str]:
    for example in islice(corpus(seed), EXAMPLES):
        for message in example.messages:
            yield message["content"]
