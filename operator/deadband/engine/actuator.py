"""The one place that reads a policy's target past every cache, and writes it: replicas, or the bounds of an HPA."""

from dataclasses import dataclass

from deadband.api.scalingpolicy import AUTOSCALER_KIND, ScalingPolicySpec
from deadband.core.autoscaler import moved, target_of
from deadband.core.types import Target
from deadband.engine.records import PolicyRecord
from deadband.engine.store import Store
from deadband.ports import AutoscalerRead, Autoscalers, GoneError, Targets, Workload


@dataclass(frozen=True, slots=True)
class Reached:
    """A target as it was read for a write.

    Attributes:
        target: The facts that the decision uses.
        resource_version: Precondition of the write (R18); of the HPA, where there is one.
        workload: Whose pods they are.
        hpa: The HPA whose bounds move; None when replicas do.
    """

    target: Target
    resource_version: str
    workload: Workload
    hpa: AutoscalerRead | None = None


class Actuator:
    """Reads and writes targets of any kind, and shows the store what was written."""

    def __init__(self, store: Store, targets: Targets, autoscalers: Autoscalers) -> None:
        self._store = store
        self._targets = targets
        self._autoscalers = autoscalers

    async def read(self, namespace: str, spec: ScalingPolicySpec) -> Reached:
        """Read the target of a policy that has one.

        Raises:
            GoneError, DeniedError, UnreachableError: As their names say; of an HPA's workload, too.
        """
        reference, moves = spec.scale_target_ref, spec.moves
        assert reference is not None, "only a policy with a target reads one"
        if moves is None:
            workload = await self._targets.read(namespace, reference)
            return Reached(workload.target, workload.resource_version, workload)
        hpa = await self._autoscalers.read(namespace, reference.name)
        try:
            workload = await self._targets.read(namespace, hpa.autoscaler.scales)
        except GoneError as error:
            message = f"what {AUTOSCALER_KIND} {reference.name} scales cannot be scaled: {error}"
            raise GoneError(error.reason, message) from error
        return Reached(target_of(hpa.autoscaler, workload.target, moves), hpa.resource_version, workload, hpa)

    async def write(self, record: PolicyRecord, reached: Reached, replicas: int) -> None:
        """Set what the policy moves to `replicas`.

        Args:
            record: A valid policy.
            reached: Its target, read for this write.
            replicas: As decided on that.

        Raises:
            ConflictError: The target changed since it was read; nothing was written.
            GoneError, DeniedError, UnreachableError: As their names say; an unanswered write may have been taken.
        """
        spec, namespace = record.spec, record.ref.namespace
        assert spec is not None, "invalid policies write nothing"
        reference, moves = spec.scale_target_ref, spec.moves
        assert reference is not None, "only a policy with a target writes one"
        if reached.hpa is None or moves is None:
            await self._targets.scale(namespace, reference, replicas, resource_version=reached.resource_version)
            self._store.scalables.note_scaled(namespace, reference, replicas, resource_version=reached.resource_version)
            return
        rewrite = moved(reached.hpa.autoscaler, moves, replicas, policy=record.ref.name, uid=record.ref.uid)
        written = await self._autoscalers.rewrite(
            namespace, reference.name, rewrite, resource_version=reached.resource_version
        )
        self._store.apply(AUTOSCALER_KIND, "MODIFIED", written)
