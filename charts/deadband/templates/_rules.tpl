{{/* What the operator may do, once. Nothing is granted that it does not use: namespaces only with
rbac.namespaceSelectors, and no Secrets but those that metricSource.secretNames lists (rbac.yaml). */}}

{{/* Where policies are enforced: cluster-wide, or by a Role in each watched namespace. */}}
{{- define "deadband.policyRules" -}}
- apiGroups: [deadband.dev]
  resources: [scalingpolicies]
  verbs: [get, list, watch]
- apiGroups: [deadband.dev]
  resources: [scalingpolicies/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch]
# Replicas go through the scale subresource, so that a right to scale is not a right to change images.
- apiGroups: [apps]
  resources: [deployments/scale, statefulsets/scale]
  verbs: [patch]
# HPAs are told as contesters and as targets; one that is a target has its bounds moved, which no subresource holds.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, patch]
{{- range .Values.rbac.scaleTargets }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: [get]
- apiGroups: {{ toJson .apiGroups }}
  resources:
    {{- range .resources }}
    - {{ . }}/scale
    {{- end }}
  verbs: [get, patch]
{{- end }}
# Why pods that are wanted already do not come: asked before more are, of one workload at a time.
- apiGroups: [""]
  resources: [pods, events]
  verbs: [list]
# KEDA's, where it is installed: whose workload a policy leaves alone.
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* MetricSources are cluster-scoped, so this needs a ClusterRole in either mode. */}}
{{- define "deadband.sourceRules" -}}
- apiGroups: [deadband.dev]
  resources: [metricsources]
  verbs: [list, watch]
- apiGroups: [deadband.dev]
  resources: [metricsources/status]
  verbs: [patch]
{{- end -}}

{{- define "deadband.subject" -}}
- kind: ServiceAccount
  name: {{ include "deadband.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
