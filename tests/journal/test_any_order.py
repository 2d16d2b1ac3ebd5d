"""Whatever happens to a payment in whatever order: nothing is lost, nothing settled is unsettled, nothing sent twice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mpesa_cbp.envelope import encode
from mpesa_cbp.errors import DuplicateConversation, JournalError, JournalRefusal
from mpesa_cbp.journal import Delivery, Journal
from mpesa_cbp.payments import OPEN_STATES, EventKind, Payment, PaymentState
from mpesa_cbp.statement import statement_of
from mpesa_cbp.transitions import FINAL_STEPS, Finding, step_of
from mpesa_cbp_models import Result, ResultParameters
from mpesa_cbp_models.operations import GENERIC_API_RESULT
from mpesa_cbp_models.result import ParameterType
from tests.journal.conftest import Clock

ID = "600000_Acme_1"
RECORDED = (
    *(EventKind.SENDING, EventKind.ACCEPTED, EventKind.QUEUED, EventKind.REFUSED, EventKind.NOT_SENT),
    EventKind.OUTCOME_UNKNOWN,
)
RESULT_CODES = st.sampled_from(["0", "1", "00000000", "43", "9999"])
Pairs = tuple[tuple[str, str], ...]
STATED = st.sampled_from(
    [(), (("Amount", "100.00"),), (("Amount", "1000.00"),), (("TransactionReceipt", "LCA618MKDW"),)]
)
RESPONSE_CODES = st.sampled_from(["0", "100000002", "100000004", "100000007", "15"])


def create(journal: Journal) -> None:
    journal.create(
        conversation_id=ID, command_id="BusinessPayment", amount=Decimal(100), receiver=None, request=b"<r/>"
    )


class Happenings(RuleBasedStateMachine):
    @initialize(created=st.booleans())
    def open_journal(self, created: bool) -> None:
        self.journal = Journal("sqlite://", clock=Clock())
        self.happened: list[tuple[EventKind, str | None]] = []
        self.identities: set[tuple[EventKind, str]] = set()
        self.before: list[Delivery] = []
        self.exists = False
        self.settled: Payment | None = None
        if created:
            self.payment_is_created()

    @rule()
    def payment_is_created(self) -> None:
        try:
            create(self.journal)
        except DuplicateConversation:
            assert self.exists
            return
        assert not self.exists
        self.exists = True
        self._happened(EventKind.CREATED, None)

    @rule(kind=st.sampled_from(RECORDED), code=RESPONSE_CODES)
    def step_is_recorded(self, kind: EventKind, code: str) -> None:
        before = self.journal.payment(ID)
        given = code if kind in (EventKind.ACCEPTED, EventKind.QUEUED, EventKind.REFUSED) else None
        try:
            self.journal.record(ID, kind, code=given)
        except DuplicateConversation:
            assert kind is EventKind.SENDING
            assert before is not None
            assert not before.may_be_sent
            return
        except JournalError:
            assert not self.exists
            return
        if kind is EventKind.SENDING:
            assert before is not None
            assert before.may_be_sent
        self._happened(kind, given)

    @precondition(lambda self: self.exists)
    @rule(finding=st.sampled_from(Finding), code=RESULT_CODES)
    def broker_is_asked(self, finding: Finding, code: str) -> None:
        given = code if finding is Finding.RESULT else None
        self.journal.record(ID, EventKind.QUERIED, code=given, detail=finding.value)
        self._happened(EventKind.QUERIED, given)

    @rule(paid=st.booleans())
    def person_settles_it(self, paid: bool) -> None:
        before = self.journal.payment(ID)
        events = len(self.journal.events(ID))
        try:
            self.journal.settle(ID, paid=paid, reason="a statement", by="J. Otieno", quiet=timedelta(0))
        except JournalRefusal:
            assert before is None or before.state not in OPEN_STATES
            assert len(self.journal.events(ID)) == events
            return
        after = self.journal.payment(ID)
        assert before is not None
        assert after is not None
        assert before.state in OPEN_STATES or (paid and before.may_be_sent)
        assert after.may_be_sent is not paid
        self._happened(EventKind.SETTLED, None)

    @rule(code=RESULT_CODES, identity=st.sampled_from("abcd"), more_follow=st.booleans(), stated=STATED)
    def result_is_delivered(self, code: str, identity: str, more_follow: bool, stated: Pairs) -> None:
        self._deliver(EventKind.RESULT, code, identity, more_follow=more_follow, stated=stated)

    @rule(identity=st.sampled_from("ab"))
    def queue_timeout_is_delivered(self, identity: str) -> None:
        self._deliver(EventKind.QUEUE_TIMEOUT, None, identity)

    def _deliver(
        self, kind: EventKind, code: str | None, identity: str, *, more_follow: bool = False, stated: Pairs = ()
    ) -> None:
        receipt = f"R{code.lstrip('0')}" if code is not None else None
        pairs = [ParameterType(key=key, value=value) for key, value in stated]
        message = Result(
            result_code=code or "", transaction_id=receipt, result_parameters=ResultParameters(result_parameter=pairs)
        )
        delivery = Delivery(
            kind=kind,
            identity=identity,
            conversation_id=ID,
            code=code,
            more_follow=more_follow,
            receipt=receipt,
            statement=statement_of(message) if kind is EventKind.RESULT else None,
            body=encode(message, operation=GENERIC_API_RESULT, direction="input") if code is not None else b"<m/>",
        )
        received = self.journal.receive(delivery)
        assert received.is_new == ((kind, identity) not in self.identities)
        if not received.is_new:
            return
        self.identities.add((kind, identity))
        if not self.exists:
            self.before.append(delivery)
        self._happened(kind, code)

    def _happened(self, kind: EventKind, code: str | None) -> None:
        """What a result has settled stays, whatever happens later."""
        self.happened.append((kind, code))
        payment, settled = self.journal.payment(ID), self.settled
        if settled is not None:
            assert payment is not None
            assert payment.state in (PaymentState.SUCCEEDED, PaymentState.FAILED)
            assert (payment.state, payment.result_code, payment.receipt) == (
                settled.state,
                settled.result_code,
                settled.receipt,
            )
        elif payment is not None and payment.result_code is not None:
            self.settled = payment
        last = self.journal.events(ID)[-1]
        if last.kind is EventKind.RESULT and (last.detail or "").startswith(Finding.DIFFERS.value):
            assert last.contradicts
            assert payment is None or not payment.may_be_sent

    def teardown(self) -> None:
        with self.journal:
            events = self.journal.events(ID)
        assert [(event.kind, event.code) for event in events] == self.happened
        steps = [
            (
                step_of(event.kind, code=event.code, detail=event.detail, more_follow=event.more_follow),
                event.contradicts,
            )
            for event in events
        ]
        final = [(step, contradicts) for step, contradicts in steps if step in FINAL_STEPS]
        assert all(contradicts for step, contradicts in final if step is not final[0][0])
        if self.exists and self.before:
            self._joining_later_comes_to_the_same()

    def _joining_later_comes_to_the_same(self) -> None:
        with Journal("sqlite://", clock=Clock()) as late, Journal("sqlite://", clock=Clock()) as early:
            for delivery in self.before:
                late.receive(delivery)
            create(late)
            create(early)
            for delivery in self.before:
                early.receive(delivery)
            assert _standing(late) == _standing(early)


def _standing(journal: Journal) -> tuple[object, ...]:
    payment = journal.payment(ID)
    assert payment is not None
    marks = [event.contradicts for event in journal.events(ID) if event.kind is not EventKind.CREATED]
    return payment.state, payment.result_code, payment.receipt, marks


TestHappenings = Happenings.TestCase
TestHappenings.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
