"""Adapters in the engine on a CPU: each token gets what its own adapter makes of it, and no other."""

import pytest
import torch

SLOTS, RANK, WIDTHS, INPUTS = 3, 4, (6, 2), 5


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # as vLLM is imported
@pytest.mark.parametrize("slots", [[-1, -1, -1], [2, 2, 2], [0, -1, 2, 1, 0, -1]], ids=["none", "one", "all at once"])
def test_a_token_is_changed_by_the_adapter_that_it_asked_for_and_by_no_other(slots):
    from vllm.lora.layers import LoRAMapping

    from chatbot.engine_lora import GroupedLora

    torch.manual_seed(0)
    wrapper = GroupedLora(max_num_batched_tokens=8, max_batches=8, device="cpu")
    mapping = LoRAMapping(tuple(slot + 1 for slot in slots), tuple(slot + 1 for slot in slots), is_prefill=True)
    wrapper.update_metadata(mapping, [1, 2, 3], SLOTS, 100)
    x, y = torch.randn(len(slots), INPUTS), torch.randn(len(slots), sum(WIDTHS))
    a = tuple(torch.randn(SLOTS, 1, RANK, INPUTS) for _ in WIDTHS)
    b = tuple(torch.randn(SLOTS, 1, width, RANK) for width in WIDTHS)
    wanted = y.clone()
    for row, slot in enumerate(slots):
        if slot >= 0:
            wanted[row] += torch.cat([0.5 * b[part][slot, 0] @ a[part][slot, 0] @ x[row] for part in (0, 1)])
    logits = y.clone()
    wrapper.add_lora_linear(y, x, a, b, 0.5, WIDTHS)
    torch.testing.assert_close(y, wanted)
    wrapper.add_lora_logits(logits[:, : WIDTHS[0]], x, a[0], b[0], 0.5)
    torch.testing.assert_close(logits[:, : WIDTHS[0]], wanted[:, : WIDTHS[0]])


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_layer_that_an_adapter_leaves_alone_costs_no_arithmetic():
    from chatbot.engine_lora import _change

    y, nothing = torch.ones(2, 3), torch.zeros(SLOTS, 1, 3, RANK)
    _change(y, None, None, nothing, 1.0, ((0, slice(2)),))
    torch.testing.assert_close(y, torch.ones(2, 3))
