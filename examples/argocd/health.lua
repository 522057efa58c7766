-- Health of a ScalingPolicy for Argo CD.
--   Degraded     Stalled: it cannot go on without a change
--   Suspended    paused by the annotation deadband.dev/paused: "true"
--   Progressing  not seen by the operator yet, or only in an older generation
--   Healthy      Ready, also while Prometheus is away: monitoring must not block a sync
local health = { status = "Progressing", message = "Waiting for the operator to see this policy" }

local status = obj.status
if status == nil or status.conditions == nil then
  return health
end
if status.observedGeneration ~= obj.metadata.generation then
  health.message = "Waiting for the operator to see the latest change"
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local function holds(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end

if holds("Stalled") then
  health.status = "Degraded"
  health.message = conditions.Stalled.reason .. ": " .. (conditions.Stalled.message or "")
  return health
end

local annotations = obj.metadata.annotations or {}
if annotations["deadband.dev/paused"] == "true" then
  health.status = "Suspended"
  health.message = "Paused by the annotation deadband.dev/paused"
  return health
end

if holds("Reconciling") then
  health.message = conditions.Reconciling.message or "Reconciling"
  return health
end

if holds("Ready") then
  health.status = "Healthy"
  health.message = ""
  if status.decision ~= nil and status.decision.sentence ~= nil then
    health.message = status.decision.sentence
  end
elseif conditions.Ready ~= nil then
  health.message = conditions.Ready.message or "Not ready"
end
return health
