"""A model in two: the frozen layers below, gone through once for every row, and the layers above that are trained."""

from __future__ import annotations

import copy
import re
from typing import Any

import torch
from torch import nn

from learner.tokens import Encoded
from learner.training.head import token_logps
from learner.training.packing import Group, Packed, grouped, pack

_LAYER = re.compile(r"\.layers\.(\d+)\.")
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.1}  # nats a token


class _Reached(Exception):
    def __init__(self, states: torch.Tensor) -> None:
        self.states = states


class Halves:
    """The two parts of a causal language model, split before its first trained layer.

    Raises ValueError, with the reason, where the model cannot be split, or the halves give something else than the
    whole.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        body = model.get_decoder()
        layers = getattr(body, "layers", None)
        if not isinstance(layers, nn.ModuleList):
            raise ValueError("its layers have no name that is known")
        trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
        numbers = [int(found.group(1)) for name in trained if (found := _LAYER.search(name))]
        if not numbers or len(numbers) < len(trained):
            raise ValueError("what is trained is not in its layers alone")
        head: Any = model.get_output_embeddings()
        if not isinstance(head, nn.Linear) or getattr(head, "bias", None) is not None or head.weight.requires_grad:
            raise ValueError("its output layer is not a plain frozen matrix")
        self.first: int = min(numbers)
        self.body: Any = body
        self.head: torch.Tensor = head.weight
        self._top: Any = copy.copy(body)
        self._top.__dict__["_modules"] = {**body._modules, "layers": layers[self.first :]}
        self._check(model)

    @torch.no_grad()
    def below(self, packed: Packed) -> torch.Tensor:
        """The states that enter the first trained layer, shape (groups, tokens, width)."""

        def stop(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            raise _Reached(given[0] if given else named["hidden_states"])

        handle = self.body.layers[self.first].register_forward_pre_hook(stop, with_kwargs=True)
        try:
            self.body(input_ids=packed.ids, **_where(packed))
        except _Reached as reached:
            return reached.states
        finally:
            handle.remove()
        raise ValueError("its layers are not gone through in order")

    def above(self, states: torch.Tensor, packed: Packed) -> torch.Tensor:
        """The last hidden states, normed as the output layer takes them, from those of `below`."""
        found: torch.Tensor = self._top(inputs_embeds=states, **_where(packed)).last_hidden_state
        return found

    def logps(self, states: torch.Tensor, packed: Packed) -> torch.Tensor:
        """log p of the completions' tokens one after the other, shape (completion tokens,)."""
        hidden = self.above(states, packed).flatten(0, 1)[packed.sources]
        return token_logps(hidden, self.head, packed.targets)

    @torch.no_grad()
    def _check(self, model: Any) -> None:  # noqa: ANN401
        """Compare with the whole model on made-up rows, among them two completions of one prompt."""
        draw = torch.Generator().manual_seed(0)
        vocabulary = model.config.get_text_config().vocab_size
        made = [torch.randint(vocabulary, (length,), generator=draw).tolist() for length in (7, 4, 6, 5, 3)]
        rows = [Encoded(made[0], made[1]), Encoded(made[0], made[2]), Encoded(made[3], made[4])]
        packed = pack(grouped(rows), self.head.dtype, self.head.device)
        try:
            ours = self.logps(self.below(packed), packed)
        except (TypeError, AttributeError, RuntimeError, KeyError) as error:
            raise ValueError(f"its layers cannot be called by themselves ({error})") from error
        whole = torch.cat([plain_logps(model, [row])[0][0] for row in rows])
        apart = float((ours - whole).abs().max())
        if not apart <= _TOLERANCE.get(self.head.dtype, 0.25):
            raise ValueError(f"its halves give log-probabilities that are up to {apart:.3g} off")


def _where(packed: Packed) -> dict[str, Any]:
    if packed.mask is None:
        return {"use_cache": False}
    return {"attention_mask": packed.mask, "position_ids": packed.positions, "use_cache": False}


def plain_logps(model: Any, rows: list[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ANN401
    """log p of the completions through the whole model, and its mask, both of shape (rows, longest completion).

    Makes no assumption about the model but that it is a causal language model of transformers.
    """
    alone = [Group(tuple(row.prompt), (tuple(row.completion),)) for row in rows]
    packed = pack(alone, torch.float32, model.device)
    lengths = torch.tensor([group.tokens for group in alone], device=model.device)
    attended = (torch.arange(packed.ids.shape[1], device=model.device) < lengths[:, None]).long()
    logits = model(input_ids=packed.ids, attention_mask=attended, use_cache=False).logits
    logits = logits.flatten(0, 1)[packed.sources].float()
    found = logits.gather(1, packed.targets[:, None])[:, 0] - logits.logsumexp(1)
    return spread(found, packed.kept), packed.kept


def spread(values: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Values one after the other as a table of rows, zero beyond each row's end."""
    return torch.zeros(kept.shape, dtype=values.dtype, device=values.device).masked_scatter(kept, values)
