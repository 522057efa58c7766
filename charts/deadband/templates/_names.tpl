{{/* Names and labels that every object shares. */}}

{{- define "deadband.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 48 characters leave room for the longest suffix, -metric-source. */}}
{{- define "deadband.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "deadband.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Cluster-scoped objects carry the namespace too, so that two releases of one name do not meet. */}}
{{- define "deadband.clusterName" -}}
{{- if eq .Release.Namespace (include "deadband.fullname" .) -}}
{{- include "deadband.fullname" . -}}
{{- else -}}
{{- printf "%s-%s" .Release.Namespace (include "deadband.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "deadband.selectorLabels" -}}
app.kubernetes.io/name: {{ include "deadband.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "deadband.releaseLabels" -}}
app.kubernetes.io/name: {{ include "deadband.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "deadband.labels" -}}
{{ include "deadband.releaseLabels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "deadband.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "deadband.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "deadband.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Where pods may run, the test's too: on a cluster whose nodes are all tainted it would wait for ever. */}}
{{- define "deadband.placement" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What the "restricted" Pod Security Standard asks of a container, and a root file system nobody can write to. */}}
{{- define "deadband.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "deadband.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
