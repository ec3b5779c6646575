# A producer is there, but its return annotation cannot be evaluated (one module imports the type for
# type checkers only, the other one for real), or is no type (`-> [int]`). Who asks for one stage by
# name must be told of that producer: "nothing provides" alone, and "there is: nothing else", sends
# them looking for a stage that is in front of them. Planning everything does tell it.

from __future__ import annotations

import faulthandler
import sys

faulthandler.dump_traceback_later(60, exit=True)  # the watchdog


def fail(text):
    print("FAIL:", text)
    sys.stdout.flush()
    sys.exit(1)


from decimal import Decimal
from typing import List

from stagekit import PlanError, Registry, plan

PRICES = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from decimal import Decimal

def price() -> Decimal:
    return 3
"""


def price_registry():
    registry, prices = Registry(), {"__name__": "prices"}
    exec(PRICES, prices)
    registry.add(prices["price"], id="price")

    @registry.stage(id="pay")
    def pay(amount: Decimal) -> str:
        return str(amount)

    return registry, "pay", "price"


def list_registry():
    registry = Registry()

    @registry.stage(id="numbers")
    def numbers() -> [int]:
        return [1]

    @registry.stage(id="total")
    def total(values: List[int]) -> str:
        return str(sum(values))

    return registry, "total", "numbers"


if __name__ == "__main__":
    wrong = []
    for registry, target, producer in (price_registry(), list_registry()):
        try:
            plan(target, registry=registry)
        except PlanError as error:
            if producer not in str(error):
                wrong.append(f"{producer} is not named:\n{error}")
        else:
            wrong.append(f"{producer}: no error")
    if wrong:
        fail("\n".join(wrong))
    print("ok")
