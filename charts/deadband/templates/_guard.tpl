{{/* CEL that the guard says twice: of the target that a policy has, and of the one that a change takes away from it. */}}

{{/* Such as apps/Deployment; "" where the expression given is null. */}}
{{- define "deadband.guard.kind" -}}
{{ . }} == null ? "" : (
  {{ . }}.apiVersion.contains("/") ? {{ . }}.apiVersion.split("/")[0] : ""
) + "/" + {{ . }}.kind
{{- end -}}

{{/* True where the author may scale it. A kind without a plural is no business of this one: the first validation
refuses it as a target, and leaving it must be possible, or nobody could mend the policy. */}}
{{- define "deadband.guard.allowed" -}}
!({{ .kind }} in variables.resources)
|| authorizer.group({{ .kind }}.split("/")[0])
  .resource(variables.resources[{{ .kind }}][0])
  .subresource(variables.resources[{{ .kind }}][1])
  .namespace(request.namespace)
  .name({{ .ref }}.name)
  .check("patch").allowed()
{{- end -}}

{{/* Who lacks which right on what, and how to look it up. */}}
{{- define "deadband.guard.message" -}}
request.userInfo.username + " may not scale " + {{ .ref }}.kind + " " + {{ .ref }}.name + {{ .so | quote }}
+ " The right to patch " + variables.resources[{{ .kind }}].filter(part, part != "").join("/")
+ " in API group " + {{ .kind }}.split("/")[0] + ", namespace " + request.namespace + ", is missing. To look it up:"
+ " kubectl auth can-i patch " + variables.resources[{{ .kind }}][0] + "." + {{ .kind }}.split("/")[0] + "/" + {{ .ref }}.name
+ (variables.resources[{{ .kind }}][1] == "" ? "" : " --subresource=" + variables.resources[{{ .kind }}][1])
+ " -n " + request.namespace
{{- end -}}
