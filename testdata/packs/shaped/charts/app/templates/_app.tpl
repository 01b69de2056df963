{{- define "app.nebariApp" -}}
apiVersion: reconcilers.nebari.dev/v1
kind: NebariApp
metadata:
  name: {{ .name }}
  namespace: {{ .context.Release.Namespace }}
  labels: {{ toJson .labels }}
spec: {{ include "app.rendered" (dict "value" .spec "context" .context) }}
{{- end }}
{{- define "app.rendered" -}}
{{- if kindIs "map" .value -}}
{ {{- $context := .context -}}{{- $comma := "" -}}
{{- range $key, $value := .value }}{{ $comma }}{{ toJson $key }}: {{ include "app.rendered" (dict "value" $value "context" $context) }}{{ $comma = ", " }}{{ end -}} }
{{- else if and (kindIs "string" .value) (contains "{{" .value) -}}
{{ tpl .value .context }}
{{- else -}}
{{ toJson .value }}
{{- end -}}
{{- end }}
