"""R19 for HPAs: bounds that no policy moves any more go back to what they were, whenever and however that came about.

Level-triggered: what is looked at is the annotation on the HPA and the policies that are there, not the deletion. So
what was deleted while no operator ran is restored by the next one that leads.
"""

import logging

from deadband.api.conditions import EventReason
from deadband.api.originals import OriginalBounds
from deadband.api.scalingpolicy import AUTOSCALER_GROUP, AUTOSCALER_KIND, AUTOSCALER_VERSION, Bound, PolicyMode
from deadband.core.autoscaler import Rewrite, parts, restored
from deadband.engine.clock import Clock
from deadband.engine.complaints import Complaints
from deadband.engine.records import PolicyRecord, WorkloadKey, read_policy
from deadband.engine.scheduler import Scheduler
from deadband.engine.store import Store
from deadband.ports import (
    AutoscalerRead,
    Autoscalers,
    ConflictError,
    Events,
    GoneError,
    ObjectRef,
    Policies,
    WriteError,
)

logger = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
"""How soon after its policy an HPA is looked at."""

PATIENCE_SECONDS = 60.0
"""After a refusal, which will hardly be taken back within seconds."""


class Restoring:
    """Gives HPAs their original bounds back."""

    def __init__(
        self,
        *,
        store: Store,
        scheduler: Scheduler,
        autoscalers: Autoscalers,
        policies: Policies,
        events: Events,
        clock: Clock,
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._autoscalers = autoscalers
        self._policies = policies
        self._events = events
        self._clock = clock
        self._complaints = Complaints(logger, clock)
        self._refused: dict[str, float] = {}
        """HPAs by UID, and until when they are left alone."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.once()
            await self._clock.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """Restore what is due, if this process leads and knows every policy."""
        if not self._scheduler.leading:
            return
        now = self._clock.monotonic()
        self._refused = {uid: until for uid, until in self._refused.items() if until > now}
        for (namespace, name), held in list(self._store.scalables.autoscalers.items()):
            originals = held.autoscaler.originals
            if originals is None or held.uid in self._refused:
                continue
            owner = self._store.policies.get(originals.uid)
            if restored(held.autoscaler, kept=self._kept(namespace, name, owner)) is None:
                continue
            about = ObjectRef(AUTOSCALER_KIND, namespace, name, held.uid, AUTOSCALER_VERSION)
            try:
                await self._restore(about, originals)
            except (ConflictError, GoneError):
                continue  # somebody else was faster; what there is now is looked at next time
            except WriteError as error:
                self._refused[held.uid] = now + PATIENCE_SECONDS
                self._complaints.tell("restore the bounds of", about, error)

    async def _restore(self, about: ObjectRef, originals: OriginalBounds) -> None:
        """Ask past every cache whether it is so, and write.

        Raises:
            WriteError: Nothing was restored.
        """
        owner = await self._owner(about.namespace, originals)
        found = await self._autoscalers.read(about.namespace, about.name)
        if found.autoscaler.originals is None or found.autoscaler.originals.uid != originals.uid:
            return
        rewrite = restored(found.autoscaler, kept=self._kept(about.namespace, about.name, owner))
        if rewrite is None or not self._scheduler.leading:
            return
        written = await self._autoscalers.rewrite(
            about.namespace, about.name, rewrite, resource_version=found.resource_version
        )
        self._store.apply(AUTOSCALER_KIND, "MODIFIED", written)
        self._tell(about, originals, found, rewrite)

    async def _owner(self, namespace: str, originals: OriginalBounds) -> PolicyRecord | None:
        """The policy that moved the bounds, as it is now; None when it is gone."""
        ref = ObjectRef("ScalingPolicy", namespace, originals.policy, originals.uid)
        try:
            fresh = await self._policies.read(ref)
        except GoneError:
            return None
        return read_policy(fresh, previous=self._store.policies.get(originals.uid))

    def _kept(self, namespace: str, name: str, owner: PolicyRecord | None) -> frozenset[Bound]:
        """The bounds that are not given back.

        An invalid policy and a dry run change nothing, so they give nothing back either (R14). Otherwise a bound is
        kept while some policy of this HPA moves it: one that was made anew under the old name takes over from where
        the bound stands (ADR 25).
        """
        if owner is not None and (owner.spec is None or owner.spec.mode is PolicyMode.DRY_RUN):
            return parts(Bound.BOTH)
        key = WorkloadKey(AUTOSCALER_KIND, namespace, name, AUTOSCALER_GROUP)
        movers = {one.ref.uid: one for one in self._store.claimants(key)}
        if owner is not None:  # as it was read now, which may be newer than what the store holds
            movers.pop(owner.ref.uid, None)
            movers |= {owner.ref.uid: owner} if owner.claim == key else {}
        moves = [one.spec.moves for one in movers.values() if one.spec is not None]
        return frozenset(bound for each in moves if each is not None for bound in parts(each))

    def _tell(self, about: ObjectRef, originals: OriginalBounds, found: AutoscalerRead, rewrite: Rewrite) -> None:
        before = found.autoscaler
        bounds = (("minReplicas", before.low, rewrite.low), ("maxReplicas", before.high, rewrite.high))
        changes = [f"{name} from {was} to {becomes}" for name, was, becomes in bounds if was != becomes]
        given = f"restored {' and '.join(changes)}" if changes else "somebody else has changed its bounds since"
        message = f"ScalingPolicy {originals.policy} moves this HPA no more; {given}."
        self._events.record(about, "Normal", EventReason.BOUNDS_RESTORED, message)
        where = {"namespace": about.namespace, "object": about.name, "policy": originals.policy}
        logger.info("HPA %s: %s", about.name, message, extra=where)
