"""The doors of the ledger: how each may be used, what it may refuse, and what may happen behind it.

Belongs here: what is drawn for a door, and the transitions it may make. Does not belong here: going through it.
"""

from datetime import date

from hypothesis import strategies as st

from ekiden.delivery.lists.exported import ExportRefused
from ekiden.delivery.pauses import SendingPaused
from ekiden.schedule.errors import ReasonMissing, UnknownScenario
from ekiden.schedule.operating.operators import TooManyRows, WrongState
from ekiden.schedule.rows import RowState
from tests.ledger.ground import CUSTOMERS, MODELS
from tests.ledger.interruptions import KINDS, Fuse

customers = st.sampled_from(CUSTOMERS)
models = st.sampled_from(MODELS)
# a plan has about sixty statements, an action of an operator ten
fuses = st.one_of(
    st.none(),
    st.none(),
    st.builds(Fuse, st.integers(0, 60), st.sampled_from(KINDS), st.booleans()),
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "scenario": models,
        "customer": customers,
        "step_no": st.integers(1, 3),
        "state": st.sampled_from([state.value for state in RowState]),
        "due_from": st.dates(date(2024, 3, 5), date(2024, 3, 15)),
        "due_to": st.dates(date(2024, 3, 5), date(2024, 3, 15)),
    },
)
reasons = st.sampled_from([None, "because", "顧客の「希望」により, 'quoted'"])

REFUSALS = (ExportRefused, ReasonMissing, SendingPaused, TooManyRows, UnknownScenario, WrongState)

# by door: what may happen to rows and enrolments behind it
BIRTHS = {"T1", "T2"}
DOORS = {
    "plan": BIRTHS | {"T15", "E1", "E3", "E4", "E6", "E7"},
    "send": BIRTHS | {"T5", "T6", "T7", "T8", "T9", "T10", "T15", "E2", "E3", "E4", "E6"},
    "reconcile": BIRTHS | {"T7", "T9", "T10", "E2", "E4", "E6"},
    "settle": BIRTHS | {"T7", "T9", "T10", "E2", "E4", "E6"},
    "export": BIRTHS | {"T11", "T15", "E2", "E3", "E4", "E6"},
    "release": {"T3"},
    "hold": {"T4"},
    "complete": {"T12", "E5"},
    "block": {"T13", "E5"},
    "retry": {"T10"},
    "reopen": {"T14", "E10"},
    "delete": {"T16", "E5", "E9"},
    # facts, builds, edits, pauses and the clock change nothing by themselves
    "": set(),
}
