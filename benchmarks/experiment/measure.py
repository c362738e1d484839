"""All figures of the benchmark, each part in a process."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from rich.console import Console

from benchmarks.experiment import adds, false_wins, power
from benchmarks.experiment.moving import moving
from learner.experiment.judge import FUTILE_BELOW

MOST_MOVING = 400  # experiments of each plan whose shares move: the whole verdict is asked at every look, which is slow
GOALS = {"false_wins": 0.05, "saving": 0.3}
progress = Console(stderr=True, highlight=False, soft_wrap=True)


def tell(text: str) -> None:
    """A line of progress, from whichever process."""
    progress.print(text, markup=False)


def measure_power(seed: int, repeats: int) -> dict[str, Any]:
    """All that is measured with an effect; quick, for each user votes once."""
    tell("users to decide, regret and saving")
    medians, regrets = power.users_and_regret(seed, max(200, repeats // 2))
    by_power = power.savings(seed, 4 * repeats)
    tell("what CUPED, comparisons and futility add")
    return {
        "users_to_decide": medians,
        "regret": regrets,
        "saving": by_power["ours"]["0.95"]["saving"],
        "saving_by_power": by_power,
        "adds": {
            "cuped": adds.cuped(seed, 2 * repeats),
            "comparisons": adds.comparisons(seed, repeats),
            "futility": adds.futility(seed, repeats, FUTILE_BELOW),
        },
    }


def measure(users: int, n_star: float, repeats: int, seed: int, processes: int) -> dict[str, Any]:
    """Everything, each part with its own seed, so that the figures do not depend on how many processes there are."""
    began = time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        parts = [
            pool.submit(false_wins.thumbs, seed, users, n_star, repeats, tell),
            pool.submit(false_wins.comparisons, seed, users, n_star, repeats, tell),
            pool.submit(measure_power, seed, repeats),
        ]
        moved = pool.submit(moving, seed, min(repeats, MOST_MOVING), tell)
        (thumbs, thumbs_orders), (compared, compared_orders), powers = (part.result() for part in parts)
        moving_rates = moved.result()
    ours = [rate for rates in (thumbs, compared) for row in rates["ours"].values() for rate in row.values()]
    return {
        "false_wins": thumbs,
        "false_wins_comparisons": compared,
        "false_wins_most": max(ours),
        "false_wins_by_order": {"thumbs": thumbs_orders, "comparisons": compared_orders},
        "false_wins_moving": moving_rates,
        **powers,
        "met": {
            "false_wins": max(ours) <= GOALS["false_wins"],
            "saving": powers["saving"] >= GOALS["saving"],
        },
        "settings": {"users": users, "n_star": n_star, "repeats": repeats, "seed": seed, "alpha": 0.05},
        "seconds": round(time.monotonic() - began, 1),
    }
