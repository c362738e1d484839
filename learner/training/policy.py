"""The model that is trained: the base with a LoRA adapter, which can be taken off for the reference."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from learner.adapter import CONFIG, check_adapter
from learner.errors import TrainingFailed
from learner.hardware import trains_in_bfloat16
from learner.recipe_settings import LoraSettings
from learner.settings import LapSettings
from learner.tokens import Encoded
from learner.training.attest import attest
from learner.training.halves import Halves, plain_logps, spread
from learner.training.packing import Group, Packed, grouped, pack

KEPT_BYTES = 1 << 30  # of states of the frozen layers; rows beyond are gone through again every time
AT_ONCE = 4096  # tokens that go through the frozen layers side by side, padding included


class Logps(NamedTuple):
    """log p of completions token by token, in nats, zero beyond their ends, and where they have one.

    Both have the shape (rows, longest completion).
    """

    values: torch.Tensor
    mask: torch.Tensor

    def sums(self) -> torch.Tensor:
        """log p of whole completions, shape (rows,)."""
        return self.values.sum(1)

    def lengths(self) -> torch.Tensor:
        """Tokens of the completions, shape (rows,)."""
        return self.mask.sum(1)


class Policy:
    """A base model with an adapter that is trained. `halves` is None where only the whole model can be used.

    `products` is the type that matrices are multiplied in, if it is not that of the weights.
    """

    def __init__(self, model: Any, tokenizer: Any, products: torch.dtype | None = None) -> None:  # noqa: ANN401
        self.model, self.tokenizer, self.products = model, tokenizer, products
        self.device: torch.device = model.device
        self.halves, self.whole_because = _halves(model)
        self._states: dict[Group, torch.Tensor] = {}
        self._reference: dict[Group, torch.Tensor] = {}
        self._room = KEPT_BYTES

    @classmethod
    def load(cls, model: str, settings: LapSettings, *, adapter: Path | None = None) -> Self:
        """The base `model`, a folder or a Hub id, with a fresh adapter on its last layers, or with `adapter`.

        Raises BadAdapter for one that the engine would refuse, TrainingFailed where nothing could be trained.
        """
        disable_progress_bar()  # whoever trains shows one of their own
        torch.manual_seed(settings.seed)
        base = AutoModelForCausalLM.from_pretrained(model, dtype=_dtype()).to(_device())
        if adapter is None:
            tuned = get_peft_model(base, lora_config(base, settings))
        else:
            check_adapter(adapter, settings.lora_rank)
            tuned = PeftModel.from_pretrained(base, str(adapter), is_trainable=True)
        if not any(weight.requires_grad for weight in tuned.parameters()):
            raise TrainingFailed("No weight of the adapter can be trained; check the LoRA settings against the model.")
        products = torch.bfloat16 if not torch.cuda.is_available() and trains_in_bfloat16() else None
        # In training mode dropout would make the frozen layers, and the reference, another thing in every pass.
        return cls(tuned.eval(), AutoTokenizer.from_pretrained(model), products)

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """What is trained, by name."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def logps(self, rows: Sequence[Encoded], *, reference: bool = False, share: int | None = None) -> Logps:
        """log p of the completions of `rows`, by the base alone as the `reference`, which has no gradient.

        Neighbours with the same prompt go through the model as one, so that sorting by prompt saves work; or every
        `share` of them, which must have the same.
        """
        with self._as(reference):
            if self.halves is None:
                return Logps(*plain_logps(self.model, list(rows)))
            groups = grouped(rows, share)
            packed = pack(groups, self._score_dtype(), self.device)
            if reference and all(group in self._reference for group in groups):
                found = torch.cat([self._reference[group] for group in groups])
            else:
                found = self.halves.logps(self._below(groups, packed), packed)
            return Logps(spread(found, packed.kept), packed.kept)

    def hidden(self, rows: Sequence[Encoded], *, reference: bool = False) -> torch.Tensor:
        """The last hidden state at the last token of each row, shape (rows, width): what a reward head scores."""
        with self._as(reference):
            alone = [Group(tuple(row.prompt), (tuple(row.completion),)) for row in rows]
            packed = pack(alone, self._score_dtype(), self.device)
            if self.halves is None:
                states = self.model.get_base_model().get_decoder()(input_ids=packed.ids, use_cache=False)
                last = states.last_hidden_state
            else:
                last = self.halves.above(self._below(alone, packed), packed)
            ends = torch.tensor([group.tokens - 1 for group in alone], device=self.device)
            found: torch.Tensor = last[torch.arange(len(alone), device=self.device), ends]
            return found

    def prepare(
        self,
        rows: Sequence[Encoded],
        *,
        share: int,
        reference: bool,
        report: Callable[[int, int], None] | None = None,
    ) -> None:
        """Go through the frozen layers once for all of `rows`, and keep what comes of it as far as memory allows.

        Later they must be asked for with the same `share`. With `reference` its log-probabilities are made in the same
        pass, and kept for all.
        """
        if self.halves is None:
            return
        groups = sorted(set(grouped(rows, share)), key=lambda group: (-group.tokens, group))
        done = 0
        while done < len(groups):
            part = groups[done : done + max(1, AT_ONCE // groups[done].tokens)]
            self._keep(part, reference=reference)
            done += len(part)
            if report is not None:
                report(done, len(groups))

    def forget(self) -> None:
        """Drop what `prepare` kept, as when other rows follow."""
        self._states.clear()
        self._reference.clear()
        self._room = KEPT_BYTES

    def change(self) -> float:
        """The norm of all B matrices, which start at zero. Raises TrainingFailed where it still is, or not finite."""
        squares = sum(
            float(weight.detach().float().pow(2).sum()) for name, weight in self.trained().items() if "lora_B" in name
        )
        if not math.isfinite(squares) or squares == 0.0:
            raise TrainingFailed(f"Training left no usable change in the weights (squared norm {squares}).")
        return math.sqrt(squares)

    def save(self, out: Path, base: str, max_rank: int, *, attested: bool = False) -> float:
        """Write the adapter to `out`, with `base` as the name of its model, and return its `change`.

        An `attested` one comes with what it can be known by. Raises TrainingFailed where nothing was learned, and
        BadAdapter where the engine would refuse it.
        """
        change = self.change()
        draft = out.with_name(f".{out.name}.draft")
        self.model.save_pretrained(draft, selected_adapters=["default"])
        config = json.loads((draft / CONFIG).read_text())
        # A path of this machine would name nothing on the next.
        config["base_model_name_or_path"] = base
        (draft / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True))
        (draft / "README.md").unlink(missing_ok=True)
        check_adapter(draft, max_rank)
        if attested:
            attest(self, draft).write(draft)
        draft.rename(out)
        return change

    @contextlib.contextmanager
    def _as(self, reference: bool) -> Any:  # noqa: ANN401
        with torch.autocast(self.device.type, self.products, enabled=self.products is not None):
            if not reference:
                yield
                return
            with torch.no_grad(), self.model.disable_adapter():
                yield

    def _score_dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.model.dtype
        return dtype

    def _below(self, groups: Sequence[Group], packed: Packed) -> torch.Tensor:
        assert self.halves is not None
        kept = [self._states.get(group) for group in groups]
        if all(one is None for one in kept):
            return self.halves.below(packed)
        made: list[torch.Tensor] = [
            self._through([group])[0] if one is None else one for one, group in zip(kept, groups, strict=True)
        ]
        return torch.nn.utils.rnn.pad_sequence(made, batch_first=True)

    def _through(self, groups: Sequence[Group]) -> torch.Tensor:
        assert self.halves is not None
        return self.halves.below(pack(groups, self._score_dtype(), self.device))

    @torch.no_grad()
    def _keep(self, groups: Sequence[Group], *, reference: bool) -> None:
        assert self.halves is not None
        packed = pack(groups, self._score_dtype(), self.device)
        with self._as(False):
            states = self.halves.below(packed)
        for place, group in enumerate(groups):
            one = states[place, : group.tokens].clone()
            if one.nbytes <= self._room:
                self._states[group] = one
                self._room -= one.nbytes
        if reference:
            with self._as(True):
                logps = self.halves.logps(states, packed)
            lengths = [sum(map(len, group.completions)) for group in groups]
            self._reference.update(zip(groups, torch.split(logps, lengths), strict=True))


def lora_config(model: Any, settings: LapSettings) -> LoraConfig:  # noqa: ANN401
    """LoRA on the last layers, which choose the words; those before, which know what is asked, stay as they are.

    A model that does not number its layers under the name `layers` is adapted as a whole.
    """
    layers = model.config.get_text_config().num_hidden_layers
    first = layers - max(1, round(settings.lora_top_share * layers))
    linear = (name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear))
    found = sorted({name.rsplit(".", 1)[-1] for name in linear if ".layers." in name})
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        use_rslora=settings.of(LoraSettings).use_rslora,
        target_modules=found or "all-linear",
        layers_to_transform=list(range(first, layers)) if found else None,
        task_type="CAUSAL_LM",
    )


def _halves(model: Any) -> tuple[Halves | None, str]:  # noqa: ANN401
    try:
        return Halves(model.get_base_model()), ""
    except ValueError as error:
        sys.stderr.write(f"The model is trained as a whole in every pass: {error}.\n")
        return None, str(error)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32
